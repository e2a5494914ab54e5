"""The packages that a lent machine needs beside its own torch."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harmlib.errors import DataError
from reproduction.checkout import CHECKOUT

# A machine with a GPU has its own, built for its driver.
OWN = frozenset({"torch", "torchvision"})
EXTRAS = ("train", "lab", "data")
# Of the extra reproduction, what profiles are read with. Of data, COCO's reader is not needed: photographs travel in the folder layout.
BESIDE, WITHOUT = ("pyyaml", "pydantic", "packaging"), frozenset({"pycocotools"})


def wheel_list(installed: Collection[str]) -> list[str]:
    """Return ``name==version``, sorted, of what has to be installed, in the versions of this machine.

    installed: names of packages that are there already, in any spelling.
    """
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    waiting = [Requirement(line).name for line in [*project["dependencies"], *extras, *BESIDE]]
    there = {canonicalize_name(name) for name in installed} | OWN | WITHOUT
    found: dict[str, str] = {}
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in there and name not in found:
            found[name] = metadata.version(name)
            required = map(Requirement, metadata.requires(name) or ())
            # Those that hold here, without extras.
            waiting += [entry.name for entry in required if not entry.marker or entry.marker.evaluate({"extra": ""})]
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def read_installed(path: str | Path) -> list[str]:
    """Return the names in a list of packages, one a line, with or without versions; raises DataError when it cannot be read."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'"{path}" is no list of packages: write it with pip freeze on the lent machine') from error
    return [line.partition("==")[0].partition(" ")[0].strip() for line in lines if line.strip() and not line.startswith(("#", "-"))]
