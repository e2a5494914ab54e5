"""Definitions of PSNR, and the orders that flip between them, on records whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harmlib.errors import DataError
from reproduction.lessons import chance, flips
from reproduction.lessons.definitions import DEFINITIONS, REFERENCE, to_psnr

NAMES = [definition.name for definition in DEFINITIONS]


def records(errors: dict[str, list[float]], subsets: list[str] | None = None, **columns: list[float]) -> pd.DataFrame:
    """Records of methods with these MSEs; foregrounds of half a picture hold all of the error, pictures have 100 pixels."""
    tables = []
    for method, mse in errors.items():
        count = len(mse)
        table = pd.DataFrame({"method": method, "subset": subsets or ["s"] * count, "id": [f"i{k}" for k in range(count)], "mse": mse})
        table = table.assign(fmse=2 * table["mse"], psnr=to_psnr(table["mse"]), height=10, width=10, foreground_ratio=0.5)
        tables.append(table.assign(**columns))
    return pd.concat(tables, ignore_index=True)


def numbers(table: pd.DataFrame, group: str = "s") -> pd.Series:
    """dB by definition of the one method."""
    found = flips.definition_table(flips.replicate(table, draws=20))
    return found[found["group"] == group].set_index("definition")["dB"]


def test_mean_psnr_is_not_the_psnr_of_the_mean():
    found = numbers(records({"m": [1, 10_000]}))

    assert found["mean PSNR"] == pytest.approx(48.1308 - 20, abs=1e-3)
    assert found["PSNR of mean MSE"] == pytest.approx(48.1308 - 10 * np.log10(5000.5), abs=1e-3)


def test_foreground_definitions_divide_by_the_foreground():
    found = numbers(records({"m": [100, 100]}))

    assert found["PSNR of mean fMSE"] == pytest.approx(found["PSNR of mean MSE"] - 3.0103, abs=1e-3)
    assert found["PSNR of mean MSE / share"] == pytest.approx(found["PSNR of mean fMSE"], abs=1e-6)
    assert found["PSNR of mean fMSE × share"] == pytest.approx(found["PSNR of mean MSE"], abs=1e-6)


def test_pixels_weigh_large_pictures():
    found = numbers(records({"m": [1, 100]}, height=[10, 990]))

    assert found["PSNR of all pixels"] == pytest.approx(48.1308 - 10 * np.log10(99.01), abs=1e-3)


def test_recorded_psnr_is_taken_as_it_is():
    assert numbers(records({"m": [1, 100]}, psnr=[30.0, 40.0]))["mean PSNR, as recorded"] == pytest.approx(35)


def test_sub_datasets_alike_ignore_their_sizes():
    found = numbers(records({"m": [1, 1, 1, 10_000]}, subsets=["a", "a", "a", "b"]), group="All")

    assert found["mean PSNR, sub-datasets alike"] == pytest.approx(48.1308 - 20, abs=1e-3)
    assert found["PSNR of mean MSE, sub-datasets alike"] == pytest.approx(48.1308 - 10 * np.log10(5000.5), abs=1e-3)
    assert found["mean PSNR"] == pytest.approx(48.1308 - 10, abs=1e-3)


def test_every_definition_is_higher_for_smaller_errors():
    replicates = flips.replicate(records({"good": [1, 2, 3], "bad": [10, 20, 30]}), draws=50)

    differences = flips.method_differences(replicates)

    assert (differences["dB"] > 0).all()
    assert not differences["flips"].any()


def test_an_order_that_flips_is_found_with_its_definitions():
    table = records({"steady": [100.0] * 40, "wild": [1.0, 400.0] * 20})

    found = flips.method_differences(flips.replicate(table)).set_index("definition")

    assert found.loc[REFERENCE.name, "dB"] < 0
    assert found.loc["PSNR of mean MSE", "flips"]
    assert found.loc["PSNR of mean MSE", "clear"]
    assert not found.loc["mean foreground PSNR", "flips"]


def test_rates_count_flipped_pairs_of_methods_and_of_sub_datasets():
    table = records({"steady": [100.0] * 40, "wild": [1.0, 400.0] * 20}, subsets=["a"] * 20 + ["b"] * 20)

    rates = flips.flip_rates(flips.replicate(table, draws=100)).set_index(["definition", "orders"])

    assert rates.loc[("PSNR of mean MSE", "of methods"), "rate"] == 1
    assert rates.loc[("PSNR of mean MSE", "of methods"), "pairs"] == 3
    assert rates.loc[("mean PSNR, as recorded", "of methods"), "rate"] == 0
    assert REFERENCE.name not in rates.index.get_level_values(0)


def test_intervals_hold_the_number_and_shrink_with_images():
    generator = np.random.default_rng(0)
    few, many = (records({"m": generator.uniform(1, 100, count).tolist()}) for count in (20, 2000))

    widths = []
    for table in (few, many):
        row = flips.definition_table(flips.replicate(table)).iloc[0]
        assert row["low"] < row["dB"] < row["high"]
        widths.append(row["high"] - row["low"])
    assert widths[1] < 0.2 * widths[0]


def test_one_seed_gives_one_answer():
    table = records({"m": [1.0, 5.0, 9.0], "o": [2.0, 4.0, 8.0]})

    first, second = (flips.replicate(table, draws=30).numbers for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_methods_on_different_images_are_refused():
    table = records({"m": [1.0, 2.0], "o": [1.0, 2.0]}).iloc[:-1]

    with pytest.raises(DataError, match='"o" and "m" are not scored on the same images'):
        flips.replicate(table)


def test_records_without_a_column_are_refused():
    with pytest.raises(DataError, match="lack the column height"):
        flips.replicate(records({"m": [1.0]}).drop(columns="height"))


def test_the_sentence_names_the_definition_with_most_flips():
    table = records({"steady": [100.0] * 40, "wild": [1.0, 400.0] * 20})

    sentence = flips.flip_sentence(flips.flip_rates(flips.replicate(table, draws=50)))

    assert 'at most 1 of 1 under "PSNR of mean MSE", 1 of them clearly' in sentence


def test_spans_hold_the_smallest_and_the_largest_difference():
    table = records({"steady": [100.0] * 4, "wild": [1.0, 400.0] * 2})

    row = flips.spans(flips.replicate(table, draws=10)).iloc[0]

    assert row["least"] < 0 < row["most"]
    assert row["most_under"].startswith("PSNR of")


def test_images_whose_winner_depends_on_the_score_are_counted():
    table = records({"a": [1.0, 2.0, 3.0, 4.0], "b": [2.0, 3.0, 4.0, 5.0]})
    table.loc[(table["method"] == "a") & (table["id"] == "i0"), "psnr"] = 0.0

    found = chance.image_flips(table, "a", "b").set_index("score")

    assert found.loc["psnr, as recorded", "share"] == 0.25
    assert found.loc["fmse, as recorded", "share"] == 0


def test_few_images_flip_by_chance_more_often_than_many():
    generator = np.random.default_rng(1)
    errors = generator.uniform(50, 150, 400)
    table = records({"a": errors.tolist(), "b": (errors * generator.uniform(0.6, 1.45, 400)).tolist()})

    found = chance.chance_flips(table, "a", "b", [5, 50, 400, 4000], draws=300)

    assert found["images"].tolist() == [5, 50, 400]
    assert found["share"].is_monotonic_decreasing
    assert found["share"].iloc[0] > 0.2
