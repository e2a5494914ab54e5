"""Where a notebook works: the checkout, a profile, the folder of results, and the photographs."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harmlib.errors import DataError, ParameterError
from harmlib.io.files import remove_partial
from reproduction.checkout import CHECKOUT
from reproduction.profiles import Profile, load_profile
from reproduction.stages import Results, device_kind

# Environment variables that every notebook's parameters default to.
PROFILE, DATA = "HARMLIB_PROFILE", "HARMLIB_DATA"
# What the annotations in a notebook's cell of parameters stand for; every whole number there counts something.
KINDS: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    int: ((int,), "a whole number from 1"),
    float: ((int, float), "a number"),
    list[str]: ((str,), 'a list of names, such as ["a", "b"]'),
    list[float]: ((int, float), "a list of numbers, such as [1, 1.5]"),
}


@dataclass(frozen=True)
class Workspace:
    """What every notebook needs: the profile, where results stand, and the root of the photographs (or None)."""

    profile: Profile
    results: Results
    data: Path | None


def open_workspace(profile: str | None = None, *, data: str | None = None, results: str = "results") -> Workspace:
    """Return the workspace of a notebook, and set up plot style and logging.

    profile, data: None means what the environment says in HARMLIB_PROFILE and HARMLIB_DATA, without these smoke and no photographs.
    Relative folders are taken from the repository, so that a notebook runs in any working directory.
    Raises ParameterError for a parameter of the calling notebook that is not what its annotation says, and for an unknown profile;
    DataError where the folder of photographs is not there.
    """
    from reproduction.kit.alternatives import show_alternative_texts
    from reproduction.kit.style import use_theme

    check_parameters(vars(sys.modules["__main__"]))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    use_theme()
    show_alternative_texts()
    data = data or os.environ.get(DATA)
    loaded = load_profile(profile or os.environ.get(PROFILE) or "smoke")
    loaded.set_threads()
    workspace = Workspace(loaded, Results(CHECKOUT / results, loaded.name), CHECKOUT / data if data else None)
    if workspace.data and not workspace.data.is_dir():
        raise DataError(f'there is no folder of photographs "{data}": give its path as data or in {DATA}, relative to the repository')
    for folder in (workspace.results.figures, workspace.results.tables):
        remove_partial(folder)  # some of it is committed
    print(f"profile {loaded.name}, device {device_kind()}, seed {loaded.seed}, photographs: {', '.join(loaded.sources)}")
    return workspace


def check_parameters(names: Mapping[str, Any]) -> None:
    """Raise ParameterError for an annotated name, as in a notebook's cell of parameters, whose value is of another kind.

    names: those of a module. None always passes; counts below 1 and empty lists, with which nothing could be shown, do not.
    """
    for name, annotation in names.get("__annotations__", {}).items():
        value = names.get(name)
        if annotation not in KINDS or value is None:
            continue
        types, words = KINDS[annotation]
        values = [value] if annotation in (str, int, float) else value
        fits = isinstance(values, list) and values and all(isinstance(entry, types) and not isinstance(entry, bool) for entry in values)
        if not fits or (annotation is int and value < 1):
            raise ParameterError(f"the parameter {name} is {value!r}, expected {words}")
