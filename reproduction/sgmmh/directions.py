"""Do the operator masks point where the perturbation has to be undone? (Sg-MMH, section 4.3 and figure 5)

For every perturbed region and LAB channel: the mean of target - composite is what is wanted; the mean of the additive mask is what
the paper reads; the mean of result - composite is what masks and retoucher do together (a multiplying mask moves the color too).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from harmlib.color import rgb_to_lab8
from harmlib.evaluation.statistics import DRAWS, LEVELS, Interval, mean_interval
from reproduction.kit.selection import evenly
from reproduction.sgmmh.artefacts import Artefacts
from reproduction.sgmmh.pictures import CODES, Example, operator_maps, predict, read_example

CHANNELS = ("L", "a", "b")
# Regions that are off by less than one code have no direction to agree with.
SMALLEST_CHANGE = 1.0
CHANCE = 0.5
COMPARED = {"add": "additive mask", "done": "whole edit"}


def region_directions(artefacts: Artefacts, benchmark: str, *, method: str = "sgmmh_omgan", limit: int = 400) -> pd.DataFrame:
    """Return one row per test composite, perturbed region and channel: data, id, region, channel, wanted, add, done.

    limit: how many composites are looked at, evenly spaced over the test list. Values are in 8-bit LAB codes.
    """
    model = artefacts.models(benchmark)[method]
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

    share: regions that move the wanted way, mean over images with its 95 % interval (CHANCE is a coin's); correlation over regions with
    an interval that draws whole images; n: images; regions: how many are off by at least one code.
    """
    rows = []
    for (data, channel), part in table.groupby(["data", "channel"], sort=False):
        visible = part[part["wanted"].abs() >= SMALLEST_CHANGE]
        for moved in COMPARED:
            same = np.sign(visible[moved]) == np.sign(visible["wanted"])
            share = mean_interval(same.groupby(visible["id"]).mean().to_numpy(dtype=float))
            relation = correlation(visible, moved)
            rows.append(
                {
                    "data": data,
                    "channel": channel,
                    "compared": moved,
                    "share": share.mean,
                    "low": share.low,
                    "high": share.high,
                    "correlation": relation.mean,
                    "correlation_low": relation.low,
                    "correlation_high": relation.high,
                    "n": share.n,
                    "regions": len(visible),
                }
            )
    return pd.DataFrame(rows)


def sentences(signs: pd.DataFrame) -> list[str]:
    """Return one sentence per benchmark and comparison on the shares of regions that go the wanted way; signs: ``agreement``."""
    lines = []
    for (data, compared), part in signs.groupby(["data", "compared"], sort=False):
        shares = ", ".join(f"{channel} {share:.0%}" for channel, share in zip(part["channel"], part["share"], strict=True))
        clear = ", ".join(part.loc[part["low"] > CHANCE, "channel"]) or "none"
        lines.append(f"{data}, {COMPARED[str(compared)]}: wanted sign in {shares} of the regions; clearly above chance: {clear}.")
    return lines


def correlation(regions: pd.DataFrame, moved: str, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Return Pearson's correlation of ``moved`` with "wanted" over regions, with a bootstrap interval over images.

    Fewer than three images have no correlation worth a number: NaN.
    """
    images = [part[["wanted", moved]].to_numpy() for _, part in regions.groupby("id", sort=False)]
    if len(images) < 3:
        return Interval(np.nan, np.nan, np.nan, len(images))
    # Sums per image are enough to correlate any draw of images.
    sums = np.array([_moments(values) for values in images])  # (N, 6)
    chosen = np.random.default_rng(seed).integers(0, len(images), (draws, len(images)))
    low, high = np.nanpercentile([_pearson(sums[draw].sum(0)) for draw in chosen], LEVELS)
    return Interval(_pearson(sums.sum(0)), float(low), float(high), len(images))


def _moments(values: np.ndarray) -> list[float]:
    """Return n, sum x, sum y, sum x², sum y², sum xy of (N, 2)."""
    x, y = values.T
    return [len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()]


def _pearson(sums: np.ndarray) -> float:
    """Return the correlation behind the sums of ``_moments``; NaN when one side does not vary."""
    n, x, y, xx, yy, xy = sums
    spread = (n * xx - x * x) * (n * yy - y * y)
    return float((n * xy - x * y) / np.sqrt(spread)) if spread > 0 else float("nan")
