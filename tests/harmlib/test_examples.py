"""The examples in the library's docstrings: what they print is what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [path.relative_to(ROOT) for path in sorted((ROOT / "harmlib").rglob("*.py")) if ">>> " in path.read_text()]
MODULES = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in FILES]


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)

    assert result.attempted > 0
    assert result.failed == 0, capsys.readouterr().out


def test_the_functions_of_users_have_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [test.name for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]

    assert len(examples) >= 25, examples
