"""Table 3 of Harmonizer, and the speeds of table 4, from ``kit.measurements``."""

from __future__ import annotations

import pandas as pd

from reproduction.harmonizer.artefacts import LABELS, PAPER
from reproduction.kit.measurements import NOT_MEASURED, SIZE, device_of, frames
from reproduction.kit.tables import beside_paper
from reproduction.papers import published

PAPER_DEVICE = "RTX3090"
GIB = 1024.0
QUICK_FORM = "8-bit"


def speed_table(measured: pd.DataFrame) -> pd.DataFrame:
    """Return table 3: frames per second, size of the checkpoint and memory at 1080p beside the paper's, in the paper's units."""
    printed = published(PAPER, 3)
    rows, reasons = [], dict.fromkeys(printed["method"], NOT_MEASURED)
    for method, row in frames(measured).iterrows():
        known = {"inference speed": 1000 / row["milliseconds"], "model size": row["checkpoint_mb"], "gpu memory": row["memory_mib"] / GIB}
        wanted = method in {*printed["method"], "reinhard_lab"}
        rows += [(method, metric, value) for metric, value in known.items() if wanted]
    # An exact number has no interval.
    ours = pd.DataFrame(rows, columns=["method", "metric", "mean"]).assign(low=float("nan"), high=float("nan"), n=1)
    table = beside_paper(ours, printed, data=f"one 1080p frame, {device_of(measured)}", reasons=reasons)
    own = table["paper"] == ""
    directions = dict(zip(printed["metric"], printed["direction"], strict=True))
    return table.assign(
        row=table["row"].where(table["row"] != "", table["method"].map(LABELS)),
        direction=table["direction"].mask(own, table["metric"].map(directions)),
        dataset="-",
        subset_or_bucket="",
    )


def ratio_table(measured: pd.DataFrame) -> pd.DataFrame:
    """Return how Harmonizer compares with each measured method of table 3: method, quantity, ratio, ratio in the paper.

    Above 1, Harmonizer is quicker, smaller or thriftier. Ratios carry over from device to device, times do not.
    """
    table = speed_table(measured)
    known = table.assign(printed=pd.to_numeric(table["paper"])).dropna(subset=["ours", "printed"])
    own = known[known["method"] == PAPER].set_index("metric")
    rows = []
    for row in known[(known["method"] != PAPER) & known["metric"].isin(own.index)].to_dict("records"):
        mine, power = own.loc[row["metric"]], 1 if row["direction"] == "up" else -1
        ratios = [(mine[name] / row[name]) ** power for name in ("ours", "printed")]
        rows.append((LABELS[row["method"]], row["metric"], *ratios))
    return pd.DataFrame(rows, columns=["Harmonizer against", "quantity", "ratio", "ratio in the paper"])


def filter_table(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the speeds of table 4, relative to six filters: filters, milliseconds of the filters, speed ratio, ratio in the paper.

    A frame with k filters takes what Harmonizer's frame takes, less the time of six filters, plus that of k. Empty where one of these
    was not measured.
    """
    printed = published(PAPER, "4-right").query("metric == 'inference speed'").set_index("row")["number"]
    alone = measured[(measured["part"] == QUICK_FORM) & (measured["size"] == SIZE)].set_index("method")["milliseconds"]
    whole = frames(measured)["milliseconds"]
    if PAPER not in whole or not set(printed.index) <= set(alone.index):
        return pd.DataFrame(columns=["filters", "milliseconds", "ratio", "ratio in the paper"])
    network = whole[PAPER] - alone["6 filters"]
    names = sorted(printed.index, key=lambda name: int(name.split()[0]))
    rows = [(name, alone[name], whole[PAPER] / (network + alone[name]), printed[name] / printed["6 filters"]) for name in names]
    return pd.DataFrame(rows, columns=["filters", "milliseconds", "ratio", "ratio in the paper"])


def sentence(measured: pd.DataFrame) -> str:
    """Return what may be concluded from the measurements."""
    if not len(measured):
        return f"No measurement beside the results: {NOT_MEASURED}."
    return f"Ours on {device_of(measured)}, the paper's on one {PAPER_DEVICE}: compare ratios only."
