"""The registry that methods, composers, sources and perturbations share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harmlib.errors import ParameterError
from harmlib.registry import Registry


@pytest.fixture
def colors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[str]]:
    """A registry of a package with two modules, each of which adds a color."""
    package = tmp_path / "palette"
    package.mkdir()
    (package / "__init__.py").write_text('from harmlib.registry import Registry\nCOLORS = Registry("color", "palette")\n')
    for name in ("red", "blue"):
        (package / f"{name}.py").write_text(f'from palette import COLORS\nCOLORS.add("{name}", "dark {name}")\n')
    (package / "layers").mkdir()
    (package / "layers" / "__init__.py").write_text('raise RuntimeError("a folder of the package is no entry")\n')
    monkeypatch.syspath_prepend(tmp_path)
    import palette

    yield palette.COLORS
    for name in [name for name in sys.modules if name.partition(".")[0] == "palette"]:
        del sys.modules[name]


def test_every_module_of_the_package_is_found(colors: Registry[str]) -> None:
    assert colors.names() == ["blue", "red"]


def test_an_entry_is_found_without_listing_first(colors: Registry[str]) -> None:
    assert colors.get("red") == "dark red"


def test_a_name_is_taken_once(colors: Registry[str]) -> None:
    colors.names()

    with pytest.raises(ParameterError, match='the color "red" is registered twice: give one of the two another name'):
        colors.add("red", "light red")
    assert colors.get("red") == "dark red"


def test_a_misspelled_name_is_told_the_closest(colors: Registry[str]) -> None:
    with pytest.raises(ParameterError, match=r'there is no color "redd": choose from red$'):
        colors.get("redd")


def test_a_name_as_tables_print_it_is_told_the_entry(colors: Registry[str]) -> None:
    with pytest.raises(ParameterError, match=r'there is no color "B-LUE": choose from blue$'):
        colors.get("B-LUE")


def test_a_name_unlike_any_is_told_all(colors: Registry[str]) -> None:
    with pytest.raises(ParameterError, match=r'there is no color "x": choose from blue, red$'):
        colors.get("x")
