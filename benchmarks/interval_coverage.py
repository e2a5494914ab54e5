"""How often the 95 % intervals hold the truth, measured on simulated scores, genuine ones of iHarmony4, and simulated user studies.

    python benchmarks/interval_coverage.py [--repetitions 1000] [--pack DATA/iharmony4_eval]

A row per kind of interval and situation: kind, distribution, n (photographs, runs or raters), cluster (composites of each photograph), icc
(the share of their variance that is the photograph's), repetitions, nominal and measured coverage in %. "measured" is empty where there is
no interval: fewer than ten photographs are "too few". Where the truth is "no difference", 100 less the coverage is how often a difference
would be called clear. "percentile" rows are what was used before: the percentile bootstrap, over composites as if independent where it says
so. Log-normal values have a deviation of 1 on the log scale; "difference" is that of two such values. Genuine scores need the pack of
per-image results; photographs are drawn from its 4,317 with replacement, and the truth is the mean of all. Prints the table and writes
``results/coverage.csv``; ten minutes on one core. docs/statistics.md reads it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from harmlib.evaluation.intervals import Interval, auc_interval, draw_weights, holm, mean_interval, rank_correlation, ratio_of_means
from harmlib.evaluation.statistics import paired_difference, photographs
from reproduction.kit.style import save_csv
from reproduction.userstudy.coverage import coverage

RESULTS = Path(__file__).parents[1] / "results" / "coverage.csv"
NOMINAL = 95.0
COLUMNS = ("kind", "distribution", "n", "cluster", "icc", "repetitions", "nominal", "measured")
# Composites of each photograph: one, four, or as unequal as half of them with 1, a quarter with 2 and a quarter with 10.
EQUAL, UNEQUAL = "4", "1 to 10"
PHOTOGRAPHS = (5, 10, 20, 30, 100)
DISTRIBUTIONS = ("normal", "log-normal", "difference")
TRUTHS = {"normal": 0.0, "log-normal": float(np.exp(0.5)), "difference": 0.0}
# Draws of the old intervals, enough for a share of this many repetitions.
OLD_DRAWS = 400
STRENGTHS = {"a": 0.8, "b": 0.2, "c": -0.2, "d": -0.8}

Row = tuple[str, str, int, str, float, int, float, float]


def cluster_sizes(count: int, cluster: str) -> np.ndarray:
    """Return how many composites each of ``count`` photographs has."""
    if cluster != UNEQUAL:
        return np.full(count, int(cluster))
    small, middle = count // 2, count // 4
    return np.repeat([1, 2, 10], [small, middle, count - small - middle])


def draw_scores(distribution: str, codes: np.ndarray, icc: float, generator: np.random.Generator) -> np.ndarray:
    """Return a score for each composite; codes: (N,), the number of its photograph."""

    def correlated() -> np.ndarray:
        own = generator.normal(size=len(codes))
        return np.sqrt(icc) * generator.normal(size=codes[-1] + 1)[codes] + np.sqrt(1 - icc) * own

    if distribution == "normal":
        return correlated()
    values = np.exp(correlated())
    return values - np.exp(correlated()) if distribution == "difference" else values


def percentile_mean(values: np.ndarray, units: np.ndarray, generator: np.random.Generator) -> Interval:
    """Return the percentile bootstrap of a mean over units, as it was used before."""
    sums, sizes = np.bincount(units, values), np.bincount(units)
    weights = draw_weights(len(sums), OLD_DRAWS, generator)
    low, high = np.percentile(weights @ sums / (weights @ sizes), (2.5, 97.5))
    return Interval(float(values.mean()), float(low), float(high), len(values), len(sums))


def measured(truth: float, repetitions: int, interval: Callable[[], Interval]) -> float:
    """Return in how many per cent of the repetitions the interval held the truth; NaN where it has none."""
    found = [interval() for _ in range(repetitions)]
    if np.isnan(found[0].low):
        return float("nan")
    return 100 * float(np.mean([one.low <= truth <= one.high for one in found]))


def mean_rows(repetitions: int, seed: int = 0, *, counts: tuple[int, ...] = PHOTOGRAPHS) -> Iterator[Row]:
    """Yield means by ``mean_interval`` and by the percentile bootstrap, over photographs and over composites."""
    for distribution in DISTRIBUTIONS:
        for count in counts:
            for cluster, icc in (("1", 0.0), (EQUAL, 0.7), (UNEQUAL, 0.7)):
                codes = np.repeat(np.arange(count), cluster_sizes(count, cluster))
                kinds: dict[str, Callable[[np.ndarray, np.random.Generator], Interval]] = {
                    "mean": lambda values, _, codes=codes: mean_interval(values, codes),
                    "mean, percentile": lambda values, generator, codes=codes: percentile_mean(values, codes, generator),
                }
                if cluster != "1":
                    kinds["mean, percentile over composites"] = lambda values, generator: percentile_mean(
                        values, np.arange(len(values)), generator
                    )
                for kind, interval in kinds.items():
                    generator = np.random.default_rng((seed, count))

                    def once(interval=interval, codes=codes, icc=icc, distribution=distribution, generator=generator) -> Interval:
                        return interval(draw_scores(distribution, codes, icc, generator), generator)

                    share = measured(TRUTHS[distribution], repetitions, once)
                    yield kind, distribution, count, cluster, icc, repetitions, NOMINAL, share


def genuine_rows(pack: Path, repetitions: int, seed: int = 0, *, counts: tuple[int, ...] = (10, 20, 30, 100, 400)) -> Iterator[Row]:
    """Yield means of genuine errors on iHarmony4, of which photographs are drawn."""
    tables = {name: pd.read_csv(pack / f"{name}.csv", dtype={"name": str}) for name in ("composite", "harmonizer", "PCTNet_CNN")}
    codes, _ = pd.factorize(photographs(tables["composite"].rename(columns={"name": "id"})))
    sizes = np.bincount(codes)
    mse = {name: table["mse"].to_numpy() for name, table in tables.items()}
    columns = {
        "genuine MSE, composites": mse["composite"],
        "genuine MSE, Harmonizer": mse["harmonizer"],
        "genuine MSE, PCT-Net less Harmonizer": mse["PCTNet_CNN"] - mse["harmonizer"],
        "genuine PSNR, PCT-Net less Harmonizer": (tables["PCTNet_CNN"]["psnr"] - tables["harmonizer"]["psnr"]).to_numpy(),
    }
    for distribution, values in columns.items():
        sums = np.bincount(codes, values)
        for count in counts:
            generator = np.random.default_rng((seed, count))

            def ratio(sums=sums, count=count, generator=generator) -> Interval:
                chosen = generator.integers(0, len(sizes), count)
                # A ratio of sums to sizes is the mean over the composites of the drawn photographs.
                return ratio_of_means(sums[chosen], sizes[chosen].astype(float), None)

            def old(sums=sums, count=count, generator=generator) -> Interval:
                chosen, weights = generator.integers(0, len(sizes), count), draw_weights(count, OLD_DRAWS, generator)
                low, high = np.percentile(weights @ sums[chosen] / (weights @ sizes[chosen]), (2.5, 97.5))
                return Interval(0.0, float(low), float(high), count)

            for kind, interval in (("mean", ratio), ("mean, percentile", old)):
                share = measured(float(values.mean()), repetitions, interval)
                yield kind, distribution, count, "1 to 9", float("nan"), repetitions, NOMINAL, share


def other_rows(repetitions: int, seed: int = 0, *, counts: tuple[int, ...] = (10, 30, 100)) -> Iterator[Row]:
    """Yield ratios of means, rank correlations and areas under the ROC curve."""
    for count in counts:
        generator = np.random.default_rng((seed, count))
        codes = np.repeat(np.arange(count), 4)

        def ratio(codes=codes, generator=generator) -> Interval:
            before = draw_scores("log-normal", codes, 0.7, generator)
            return ratio_of_means(before * generator.uniform(0.2, 1, len(codes)), before, codes)

        def rank(codes=codes, generator=generator) -> Interval:
            columns = [draw_scores("normal", codes, 0.7, generator) for _ in range(2)]
            return rank_correlation(np.stack(columns, 1), codes)

        def area(codes=codes, generator=generator) -> Interval:
            return auc_interval(draw_scores("normal", codes, 0.7, generator), np.arange(len(codes)) % 2 == 0, codes)

        for kind, distribution, truth, interval in (
            ("ratio of means", "log-normal", 0.6, ratio),
            ("rank correlation", "normal, unrelated", 0.0, rank),
            ("area under the ROC curve", "normal, alike", 0.5, area),
        ):
            # The bootstraps cost more than the t intervals.
            times = repetitions if interval is ratio else repetitions // 4
            yield kind, distribution, count, EQUAL, 0.7, times, NOMINAL, measured(truth, times, interval)


def seed_rows(repetitions: int, seed: int = 0, *, photographs_drawn: int = 100) -> Iterator[Row]:
    """Yield paired differences of two methods with several training runs each, which do not differ on average.

    Situations: the deviation of each method's runs, where photographs have 1, and that of each run on each photograph.
    """
    ids = [f"{place}_1_1" for place in range(photographs_drawn)]
    situations = {
        "seeds 0 and 0": (0, 0, 0.5),
        "seeds 0.1 and 0.1": (0.1, 0.1, 0.5),
        "seeds 1 and 1": (1, 1, 0.5),
        "seeds 1 and 0": (1, 0, 0),
    }
    for name, (first, second, together) in situations.items():
        for runs in (3, 5):
            generator = np.random.default_rng((seed, runs))

            def draw(first=first, second=second, together=together, runs=runs, generator=generator) -> pd.DataFrame:
                images = {method: generator.normal(0, np.sqrt(0.5), photographs_drawn) for method in "ab"}
                return pd.concat(
                    pd.DataFrame(
                        {
                            "method": method,
                            "repeat": run,
                            "id": ids,
                            "mse": image + generator.normal(0, spread) + generator.normal(0, together, len(ids)),
                        }
                    )
                    for (method, image), spread in zip(images.items(), (first, second), strict=True)
                    for run in range(runs)
                )

            def both(draw=draw) -> Interval:
                return paired_difference(draw(), "a", "b", "mse")

            def alone(draw=draw) -> Interval:
                return paired_difference(draw().query("repeat == 0"), "a", "b", "mse")

            for kind, interval in ((f"difference, {runs} runs", both), ("difference, one run of each", alone)):
                if kind.endswith("each") and runs > 3:
                    continue
                times = repetitions // 2
                yield kind, f"normal, {name}", photographs_drawn, "1", 0.0, times, NOMINAL, measured(0.0, times, interval)


def many_rows(repetitions: int, seed: int = 0, *, comparisons: int = 32) -> Iterator[Row]:
    """Yield in how many tables of comparisons, none of which differs, none is called clear: one by one, and with Holm's correction."""
    generator = np.random.default_rng(seed)
    smallest = {"one by one": 0, "Holm": 0}
    for _ in range(repetitions // 4):
        p = [mean_interval(generator.normal(size=30), None).p for _ in range(comparisons)]
        smallest["one by one"] += min(p) >= 0.05
        smallest["Holm"] += holm(p).min() >= 0.05
    for kind, count in smallest.items():
        share = 100 * count / (repetitions // 4)
        yield f"{comparisons} comparisons, {kind}", "normal", 30, "1", 0.0, repetitions // 4, NOMINAL, share


def study_rows(repetitions: int, seed: int = 0) -> Iterator[Row]:
    """Yield scores of user studies: those of each method, those of all at once, and orders of pairs that are not wrong."""
    times = repetitions // 10
    for participants in (4, 12, 30):
        for cluster, effect in (("participant", 0.0), ("participant+item", 0.3)):
            found = coverage(
                STRENGTHS, participants=participants, items=24, cluster=cluster, item_effect=effect, repetitions=times, draws=300, seed=seed
            )
            shares = {"scores": found.table["covered"].mean(), "scores, all at once": found.joint, "orders not wrong": found.order}
            for kind, share in shares.items():
                distribution = f"Bradley-Terry, drawn: {cluster}"
                yield f"user study, {kind}", distribution, participants, "24 items", effect, times, NOMINAL, 100 * float(share)


def table_of(rows: Iterator[Row]) -> pd.DataFrame:
    """Return rows as a table, coverage with one decimal."""
    return pd.DataFrame(rows, columns=COLUMNS).round({"measured": 1})


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--pack", type=Path, help="the pack iharmony4_eval, for genuine errors")
    options = parser.parse_args()
    parts = [mean_rows, other_rows, seed_rows, many_rows, study_rows]
    tables = [table_of(part(options.repetitions)) for part in parts]
    if options.pack:
        tables.insert(1, table_of(genuine_rows(options.pack, options.repetitions)))
    table = pd.concat(tables, ignore_index=True)
    print(table.to_string(index=False))
    save_csv(table, RESULTS)


if __name__ == "__main__":
    main()
