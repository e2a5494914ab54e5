"""Methods that were trained more than once: the chance of training seeds beside that of photographs.

One training run speaks of its weights, several speak of the method. Scores of several runs have the column REPEAT, the number of the run,
0 for the first. Both sources of chance are taken for random: a mean over k runs has the variance of its photographs (that of the scores
averaged over the runs) plus that of the k runs' means over k. Averaged scores still hold a k-th of what photographs and seeds do
together, so that the sum is a little too large, never too small. The interval is that of a t distribution with Satterthwaite's degrees
of freedom (1946, Biometrics Bulletin 2:110), which the few runs decide where they differ most: ``results/coverage.csv`` has how often it
holds. Two runs are too few for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr, stdtrit

from harmlib.evaluation.intervals import LEVEL, Interval

REPEAT = "repeat"
# With two runs of each method, one of which depends far more on its seed, such intervals held in 87 % of 8000 simulations.
FEWEST_SEEDS = 3


def with_seeds(image: Interval, methods: Sequence[np.ndarray]) -> Interval:
    """Return the interval over photographs with the variance over the runs of each method added on either side.

    image: of a statistic of scores averaged over the runs. methods: what each run of a method adds to the statistic, (k,), such as its
    mean; that of a method with one run has no spread of its own: it needs no training, or the interval is about these weights of it.
    With two runs of a method there is no interval.
    """
    repeated = [values for values in methods if len(values) > 1]
    if not repeated or math.isnan(image.low):
        return image
    if min(map(len, repeated)) < FEWEST_SEEDS:
        return Interval(image.mean, math.nan, math.nan, image.n, image.units)
    seeds = [(float(values.var(ddof=1)) / len(values), len(values) - 1) for values in repeated]
    tail, halves, p = (1 - LEVEL) / 2, [], math.nan
    for toward_zero, end in ((image.mean > 0, image.low), (image.mean <= 0, image.high)):
        # What a t interval over so many photographs would have for this half of the interval.
        alone = (abs(end - image.mean) / -stdtrit(image.units - 1, tail)) ** 2
        variance = alone + sum(own for own, _ in seeds)
        if variance == 0:
            return image
        parts = [(alone, image.units - 1), *seeds]
        freedom = variance**2 / sum(own**2 / degrees for own, degrees in parts)
        halves.append(float(-stdtrit(freedom, tail) * np.sqrt(variance)))
        if toward_zero:
            p = float(2 * stdtr(freedom, -abs(image.mean) / np.sqrt(variance)))
    return Interval(image.mean, image.mean - halves[0], image.mean + halves[1], image.n, image.units, p)
