"""Do the operator masks point where the perturbation has to be undone? (Sg-MMH, section 4.3 and figure 5)

For every perturbed region and LAB channel: the mean of target - composite is what is wanted; the mean of the additive mask is what
the paper reads; the mean of result - composite is what masks and retoucher do together (a multiplying mask moves the color too).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from harmlib.color import rgb_to_lab8
from harmlib.evaluation.intervals import Interval, bootstrap_interval, mean_interval
from harmlib.evaluation.statistics import photographs
from reproduction.kit.selection import evenly
from reproduction.sgmmh.artefacts import Artefacts
from reproduction.sgmmh.pictures import CODES, Example, operator_maps, predict, read_example

CHANNELS = ("L", "a", "b")
# Regions that are off by less than one code have no direction to agree with.
SMALLEST_CHANGE = 1.0
CHANCE = 0.5
COMPARED = {"add": "additive mask", "done": "whole edit"}


def region_directions(artefacts: Artefacts, benchmark: str, *, limit: int = 400) -> pd.DataFrame:
    """Return one row per test composite, perturbed region and channel for OMGAN: data, id, region, channel, wanted, add, done.

    limit: how many composites are looked at, evenly spaced over the test list. Values are in 8-bit LAB codes.
    """
    model = artefacts.models(benchmark)["sgmmh_omgan"]
    rows = []
    for pair in evenly(list(artefacts.pairs(benchmark).values()), limit):
        example = read_example(pair)
        prediction = predict(model, example)
        maps = operator_maps(prediction)
        done = prediction["harmonized_lab"][0].permute(1, 2, 0).float().numpy() * CODES + CODES
        additive = np.stack([maps[f"add_{channel}"] for channel in CHANNELS], -1)
        rows += measure_regions(example, additive, done)
    return pd.DataFrame(rows).assign(data=artefacts.manifests[benchmark]["title"])


def measure_regions(example: Example, additive: np.ndarray, harmonized: np.ndarray) -> list[dict[str, object]]:
    """Return the means over every perturbed region of one example.

    additive, harmonized: float (256, 256, 3) in 8-bit LAB codes: the additive masks, and the retouched picture.
    """
    composite, target = (rgb_to_lab8(image).astype(float) for image in (example.composite, example.real))
    rows: list[dict[str, object]] = []
    for region in np.unique(example.regions[example.regions > 0]):
        inside = example.regions == region
        means = [values[inside].mean(0) for values in (target - composite, additive, harmonized - composite)]
        rows += [
            {"id": f"{example.subset}/{example.id}", "region": int(region), "channel": channel, "wanted": wanted, "add": add, "done": done}
            for channel, wanted, add, done in zip(CHANNELS, *means, strict=True)
        ]
    return rows


def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Return how well directions agree, per benchmark, channel and what is compared ("add" or "done").

    share: regions that move the wanted way, mean over images with its 95 % interval (CHANCE is a coin's); correlation over regions; both
    intervals take photographs for independent; n: images; regions: how many are off by at least one code.
    """
    rows = []
    for (data, channel), part in table.groupby(["data", "channel"], sort=False):
        visible = part[part["wanted"].abs() >= SMALLEST_CHANGE]
        for moved in COMPARED:
            same = np.sign(visible[moved]) == np.sign(visible["wanted"])
            shares = same.groupby(visible["id"]).mean().reset_index(name="share")
            share = mean_interval(shares["share"], photographs(shares))
            relation = correlation(visible, moved)
            numbers = (share.mean, share.low, share.high, relation.mean, relation.low, relation.high, share.n, len(visible))
            rows.append((data, channel, moved, *numbers))
    columns = ["data", "channel", "compared", "share", "low", "high", "correlation", "correlation_low", "correlation_high", "n", "regions"]
    return pd.DataFrame(rows, columns=columns)


def sentences(signs: pd.DataFrame) -> list[str]:
    """Return one sentence per benchmark and comparison on the shares of regions that go the wanted way; signs: ``agreement``."""
    lines = []
    for (data, compared), part in signs.groupby(["data", "compared"], sort=False):
        shares = ", ".join(f"{channel} {share:.0%}" for channel, share in zip(part["channel"], part["share"], strict=True))
        clear = ", ".join(part.loc[part["low"] > CHANCE, "channel"]) or "none"
        lines.append(f"{data}, {COMPARED[str(compared)]}: wanted sign in {shares} of the regions; clearly above chance: {clear}.")
    return lines


def correlation(regions: pd.DataFrame, moved: str) -> Interval:
    """Return Pearson's correlation of ``moved`` with "wanted" over regions, with a bootstrap interval over photographs."""
    x, y = (regions[name].to_numpy(dtype=float) for name in ("wanted", moved))
    codes, units = pd.factorize(photographs(regions))
    # Sums per photograph are enough to correlate any draw of photographs.
    moments = [np.bincount(codes, column) for column in (np.ones(len(x)), x, y, x * x, y * y, x * y)]
    sums = np.stack(moments, axis=1)  # (P, 6)

    def pearson(counts: np.ndarray) -> np.ndarray:
        n, x, y, xx, yy, xy = (counts @ sums).T
        spread = (n * xx - x * x) * (n * yy - y * y)
        return (n * xy - x * y) / np.sqrt(np.where(spread > 0, spread, np.nan))

    return bootstrap_interval(pearson, len(units), regions["id"].nunique())
