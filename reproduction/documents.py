"""One way in for what the reproduction keeps as JSON or YAML: a pydantic model per kind, and one sentence about what does not fit."""

from __future__ import annotations

import reprlib
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from harmlib.errors import DataError

Model = TypeVar("Model", bound="Document")


class Document(BaseModel):
    """Content of a file: numbers are numbers, texts are texts; keys that the model does not name are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


def check_document(content: Any, model: type[Model], name: str, *, advice: str) -> Model:
    """Return the content of a file as its model; ``name`` opens the sentence, ``advice`` ends it.

    Raises DataError with the path of the first key that is missing or holds something else.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    path = ".".join(map(str, problem["loc"]))
    if problem["type"] == "missing":
        raise DataError(f'{name} lacks the key "{path}": {advice}')
    words = problem["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    raise DataError(f"{name}: {path or 'its content'} is {reprlib.repr(problem['input'])}, {words}: {advice}")
