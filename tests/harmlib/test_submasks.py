"""Submasks against golden cases and the quadratic definition (docs/methods/frih.md), and the rules for odd foregrounds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from authors import assert_equals, authors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from submask_definition import CUTOFFS, defined, packed

from harmlib.data.sources import open_source
from harmlib.errors import MaskError, ParameterError, RangeError, ShapeError
from harmlib.io.images import resize
from harmlib.submasks import Submasks, extract_submasks, squared_cutoff

CASES = [
    "one_colour", "few_pixels", "two_tied", "outlier", "density_10_and_11", "strict_cutoff", "flat_region",
    "more_than_ten", "tie_in_distance", *[f"mixture_dc{d_c}" for d_c in CUTOFFS], "uniform_random", "astronaut_100_100_48x48",
    "coffee_20_150_40x64", "coffee_200_60_56x56", "masked_picture", "full_astronaut_256",
]  # fmt: skip
MERGED = [
    *[(f"mixture_dc{d_c}", 20) for d_c in CUTOFFS], ("flat_region", 100), ("astronaut_100_100_48x48", 20), ("astronaut_100_100_48x48", 100),
    ("coffee_20_150_40x64", 20), ("coffee_20_150_40x64", 100), ("coffee_200_60_56x56", 20),
    ("coffee_200_60_56x56", 100), ("full_astronaut_256", 100),
]  # fmt: skip


def extract_pixels(pixels: np.ndarray, **options) -> Submasks:
    """The submasks of pixels (N, 3) laid out as one row of a picture."""
    return extract_submasks(pixels[None], np.ones((1, len(pixels)), bool), **options)


def described(pixels: np.ndarray, submasks: Submasks) -> dict[str, np.ndarray]:
    """What the definition says of every pixel, in the golden file's fields."""
    graph = submasks.graph
    codes = packed(graph.colors)
    ascending = np.argsort(codes)
    index = ascending[np.searchsorted(codes, packed(pixels), sorter=ascending)]
    parents = np.where(graph.parents < 0, -1, codes[graph.parents])
    return {"rho": graph.density[index], "delta2": graph.squared_delta[index], "parent_packed": parents[index]}


def assert_defined(pixels: np.ndarray, d_c: float = 0.1) -> None:
    submasks = extract_pixels(pixels, d_c=d_c)
    found = {"labels": submasks.labels[0], **described(pixels, submasks)}
    expected = defined(pixels, d_c)
    assert [name for name in found if not np.array_equal(found[name], expected[name])] == []


def golden_case(case: str) -> tuple[dict[str, Any], dict]:
    """The fields of a golden case, and the options it was made with."""
    stored = authors("frih_submasks")
    fields = {name.removeprefix(f"{case}/"): values for name, values in stored.items() if name.startswith(f"{case}/")}
    names = {"d_c": "d_c", "kmax": "k_max", "min_density": "min_density"}
    return fields, {option: fields[name].item() for name, option in names.items()}


@pytest.mark.parametrize("case", CASES)
def test_labels_and_centers_equal_the_golden_case(case: str) -> None:
    fields, options = golden_case(case)

    submasks = extract_pixels(fields["rgb"], **options)

    assert_equals(submasks.labels[0] - 1, fields["labels"])
    assert_equals(submasks.centers, fields["centres"])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_decision_graph_equals_the_golden_case(case: str) -> None:
    fields, options = golden_case(case)

    graph = described(fields["rgb"], extract_pixels(fields["rgb"], **options))

    for name, values in graph.items():
        assert_equals(values, fields[name])


@pytest.mark.parametrize(("case", "min_area"), MERGED)
def test_merged_submasks_equal_the_golden_case(case: str, min_area: int) -> None:
    fields, options = golden_case(case)

    submasks = extract_pixels(fields["rgb"], min_area=min_area, **options)

    assert_equals(submasks.labels[0] - 1, fields[f"labels_min_area_{min_area}"])
    assert np.array_equal(submasks.centers, fields["centres"][fields[f"kept_min_area_{min_area}"]])


def test_label_map_equals_the_golden_masked_picture() -> None:
    fields, options = golden_case("masked_picture")

    submasks = extract_submasks(fields["image"], fields["mask"], **options)

    assert_equals(submasks.labels.astype(int) - 1, fields["label_map"])


@pytest.mark.parametrize(("d_c", "cutoff"), CUTOFFS.items())
def test_cutoff_is_exact_in_decimal(d_c: float, cutoff: int) -> None:
    assert squared_cutoff(d_c) == cutoff


@pytest.mark.parametrize("d_c", CUTOFFS)
@pytest.mark.parametrize("levels", [2, 5, 40, 256])
def test_random_pixels_are_split_by_the_definition(generator: np.random.Generator, levels: int, d_c: float) -> None:
    # Two and five levels have many pixels a color, and ties in density and distance; the steps of 51 lie on the strict cutoffs.
    step = 51 if levels <= 5 else 1
    assert_defined((generator.integers(0, levels, (300, 3)) * step).astype(np.uint8), d_c)


@settings(deadline=None, max_examples=40)
@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.just(3))), st.sampled_from(sorted(CUTOFFS)))
def test_any_pixels_are_split_by_the_definition(pixels: np.ndarray, d_c: float) -> None:
    assert_defined(pixels, d_c)


@pytest.mark.parametrize("photo_id", ["astronaut", "chelsea", "china", "coffee", "flower", "grace_hopper", "rocket"])
def test_photographs_are_split_by_the_definition(photo_id: str) -> None:
    image = open_source("embedded").load(photo_id).image

    assert_defined(image[100:136, 150:186].reshape(-1, 3))


@pytest.mark.slow
def test_a_dozen_test_photographs_are_split_by_the_definition(shared: Path) -> None:
    source = open_source("folder", shared / "data" / "bsds500")
    for photo_id in source.ids("test")[:12]:
        assert_defined(resize(source.load(photo_id).image, (32, 32), "nearest").reshape(-1, 3))


def natural(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture of some gradients with noise (24, 32, 3), and a mask that covers two thirds of it."""
    smooth = np.linspace(0, 200, 24 * 32).reshape(24, 32, 1) + generator.normal(0, 12, (24, 32, 3)) + np.array((40, 0, 20))
    mask = np.zeros((24, 32), bool)
    mask[4:20] = True
    return smooth.clip(0, 255).astype(np.uint8), mask


def test_submasks_cover_the_mask_and_nothing_else(generator: np.random.Generator) -> None:
    image, mask = natural(generator)

    assert np.array_equal(extract_submasks(image, mask).labels > 0, mask)


def test_background_colors_do_not_matter(generator: np.random.Generator) -> None:
    image, mask = natural(generator)
    other = np.where(mask[..., None], image, 255 - image)

    assert np.array_equal(extract_submasks(image, mask).labels, extract_submasks(other, mask).labels)


def test_flipping_the_picture_flips_the_labels(generator: np.random.Generator) -> None:
    image, mask = natural(generator)

    flipped = extract_submasks(image[:, ::-1], mask[:, ::-1])

    assert np.array_equal(flipped.labels[:, ::-1], extract_submasks(image, mask).labels)


def test_soft_mask_counts_from_one_half(generator: np.random.Generator) -> None:
    image, mask = natural(generator)
    soft = np.where(mask, 0.5, 0.499)

    assert np.array_equal(extract_submasks(image, soft).labels, extract_submasks(image, mask).labels)


def test_sizes_count_the_pixels_of_each_label(generator: np.random.Generator) -> None:
    submasks = extract_submasks(*natural(generator), d_c=0.05)

    assert submasks.sizes.tolist() == [(submasks.labels == label).sum() for label in range(1, 1 + len(submasks.centers))]


def test_centers_come_with_their_density_and_delta() -> None:
    submasks = extract_pixels(np.repeat(np.array([(0, 0, 0), (255, 0, 0)], np.uint8), [20, 30], axis=0))

    assert submasks.centers.tolist() == [[255, 0, 0], [0, 0, 0]]
    assert submasks.density.tolist() == [30, 20]
    assert submasks.delta.tolist() == [1, 1]


def test_equal_densities_are_ordered_by_color() -> None:
    submasks = extract_pixels(np.repeat(np.array([(0, 0, 200), (0, 0, 0)], np.uint8), 20, axis=0))

    assert submasks.centers.tolist() == [[0, 0, 0], [0, 0, 200]]


def test_sparse_color_joins_its_nearest_denser_color() -> None:
    colors = np.array([(0, 0, 0), (200, 0, 0), (150, 0, 0)], np.uint8)

    submasks = extract_pixels(np.repeat(colors, [40, 30, 10], axis=0))

    assert submasks.sizes.tolist() == [40, 40]


@pytest.mark.parametrize(("pixels", "count"), [(11, 2), (10, 1)])
def test_a_pixel_counts_in_its_own_density(pixels: int, count: int) -> None:
    two_colors = np.repeat(np.array([(0, 0, 0), (200, 0, 0)], np.uint8), [40, pixels], axis=0)

    assert len(extract_pixels(two_colors).centers) == count


def test_empty_mask_has_no_submask() -> None:
    submasks = extract_submasks(np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), bool))

    assert (submasks.labels.tolist(), len(submasks.centers), len(submasks.graph.colors)) == ([[0] * 5] * 4, 0, 0)


def test_one_pixel_is_one_submask() -> None:
    submasks = extract_pixels(np.array([(3, 4, 5)], np.uint8))

    assert (submasks.labels.tolist(), submasks.centers.tolist(), submasks.delta.tolist()) == ([[1]], [[3, 4, 5]], [0])


def test_constant_foreground_is_one_submask() -> None:
    assert extract_pixels(np.full((500, 3), 77, np.uint8)).sizes.tolist() == [500]


@pytest.mark.parametrize(("colors", "count"), [(1, 1), (7, 7), (14, 10)])
def test_separate_colors_become_submasks_up_to_ten(colors: int, count: int) -> None:
    apart = np.array([(r, g, b) for r in (0, 85, 170) for g in (0, 85, 170) for b in (0, 85)], np.uint8)

    assert len(extract_pixels(np.repeat(apart[:colors], 20, axis=0)).centers) == count


def test_k_max_of_one_keeps_the_foreground_whole(generator: np.random.Generator) -> None:
    image, mask = natural(generator)

    assert extract_submasks(image, mask, k_max=1).sizes.tolist() == [mask.sum()]


def test_min_area_leaves_no_smaller_submask(generator: np.random.Generator) -> None:
    image, mask = natural(generator)
    assert extract_submasks(image, mask).sizes.min() < 100

    merged = extract_submasks(image, mask, min_area=100)

    assert merged.sizes.min() >= 100
    assert merged.sizes.sum() == mask.sum()


def test_of_equally_small_submasks_the_last_one_is_merged_first() -> None:
    colors = np.array([(0, 0, 0), (100, 0, 0), (200, 0, 0)], np.uint8)

    submasks = extract_pixels(np.repeat(colors, [40, 15, 15], axis=0), min_area=20)

    assert submasks.sizes.tolist() == [40, 30]


def test_numba_loads_only_when_submasks_are_extracted() -> None:
    script = "import sys, harmlib.submasks; print('numba' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


IMAGE = np.zeros((4, 5, 3), np.uint8)
MASK = np.ones((4, 5), bool)


@pytest.mark.parametrize("image", [IMAGE.astype(np.float32), IMAGE[..., 0], np.zeros((4, 5, 4), np.uint8)])
def test_other_than_rgb_bytes_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ShapeError, match=r"image is .*, expected uint8 RGB \(H, W, 3\)"):
        extract_submasks(image, MASK)


def test_mask_of_another_size_is_refused() -> None:
    with pytest.raises(MaskError, match=r"mask is \(5, 4\), expected \(4, 5\) as its image"):
        extract_submasks(IMAGE, MASK.T)


def test_byte_mask_is_refused() -> None:
    with pytest.raises(MaskError, match="mask is uint8, expected bool, or float in"):
        extract_submasks(IMAGE, MASK.astype(np.uint8))


@pytest.mark.parametrize("value", [-0.1, 255.0, np.nan])
def test_mask_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(RangeError, match="mask has values outside"):
        extract_submasks(IMAGE, np.full((4, 5), value))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"d_c": 0}, "d_c is 0, expected"),
        ({"d_c": float("nan")}, "d_c is nan, expected"),
        ({"d_c": 25.5}, "d_c is 25.5, expected"),
        ({"k_max": 0}, "k_max is 0, expected 1 to 255"),
        ({"k_max": 256}, "k_max is 256, expected 1 to 255"),
        ({"min_density": -1}, "min_density is -1, expected 0 or more"),
        ({"min_area": -1}, "min_area is -1, expected 0 or more"),
    ],
)
def test_parameters_out_of_range_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        extract_submasks(IMAGE, MASK, **options)
