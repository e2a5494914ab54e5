"""Do submasks help more where a foreground has more appearance regions? (FRIH, ablation (3) to (5), which explain the gains so)

A gain is how far the fMSE falls from one method to another on the same image; a region count is the K of ``submasks.regions``.
"""

from __future__ import annotations

import pandas as pd

from harmlib.evaluation.intervals import rank_correlation
from harmlib.evaluation.statistics import paired_scores, photographs, summarize
from reproduction.frih.artefacts import LABELS, METHOD, STAGE_ONE
from reproduction.kit.comparisons import readings

# (from, to): what submasks add, alone and against the same network on the whole mask, and what the whole method adds.
STEPS = ((STAGE_ONE, "frih_submask"), ("frih_globalmask", "frih_submask"), (STAGE_ONE, METHOD))
EXPLANATIONS = {
    "K_merged": "K (min_area = 100)",
    "K_printed": "K (as printed)",
    "spread": "spread of colors",
    "foreground_ratio": "share of the picture",
}
HELD = "K (min_area = 100), share of the picture held"
MANY = 4


def image_gains(scores: pd.DataFrame, regions: pd.DataFrame) -> pd.DataFrame:
    """Return one row per image and step of STEPS that was scored: step, subset, id, gain in fMSE, and the explanations.

    regions: ``submasks.regions``; images that it does not have are left out.
    """
    known, parts = set(scores["method"]), []
    shares = scores[scores["method"] == STAGE_ONE][["subset", "id", "foreground_ratio"]].drop_duplicates()
    table = regions.merge(shares, on=["subset", "id"], validate="one_to_one")
    for before, after in STEPS:
        if known.issuperset((before, after)):
            pairs = paired_scores(scores, before, after, "fmse")
            gain = pairs[["subset", "id"]].assign(gain=pairs["a"] - pairs["b"], step=f"{LABELS[before]} → {LABELS[after]}")
            parts.append(gain.merge(table, on=["subset", "id"], validate="one_to_one"))
    return pd.concat(parts, ignore_index=True).dropna(subset="gain")


def by_regions(gains: pd.DataFrame) -> pd.DataFrame:
    """Return the mean gain by step and number of regions (min_area = 100; MANY and more are one group), with intervals and n."""
    groups = gains.assign(K=gains["K_merged"].clip(upper=MANY).astype(int))
    table = summarize(groups, by=("step", "K"), metrics=["gain"]).rename(columns={"mean": "gain"})
    order = {step: index for index, step in enumerate(gains["step"].unique())}
    ordered = table.sort_values(["step", "K"], key=lambda column: column.replace(order), ignore_index=True)
    return ordered[["step", "K", "gain", "low", "high", "n"]]


def correlations(gains: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's correlation of the gain with each explanation: step, explanation, ours, low, high, n, reading.

    The paper's explanation is confirmed where the reading is "better": more regions, larger gain. HELD is the partial correlation, which
    asks whether regions still matter among foregrounds of one size.
    """
    rows, intervals = [], []
    for step, part in gains.groupby("step", sort=False):
        for name, words in {**EXPLANATIONS, HELD: HELD}.items():
            columns = ["gain", "K_merged", "foreground_ratio"] if name == HELD else ["gain", name]
            interval = rank_correlation(part[columns].to_numpy(dtype=float), photographs(part))
            intervals.append(interval)
            rows.append((step, words, interval.mean, interval.low, interval.high, interval.n))
    table = pd.DataFrame(rows, columns=["step", "explanation", "ours", "low", "high", "n"])
    return table.assign(reading=readings(intervals, lower_is_better=[False] * len(intervals)))


def sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per step on what goes with its gain; table: ``correlations``."""
    meanings = {"better": "larger gains", "worse": "smaller gains"}
    lines = []
    for step, part in table.groupby("step", sort=False):
        rows = zip(part["explanation"], part["ours"], part["reading"], strict=True)
        words = [f"{name} {ours:+.2f} ({meanings.get(reading, 'no clear relation')})" for name, ours, reading in rows]
        lines.append(f"{step}: {'; '.join(words)}.")
    return lines
