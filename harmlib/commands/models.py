"""Every method at a glance: what ``python -m harmlib models`` prints."""

from __future__ import annotations

import pandas as pd

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.models.registry import BYTES, parameters


def model_table(pattern: str = "*") -> pd.DataFrame:
    """Return one row per registered method that matches a shell pattern.

    Columns: method; system (its name in tables); reference (authors and year); mask ("needs" or "none"); parameters, of what harmonizes,
    in millions at full width; MiB, of a float32 file of these; released, whether weights come with harmlib; weights (where the authors
    publish some that ``load_public_checkpoint`` reads, else empty).
    """
    rows = []
    for name in models.list_models(pattern):
        info, count = models.describe(name), parameters(name)
        row = {"method": name, "system": info.system, "reference": info.reference, "mask": "needs" if info.needs_mask else "none"}
        size = {"parameters": count / 1e6, "MiB": count * BYTES / 2**20}
        rows.append({**row, **size, "released": name in models.list_released(), "weights": info.weights})
    return pd.DataFrame(rows)


def print_models(pattern: str = "*") -> None:
    """Print the table for a shell; raises ParameterError when no method matches the pattern."""
    table = model_table(pattern)
    if table.empty:
        raise ParameterError(f'no method matches "{pattern}": write "*" for the rest of a name, or leave the pattern out to see them all')
    lines = table.assign(
        parameters=table["parameters"].map("{:.2f} M".format),
        size=table["MiB"].map("{:.1f} MiB".format),
        released=table["released"].map({True: "yes", False: "no"}),
        weights=table["weights"].replace("", "none published that load here"),
    )
    columns = ["method", "reference", "mask", "parameters", "size", "released", "weights"]
    lines.loc[table["parameters"] == 0, ["parameters", "size", "released", "weights"]] = ("none", "", "", "")
    print(lines[columns].rename(columns={"reference": "paper", "weights": "the authors' weights"}).to_string(index=False))
