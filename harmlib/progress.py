"""Progress bars with rate and remaining time: a widget in JupyterLab, a line in a terminal.

Where papermill runs a notebook from a terminal, nobody sees a widget, so the runner asks for lines (``IN_TERMINAL``). Worker processes
show none (``HIDDEN``): the process that shared out the work does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

IN_TERMINAL = "HARMLIB_PROGRESS_IN_TERMINAL"
HIDDEN = "HARMLIB_PROGRESS_HIDDEN"


def progress(items: Iterable[Any] | None = None, **options: Any) -> Any:
    """Return tqdm's bar around ``items``; options are tqdm's (total, initial, desc, unit)."""
    if os.environ.get(HIDDEN) or sys.stderr is None:
        options["disable"] = True
    if os.environ.get(IN_TERMINAL):
        from tqdm import tqdm

        return tqdm(items, mininterval=2, **options)
    from tqdm.auto import tqdm as tqdm_auto

    return tqdm_auto(items, **options)
