"""What a profile's file may say: its keys, their types, and the names that the registries know.

One sentence tells what is wrong first: the file, the path of the key, what stands there and what is expected.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator
from pydantic_core import ErrorDetails

from harmlib import models
from harmlib.data.augmentations import AUGMENTATIONS
from harmlib.data.composers.base import PUBLISHED, get_composer
from harmlib.data.sources import open_source
from harmlib.errors import DataError, ParameterError
from harmlib.metrics.protocols import get_protocol
from reproduction.checkout import CHECKOUT
from reproduction.profiles import PARTS

Path = tuple[Any, ...]


class Slip(Exception):  # noqa: N818 (it never leaves the reading of a profile, which names the file too)
    """What is wrong in a profile: the path of a key, and the rest of the sentence."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(problem)
        self.path, self.problem = path, problem


# Names become folders, parts of file names and words of shell commands.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
Device = Literal["cpu", "gpu"]
DEVICES: tuple[Device, ...] = ("cpu", "gpu")
MOST = 2**31 - 1  # of anything that is counted, and the largest seed
NUMBER_AS_TEXT = " (YAML reads it as text: a number has no quotes, and a dot before its e, as in 1.0e-3)"


def check_name(name: str) -> str:
    """The name itself; raises ParameterError for one that could not be a file's."""
    if not NAME.fullmatch(name):
        raise ParameterError(f"{reprlib.repr(name)} cannot be a name: use up to 80 letters, digits, dots, _ and -, a letter or digit first")
    return name


def _check_folder(folder: str) -> str:
    """The folder itself; raises ParameterError for one that may lie outside DATA."""
    if not folder or PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts or "\\" in folder:
        raise ParameterError(f"{reprlib.repr(folder)} is no folder below DATA: write it without .. and without a slash in front")
    return folder


def _check_composer(name: str) -> str:
    """The composer itself; raises ParameterError for an unknown one."""
    if name != PUBLISHED:
        get_composer(name)
    return name


def _among(what: str, names: Callable[[], Iterable[str]]) -> AfterValidator:
    """The check that a text is among some names; what: what these name."""

    def check(name: str) -> str:
        known = list(names())
        if name not in known:
            raise ParameterError(f"there is no {what} {reprlib.repr(name)}: {suggest(name, known)}")
        return name

    return AfterValidator(check)


def _check_perturbed_size(text: str) -> str:
    """The text itself; raises ParameterError for one that is neither "original" nor a number of pixels."""
    if text != "original" and not re.fullmatch(r"[1-9][0-9]{0,4}", text):
        raise ParameterError(f'{reprlib.repr(text)} is no size: write "original" or a number of pixels in quotes')
    return text


def _check_option(value: Any) -> Any:
    """A plain value, or a list or a table of them; raises ParameterError for anything that is no option of a method or a source."""
    values = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
    if not all(entry is None or isinstance(entry, bool | int | float | str) for entry in values):
        raise ParameterError("an option is a text, a number, true or false, or a list or table of these")
    return value


Name = Annotated[str, AfterValidator(check_name)]
Text = Annotated[str, Field(min_length=1)]
Options = dict[str, Annotated[Any, PlainValidator(_check_option)]]
Split = Literal["train", "val", "test"]
Count = Annotated[int, Field(ge=1, le=MOST)]
CountOrNone = Annotated[int, Field(ge=0, le=MOST)]
# Of what a plan lists one by one.
Repeats = Annotated[int, Field(ge=1, le=100)]
Draws = Annotated[int, Field(ge=0, le=10_000)]
Notebook = Annotated[str, _among("notebook", lambda: sorted(path.stem for path in (CHECKOUT / "notebooks").glob("*.ipynb")))]


class Entry(BaseModel):
    """Whatever stands in a profile: known keys only, numbers as numbers."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    def given(self) -> dict[str, Any]:
        """The values that the file gives, lists as tuples."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


class SourceEntry(Entry):
    """A photograph source; see ``profiles.SourcePlan``."""

    kind: str
    folder: Annotated[str, AfterValidator(_check_folder)] | None = None
    options: Options = {}

    @model_validator(mode="after")
    def _can_be_opened(self) -> SourceEntry:
        """Ask the source itself about its kind and its options; without a folder, one that needs one says so."""
        try:
            open_source(self.kind, None, **self.options)
        except DataError as error:
            if self.folder is None:
                raise ParameterError(f'a source of kind "{self.kind}" needs its folder below DATA: give folder') from error
        return self


class BenchmarkEntry(Entry):
    """A benchmark; see ``BenchmarkPlan``. name: its folder, where that is not its key."""

    name: Name | None = None
    composer: Annotated[str, AfterValidator(_check_composer)]
    title: Text
    dataset: Text
    sources: Annotated[list[str], Field(min_length=1)]
    splits: Annotated[list[Split], Field(min_length=1)] = ["train", "val", "test"]
    draws: dict[Split, Annotated[int, Field(ge=1, le=10_000)]] = {}
    models_of: str | None = None
    scored: bool = True


class Settings(Entry):
    """What a budget or a run says about training; see ``RunPlan``. repeats: how often it is trained, each time from another seed."""

    iterations: CountOrNone | None = None
    batch_size: Count | None = None
    options: Options = {}
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    milestones: list[Count] = []
    rates: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    start_from: str | None = None
    parts: dict[str, str] = {}
    keep: list[Count] = []
    selection: CountOrNone = 0
    validations: Count = 10
    select: Literal["best", "last"] = "best"
    hold_out: Annotated[float, Field(ge=0, lt=1)] = 0.0
    average: Annotated[float, Field(gt=0, lt=1)] | None = None
    norm_batches: CountOrNone = 0
    draws: Draws = 0
    augmentations: list[Annotated[str, _among("augmentation", lambda: AUGMENTATIONS)]] | None = None
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    accumulate: Count = 1
    online: bool = True
    packed: bool = False
    longest_side: CountOrNone = 0
    perturb_at: Annotated[str, AfterValidator(_check_perturbed_size)] = "256"
    workers: CountOrNone = 0
    save_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60
    repeats: Repeats = 1


class BudgetEntry(Settings):
    """What the runs of one budget share. runs: for a method, a run, or a run on one benchmark (``run-benchmark``) in place of that."""

    runs: dict[str, Settings] = {}


class RunEntry(Settings):
    """A run; its key is its method, or its method, "_" and a label. benchmarks: the only ones it is trained on; empty for all."""

    method: str | None = None
    budget: str
    benchmarks: list[str] = []


class PaperEntry(Entry):
    """What a paper needs; see ``profiles.PaperPlan``."""

    benchmarks: Annotated[list[str], Field(min_length=1)]
    runs: list[str]
    protocols: Annotated[dict[Annotated[str, AfterValidator(lambda name: get_protocol(name).name)], list[str] | None], Field(min_length=1)]
    notebooks: list[Notebook]
    weightless: list[str] = ["composite"]


class ProfileEntry(Entry):
    """A whole profile together with what it extends.

    leave_out: patterns of benchmarks and runs that it does without. queue, threads: see ``profiles.Profile``.
    """

    seed: CountOrNone
    sources: dict[Name, SourceEntry]
    benchmarks: dict[Name, BenchmarkEntry]
    runs: dict[Name, RunEntry]
    papers: dict[Name, PaperEntry]
    budgets: dict[Name, dict[Device, BudgetEntry]]
    lessons: list[Notebook] = []
    leave_out: list[str] = []
    queue: dict[Name, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    threads: Annotated[int, Field(ge=1)] | None = None


# The entries below a key of the profile, for a message about an unknown key.
ENTRIES: dict[str, type[Entry]] = {
    "sources": SourceEntry,
    "benchmarks": BenchmarkEntry,
    "runs": RunEntry,
    "papers": PaperEntry,
    "budgets": BudgetEntry,
}


def parse(content: Mapping[str, Any]) -> ProfileEntry:
    """The checked content of a profile; raises Slip for what is wrong with it first."""
    try:
        entry = ProfileEntry.model_validate(content)
    except ValidationError as error:
        raise _slip(error.errors(include_url=False)[0]) from error
    _check_folders(entry)
    return entry


def _check_folders(profile: ProfileEntry) -> None:
    """Raise Slip for names that would share a folder: where file systems ignore case, or with the parts that scores are made of."""
    for part in ("sources", "benchmarks", "runs", "papers"):
        seen = {PARTS: PARTS} if part == "papers" else dict[str, str]()
        for name in getattr(profile, part):
            if name.lower() in seen:
                raise Slip((part, name), f'would share a folder with "{seen[name.lower()]}": give it another name')
            seen[name.lower()] = name


def _slip(problem: ErrorDetails) -> Slip:
    """The first thing that is wrong, as a sentence about a path."""
    path, last = problem["loc"][:-1], problem["loc"][-1]
    if problem["type"] == "missing":
        return Slip(path, f'lacks the key "{last}"')
    if problem["type"] == "extra_forbidden":
        entry = ENTRIES[str(path[0])] if path else ProfileEntry
        entry = Settings if entry is BudgetEntry and "runs" in path[2:] else entry
        return Slip(path, f"has the unknown key {reprlib.repr(last)}: {suggest(last, entry.model_fields)}")
    if problem["type"] == "value_error":
        return Slip(problem["loc"], f"is not valid: {problem['ctx']['error']}")
    hint = NUMBER_AS_TEXT if _is_number(problem["input"]) else ""
    try:
        found = reprlib.repr(problem["input"])
    except ValueError:  # Python writes no number of more than 4300 digits
        found = "a number of thousands of digits"
    words = problem["msg"].replace("Input should", "it should")
    return Slip(problem["loc"], f"is {found}: {words}{hint}")


def suggest(name: Any, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the known ones most like it, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=3) or known
    return f"choose from {', '.join(close)}" if close else "there is none to choose"


def check_options(path: Path, method: str, options: Mapping[str, Any]) -> None:
    """Raise Slip for an option that a method does not have, and for text where it expects a number or a switch."""
    known = models.describe(method).options
    for name, value in options.items():
        if name not in known:
            raise Slip((*path, name), f'is no option of "{method}": {suggest(name, known)}')
        switch, number = (isinstance(known[name], kind) for kind in (bool, int | float))  # a switch is a number too
        if switch != isinstance(value, bool) or (number and not isinstance(value, int | float)):
            hint = NUMBER_AS_TEXT if number and _is_number(value) else ""
            raise Slip((*path, name), f"is {reprlib.repr(value)}: {method} takes {known[name]!r} by default{hint}")
        if number and not switch and known[name] > 0 and not 0 < value < MOST:
            raise Slip((*path, name), f"is {value!r}: {method} takes {known[name]!r} by default, give a number above 0")


def _is_number(value: Any) -> bool:
    """Tell whether a text would be a number without YAML's rules."""
    try:
        float(value if isinstance(value, str) else "text")
    except ValueError:
        return False
    return True
