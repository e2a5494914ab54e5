"""Times, memory and sizes of every method, as ``benchmarks/inference_1080p.py`` wrote them beside the profiles' results.

They are measured apart from the notebooks, because times change from run to run; nothing here takes a time itself.
"""

from __future__ import annotations

import pandas as pd

from harmlib.io.tables import FINITE, TEXT, read_frame
from reproduction.kit.artefacts import Artefacts

FILE = "inference.csv"
NOT_MEASURED = "run benchmarks/inference_1080p.py"
SIZE = "1080p"
KINDS = dict.fromkeys(("method", "part", "size", "device"), TEXT) | dict.fromkeys(("milliseconds", "memory_mib", "checkpoint_mb"), FINITE)


def read_measurements(artefacts: Artefacts) -> pd.DataFrame:
    """Return the measurements beside the profiles' results; empty, with their columns, where there are none."""
    path = artefacts.workspace.results.root.parent / FILE
    if path.exists():
        return read_frame(path, KINDS)
    return pd.DataFrame(columns=list(KINDS))


def device_of(measured: pd.DataFrame) -> str:
    """Return the device that measurements were made on; "not measured" without any."""
    return ", ".join(measured["device"].unique()) or "not measured"


def frames(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of whole 1080p frames, by method."""
    return measured[(measured["part"] == "frame") & (measured["size"] == SIZE)].set_index("method")
