"""Sg-MMH recipes: the authors' recorded runs replayed to the bit, the rules of the draw, and the statistics of composites."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from authors import assert_equals, authors
from hypothesis import given
from hypothesis import strategies as st

from harmlib.color import rgb_to_lab8
from harmlib.data.composers.regions import object_labels
from harmlib.data.sources import open_source
from harmlib.errors import DataError, ParameterError
from harmlib.perturbations import apply_step
from harmlib.perturbations.instagram import FILTERS
from harmlib.perturbations.sgmmh import Perturbed, apply_recipe, choose_regions, describe_recipe, draw_recipe, to_network_size
from harmlib.seeds import item_generator

NOISE = {"name": "gaussian_noise", "sigma": 9.0, "seed": 3}
RECIPE = {
    "regions": [
        {"region": 1, "steps": [{"name": "instagram", "filter": "moon"}, {"name": "css", "filter": "sepia"}]},
        {"region": 4, "steps": [{"name": "instagram", "filter": "rise"}, {"name": "lab_multiply", "factors": [1.1, 0.9, 1.2]}]},
    ],
    "background": [],
}
DEGRADED = {**RECIPE, "background": [NOISE]}
# What the authors' simulator makes (docs/methods/composites.md); the id that is no object, per pack.
EXPECTED_MSE = {"bsds500": (253.0, None), "camvid": (192.0, 11), "ccp": (50.2, 0)}


@pytest.fixture
def labels(photo_array: np.ndarray) -> np.ndarray:
    """Ids 0 to 5 in blocks, so that every region is in several places."""
    coarse = np.random.default_rng(5).integers(0, 6, (6, 8))
    return np.kron(coarse, np.ones((8, 8), int)).astype(np.uint8)


# The authors' recorded runs.


def _our_recipe(recorded: str) -> dict:
    """Return our form of a recipe that the authors' simulator recorded."""
    content = json.loads(recorded)
    regions = [{"region": entry["class_id"], "steps": _our_steps(entry)} for entry in content["regions"]]
    return {"regions": regions, "background": [{"name": "jpeg", "quality": 95}] if content["degradation"] == "jpeg" else []}


def _our_steps(entry: dict) -> list[dict]:
    first = {"name": "instagram", "filter": entry["filter"]}
    if entry["second"] is None:
        return [first]
    if entry["second"] == "lab":
        return [first, {"name": "lab_multiply", "factors": entry["lab_multipliers"]}]
    return [first, {"name": "css", "filter": entry["second"]}]


def _replay(golden: Mapping[str, Any], case: str, space: str) -> Perturbed:
    image = np.ascontiguousarray(golden["pert/pipe/img_bgr"][..., ::-1])
    recipe = _our_recipe(str(golden[f"pert/pipe/{case}/recipe"]))
    return to_network_size(apply_recipe(image, golden["pert/pipe/label"], recipe, space=space), 64)


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("sgmmh")


@pytest.mark.parametrize("case", ["plain", "multi", "css", "lab", "jpeg"])
def test_recorded_run_is_replayed_to_the_bit_in_lab(golden: Mapping[str, Any], case: str) -> None:
    result = _replay(golden, case, "lab")

    assert_equals(result.target, golden[f"pert/pipe/{case}/real"])
    assert_equals(result.composite.astype(np.float32), golden[f"pert/pipe/{case}/comp"])
    assert_equals(result.mask, golden[f"pert/pipe/{case}/mask"])


@pytest.mark.parametrize("case", ["plain", "lab"])
def test_recorded_run_is_replayed_to_the_bit_in_rgb(golden: Mapping[str, Any], case: str) -> None:
    result = _replay(golden, case, "rgb")

    assert_equals(result.target, golden[f"pert/pipe_rgb/{case}/real"])
    assert_equals(result.composite.astype(np.float32), golden[f"pert/pipe_rgb/{case}/comp"])


# The composite.


def _plain(image: np.ndarray, labels: np.ndarray, recipe: dict) -> np.ndarray:
    """Return the composite the slow way: every step on the whole picture, then one paste per region."""
    composite = image
    for step in recipe["background"]:
        composite = apply_step(composite, step)
    for entry in recipe["regions"]:
        perturbed = image
        for step in entry["steps"]:
            perturbed = apply_step(perturbed, step)
        composite = np.where((labels == entry["region"])[..., None], perturbed, composite)
    return composite


@given(seed=st.integers(0, 2**32))
def test_composite_equals_the_one_made_from_whole_pictures(seed: int) -> None:
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (24, 31, 3), dtype=np.uint8)
    labels = generator.integers(0, 12, (24, 31)).astype(np.uint8)
    recipe = draw_recipe(labels, generator)

    assert np.array_equal(apply_recipe(image, labels, recipe).composite, _plain(image, labels, recipe))


@pytest.mark.parametrize("recipe", [RECIPE, DEGRADED])
@pytest.mark.parametrize("space", ["rgb", "lab"])
def test_background_equals_the_target(photo_array: np.ndarray, labels: np.ndarray, recipe: dict, space: str) -> None:
    result = apply_recipe(photo_array, labels, recipe, space=space)

    assert np.array_equal(result.composite[~result.mask], result.target[~result.mask])


def test_mask_is_the_union_of_the_regions(photo_array: np.ndarray, labels: np.ndarray) -> None:
    assert np.array_equal(apply_recipe(photo_array, labels, RECIPE).mask, (labels == 1) | (labels == 4))


def test_degradation_changes_the_target_everywhere(photo_array: np.ndarray, labels: np.ndarray) -> None:
    assert np.array_equal(apply_recipe(photo_array, labels, DEGRADED).target, apply_step(photo_array, NOISE))


def test_degradation_leaves_the_regions_sharp(photo_array: np.ndarray, labels: np.ndarray) -> None:
    clean, degraded = (apply_recipe(photo_array, labels, recipe) for recipe in (RECIPE, DEGRADED))

    assert np.array_equal(degraded.composite[degraded.mask], clean.composite[clean.mask])


def test_degradation_in_lab_acts_on_the_codes(photo_array: np.ndarray, labels: np.ndarray) -> None:
    result = apply_recipe(photo_array, labels, DEGRADED, space="lab")

    assert np.array_equal(result.target, apply_step(rgb_to_lab8(photo_array), NOISE))


def test_lab_composite_holds_the_codes_of_the_rgb_composite(photo_array: np.ndarray, labels: np.ndarray) -> None:
    rgb, lab = (apply_recipe(photo_array, labels, RECIPE, space=space) for space in ("rgb", "lab"))

    assert np.array_equal(lab.composite, rgb_to_lab8(rgb.composite))


def test_recipe_survives_json_to_the_byte(photo_array: np.ndarray, labels: np.ndarray) -> None:
    for seed in range(100):  # about five of them degrade the background
        recipe = draw_recipe(labels, np.random.default_rng(seed))

        first, again = (apply_recipe(photo_array, labels, r) for r in (recipe, json.loads(json.dumps(recipe))))

        assert np.array_equal(first.composite, again.composite)
        assert np.array_equal(first.target, again.target)


def test_inputs_are_not_changed(photo_array: np.ndarray, labels: np.ndarray) -> None:
    before = photo_array.copy(), labels.copy()

    apply_recipe(photo_array, labels, DEGRADED)

    assert np.array_equal(photo_array, before[0])
    assert np.array_equal(labels, before[1])


def test_network_size_rounds_the_target_only(photo_array: np.ndarray, labels: np.ndarray) -> None:
    small = to_network_size(apply_recipe(photo_array, labels, RECIPE), 20)

    assert small.target.dtype == np.uint8
    assert (small.composite % 1).any()
    assert ((small.mask > 0) & (small.mask < 1)).any()


# The draw.


@pytest.mark.parametrize(("regions", "draws"), [(1, 1), (4, 1), (5, 2), (9, 2), (10, 3), (14, 3), (15, 4), (91, 19)])
def test_number_of_draws_grows_with_the_number_of_regions(regions: int, draws: int) -> None:
    labels = np.arange(regions + 1, dtype=np.uint8)[None]
    drawn = [len(choose_regions(labels, np.random.default_rng(seed))) for seed in range(400)]

    expected = regions * (1 - (1 - 1 / regions) ** draws)  # distinct ids among draws with replacement
    assert max(drawn) <= draws
    assert np.mean(drawn) == pytest.approx(expected, rel=0.05)


@given(seed=st.integers(0, 2**32))
def test_regions_are_present_distinct_ascending_and_never_0(seed: int) -> None:
    labels = np.array([[0, 3, 7, 12, 30, 61, 88, 150]], dtype=np.uint8)

    chosen = choose_regions(labels, np.random.default_rng(seed))

    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(labels.ravel().tolist()) - {0}


def _drawn_recipes(count: int) -> list[dict]:
    return [draw_recipe(np.ones((1, 1), np.uint8), np.random.default_rng(seed)) for seed in range(count)]


def test_every_look_is_drawn_equally_often() -> None:
    looks = Counter(recipe["regions"][0]["steps"][0]["filter"] for recipe in _drawn_recipes(4600))

    assert set(looks) == set(FILTERS)
    assert max(abs(count - 200) for count in looks.values()) < 5 * 200**0.5


def test_half_of_the_regions_get_one_of_six_second_filters() -> None:
    steps = [recipe["regions"][0]["steps"] for recipe in _drawn_recipes(3000)]
    seconds = Counter(pair[1].get("filter", "lab") for pair in steps if len(pair) == 2)

    assert len(seconds) == 6
    assert all(count == pytest.approx(250, abs=5 * 250**0.5) for count in seconds.values())


def test_one_background_in_twenty_is_degraded_by_one_of_six_ways() -> None:
    steps = Counter(step["name"] for recipe in _drawn_recipes(12000) for step in recipe["background"])

    chances = {"jpeg": 200, "gaussian_blur": 100, "motion_blur": 100, "gaussian_noise": 67, "laplace_noise": 67, "poisson_noise": 67}
    assert steps == pytest.approx(chances, abs=50)


@pytest.mark.parametrize(("parameter", "low", "high"), [("factors", 0.8, 1.2), ("sigma", 8, 10), ("angle", 0, 360), ("direction", -1, 1)])
def test_drawn_numbers_fill_their_range(parameter: str, low: float, high: float) -> None:
    steps = [step for recipe in _drawn_recipes(3000) for step in (*recipe["regions"][0]["steps"], *recipe["background"])]
    numbers = [number for step in steps if parameter in step for number in np.atleast_1d(step[parameter])]

    margin = 0.3 * (high - low)
    assert low <= min(numbers) < low + margin
    assert high - margin < max(numbers) <= high


# The doors.


def test_a_picture_without_regions_is_refused(generator: np.random.Generator) -> None:
    with pytest.raises(DataError, match=r"no region but 0 \(no object\).*leave this picture out"):
        draw_recipe(np.zeros((4, 4), np.uint8), generator)


@pytest.mark.parametrize("labels", [np.full((2, 2), -1), np.full((2, 2), 0.5)])
def test_labels_that_are_no_ids_are_refused(labels: np.ndarray, generator: np.random.Generator) -> None:
    with pytest.raises(DataError, match="no region ids: expected whole numbers from 0"):
        draw_recipe(labels, generator)


def test_a_recipe_of_another_picture_is_refused(photo_array: np.ndarray) -> None:
    with pytest.raises(DataError, match="no region 1, which the recipe perturbs"):
        apply_recipe(photo_array, np.zeros(photo_array.shape[:2], np.uint8), RECIPE)


def test_labels_of_another_size_are_refused(photo_array: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"the label map is 47x64, its picture 48x64"):
        apply_recipe(photo_array, labels[1:], RECIPE)


def test_an_unknown_space_is_refused(photo_array: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ParameterError, match='space is "hsv": choose from rgb, lab'):
        apply_recipe(photo_array, labels, RECIPE, space="hsv")


def test_a_malformed_recipe_is_refused(photo_array: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ParameterError, match="a malformed recipe: it needs"):
        apply_recipe(photo_array, labels, {"regions": []})


# The statistics of whole benchmarks.


@pytest.mark.slow
@pytest.mark.parametrize("pack", EXPECTED_MSE)
def test_composites_are_as_far_from_their_targets_as_the_authors(shared: Path, pack: str) -> None:
    expected, no_object = EXPECTED_MSE[pack]
    source = open_source("folder", shared / "data" / pack, no_object=no_object)

    errors = [error for photo_id in source.ids("test") for error in _errors(source, photo_id)]

    # The authors' own seeds scatter by 12 %, so their mean of three by 7 %.
    assert np.mean(errors) == pytest.approx(expected, rel=0.15)


def _errors(source, photo_id: str) -> Iterator[float]:
    """Yield the MSE at 256x256 of four composites perturbed at the photograph's size; none of one without a region."""
    photo = source.load(photo_id)
    labels = object_labels(photo, source.no_object)
    for seed in range(4 * bool(labels.any())):
        recipe = draw_recipe(labels, item_generator(seed, photo_id))
        result = to_network_size(apply_recipe(photo.image, labels, recipe), 256)
        yield float(np.square(np.rint(result.composite) - result.target).mean())


# In words.


def test_recipe_is_told_by_region_name_and_filter():
    steps = [{"name": "instagram", "filter": "_1977"}, {"name": "lab_multiply", "factors": [1.1, 0.9, 1.0]}]
    background = [{"name": "gaussian_noise", "sigma": 8.31, "seed": 5}]
    regions = [{"region": 7, "steps": steps}, {"region": 9, "steps": steps[:1]}]

    text = describe_recipe({"regions": regions, "background": background}, {7: "sky"})

    assert text.splitlines() == ["1 sky: 1977 + LAB × 1.10, 0.90, 1.00", "2 region 9: 1977", "background: gaussian noise 8.3"]
