"""What every system costs: parameters, multiply-accumulates, time, memory, and the size of its weights.

Times and memory are those that ``benchmarks/inference_1080p.py`` measured; nothing here takes a time itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from harmlib.models.base import HarmonizationModel
from harmlib.models.registry import BYTES
from reproduction.kit.measurements import NOT_MEASURED, device_of
from reproduction.kit.names import NAMES, parameters_of

SIZES = ("1080p", "4K")
# Columns of the measurements -> what they are called here.
FRAME = {"milliseconds": "ms", "memory_mib": "MiB"}


def multiply_accumulates(model: HarmonizationModel, composite: Tensor, mask: Tensor | None) -> int:
    """Return how many multiply-accumulates one prediction takes.

    composite, mask: as for the model; some methods take more for a larger foreground or one of more colors. Counted are convolutions,
    linear layers and the products of attention, forwards, and backwards too where a method searches by gradients. Not counted is
    what has no layers: norms, activations, pooling, resizing, sampling, color curves, filters, clustering.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    # The counter does not know the one operation that attention becomes on its fast path, and loses track in inference mode.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(composite, mask)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return counter.get_total_flops() // 2


def cost_table(methods: Sequence[str], measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row per method: method, system, parameters (millions), weights_mb, gmacs, 1080p_ms, 4K_ms, 1080p_MiB, 4K_MiB, note.

    measured: as ``measurements.read_measurements`` returns it. Parameters and weights are those of the method at full width, without
    discriminators. The note says of a method without times how to measure it.
    """
    whole = measured[measured["part"] == "frame"].reindex(columns=["method", "size", "gmacs", *FRAME]).set_index(["method", "size"])
    rows = []
    for method in methods:
        count = parameters_of(method)
        row: dict[str, object] = {"method": method, "system": NAMES[method], "parameters": count / 1e6, "weights_mb": BYTES * count / 1e6}
        known = [size for size in SIZES if (method, size) in whole.index]
        row["gmacs"] = whole.loc[(method, known[0]), "gmacs"] if known else float("nan")
        for size in SIZES:
            for column, unit in FRAME.items():
                row[f"{size}_{unit}"] = whole.loc[(method, size), column] if size in known else float("nan")
        row["note"] = "" if known else f"not measured: {NOT_MEASURED}"
        rows.append(row)
    return pd.DataFrame(rows).assign(device=device_of(measured))
