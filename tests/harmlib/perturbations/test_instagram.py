"""pilgram's filters: golden outputs on whole pictures, and packed regions equal to the bit at any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pilgram
import pytest
from golden_perturbations import FILE, golden_picture
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from harmlib.perturbations import apply_step, apply_steps_to_region
from harmlib.perturbations.instagram import CSS_FILTERS, FILTERS
from harmlib.perturbations.looks.radial import RADIAL_FILTERS

IDENTITIES = ("contrast", "hue_rotate", "saturate")
every_look = pytest.mark.parametrize("look", FILTERS)


def _random_picture(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def _look(look: str) -> dict[str, str]:
    return {"name": "instagram", "filter": look}


@every_look
def test_look_equals_the_stored_output(look: str) -> None:
    with np.load(FILE) as stored:
        assert np.array_equal(apply_step(golden_picture(), _look(look)), stored[f"instagram/{look}"])


@pytest.mark.parametrize("name", CSS_FILTERS)
def test_css_filter_equals_the_stored_output(name: str) -> None:
    with np.load(FILE) as stored:
        assert np.array_equal(apply_step(golden_picture(), {"name": "css", "filter": name}), stored[f"css/{name}"])


@pytest.mark.parametrize("shape", ["sq", "rect"])
@every_look
def test_look_equals_the_golden_output_on_pictures_and_regions(shared: Path, look: str, shape: str) -> None:
    with np.load(shared / "golden" / "sgmmh.npz") as golden:
        image, expected = golden[f"filter/{shape}/in"], golden[f"filter/{shape}/{look}"]

    packed = apply_steps_to_region(image, np.arange(image.size // 3), [_look(look)])

    assert np.array_equal(apply_step(image, _look(look)), expected)
    assert np.array_equal(packed.reshape(image.shape), expected)


@pytest.mark.parametrize("shape", ["sq", "rect"])
@pytest.mark.parametrize("name", CSS_FILTERS)
def test_css_filter_equals_the_golden_output(shared: Path, name: str, shape: str) -> None:
    with np.load(shared / "golden" / "sgmmh.npz") as golden:
        result = apply_step(golden[f"filter/{shape}/in"], {"name": "css", "filter": name})

        assert np.array_equal(result, golden[f"filter/{shape}/css_{name}"])


@pytest.mark.parametrize("name", IDENTITIES)
def test_css_filter_with_default_argument_changes_nothing(name: str) -> None:
    image = _random_picture((64, 64))

    assert np.array_equal(apply_step(image, {"name": "css", "filter": name}), image)


@every_look
@given(height=st.integers(1, 40), width=st.integers(1, 40), share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
@example(height=1, width=1, share=0, seed=0)
@example(height=1, width=40, share=1, seed=1)
@example(height=40, width=1, share=1, seed=2)
@example(height=32, width=32, share=1, seed=3)
@example(height=33, width=17, share=0.5, seed=4)
@settings(max_examples=20, deadline=None)
def test_region_equals_pilgram_on_the_whole_picture(look: str, height: int, width: int, share: float, seed: int) -> None:
    image = _random_picture((height, width), seed)
    count = 1 + int(share * (height * width - 1))  # from a single pixel to the whole picture
    index = np.sort(np.random.default_rng(seed).choice(height * width, count, replace=False))

    region = apply_steps_to_region(image, index, [_look(look)])

    whole = np.asarray(getattr(pilgram, look)(Image.fromarray(image)))
    assert np.array_equal(region, whole.reshape(-1, 3)[index])


@pytest.mark.parametrize("size", [(256, 256), (321, 481), (481, 321)])
@every_look
def test_region_equals_pilgram_at_the_sizes_of_benchmarks(look: str, size: tuple[int, int]) -> None:
    image = _random_picture(size)
    index = np.arange(0, size[0] * size[1], 3)

    region = apply_steps_to_region(image, index, [_look(look)])

    whole = np.asarray(getattr(pilgram, look)(Image.fromarray(image)))
    assert np.array_equal(region, whole.reshape(-1, 3)[index])


def test_looks_outside_the_radial_list_do_not_depend_on_the_place() -> None:
    image = _random_picture((24, 24))
    order = np.random.default_rng(1).permutation(24 * 24)
    shuffled = image.reshape(-1, 3)[order].reshape(image.shape)

    moved = {look for look in FILTERS if not np.array_equal(_flat(shuffled, look), _flat(image, look)[order])}

    assert moved == set(RADIAL_FILTERS)


def _flat(image: np.ndarray, look: str) -> np.ndarray:
    return apply_step(image, _look(look)).reshape(-1, 3)
