"""Where a notebook works: the checkout, a profile, the folder of results, and the photographs."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from harmlib.io.files import remove_partial
from reproduction.checkout import CHECKOUT
from reproduction.profiles import Profile, load_profile
from reproduction.stages import Results, device_kind

# Environment variables that every notebook's parameters default to.
PROFILE, DATA = "HARMLIB_PROFILE", "HARMLIB_DATA"


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
    """
    from reproduction.kit.alternatives import show_alternative_texts
    from reproduction.kit.style import use_theme

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    use_theme()
    show_alternative_texts()
    data = data or os.environ.get(DATA)
    loaded = load_profile(profile or os.environ.get(PROFILE) or "smoke")
    workspace = Workspace(loaded, Results(CHECKOUT / results, loaded.name), CHECKOUT / data if data else None)
    for folder in (workspace.results.figures, workspace.results.tables):
        remove_partial(folder)  # some of it is committed
    print(f"profile {loaded.name}, device {device_kind()}, seed {loaded.seed}, photographs: {', '.join(loaded.sources)}")
    return workspace
