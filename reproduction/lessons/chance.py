"""Two methods, image by image: how often they change places by definition, and how often by chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harmlib.evaluation.intervals import DRAWS, mean_interval
from harmlib.evaluation.statistics import photographs
from reproduction.lessons.definitions import to_psnr
from reproduction.lessons.flips import aligned


def image_flips(records: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return the share of images on which psnr, or fmse, as recorded, prefers another of two methods than MSE does.

    Columns: score, share with low and high, n. Images on which the two are equal in either score are left out.
    """
    tables = aligned(records[records["method"].isin([first, second])])
    one, other = tables[first], tables[second]
    by_mse = np.sign(one["mse"] - other["mse"])
    rows = []
    for score, sign in (("psnr", -1), ("fmse", 1)):
        by_score = sign * np.sign(one[score] - other[score])
        decided = (by_mse != 0) & (by_score != 0)
        share = mean_interval((by_mse != by_score)[decided], photographs(one[decided]))
        rows.append((f"{score}, as recorded", share.mean, share.low, share.high, share.n))
    return pd.DataFrame(rows, columns=["score", "share", "low", "high", "n"])


def chance_flips(
    records: pd.DataFrame, first: str, second: str, sizes: Sequence[int], *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """Return how often two methods change places in mean PSNR when only some of the images are scored: images, share of ``draws`` tests.

    Every test has that many images, drawn with replacement; sizes beyond the number of images are left out.
    """
    tables = aligned(records[records["method"].isin([first, second])])
    difference = to_psnr(tables[first]["mse"].to_numpy()) - to_psnr(tables[second]["mse"].to_numpy())
    generator = np.random.default_rng(seed)
    rows = []
    for size in (size for size in sizes if size <= len(difference)):
        means = np.array([difference[generator.integers(0, len(difference), size)].mean() for _ in range(draws)])
        rows.append((size, float((np.sign(means) != np.sign(difference.mean())).mean())))
    return pd.DataFrame(rows, columns=["images", "share"])
