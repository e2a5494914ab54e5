"""The one renderer: what is scored is what is returned, for every method; background, soft masks, and the quicker way for bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from golden_fill import narrow, picture_side
from torch import Tensor

from harmlib import models
from harmlib.data.pairs import Pair
from harmlib.errors import CheckpointError
from harmlib.evaluation.methods import score_method
from harmlib.inference.pictures import harmonize
from harmlib.inference.render import render, render_picture
from harmlib.io.images import to_array, write_png
from harmlib.metrics.protocols import PROTOCOLS
from harmlib.models.base import HarmonizationModel, Prediction, paste

METHODS = models.list_models()
FULL = replace(PROTOCOLS["harmlib"], name="full", size=None)


class Inverter(HarmonizationModel):
    """Inverts the whole picture at its working size."""

    name = "inverter"
    working_size = 16

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the inverted picture."""
        return Prediction(1 - composite)


def small(name: str) -> HarmonizationModel:
    """Return a narrow model with seeded fresh weights."""
    torch.manual_seed(0)
    return models.create(name, **narrow(name, 1 / 64)).eval()


def picture_and_mask(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a smooth picture with some noise, and an ellipse."""
    generator = np.random.default_rng(height)
    rows, columns = np.mgrid[:height, :width]
    planes = np.stack([rows * 200 // height, columns * 200 // width, (rows + columns) * 200 // (height + width)], 2)
    mask = ((rows - 0.5 * height) / (0.3 * height)) ** 2 + ((columns - 0.4 * width) / (0.2 * width)) ** 2 < 1
    return (planes + generator.integers(0, 50, planes.shape)).astype(np.uint8), mask


def written(folder: Path, composite: np.ndarray, mask: np.ndarray, real: np.ndarray) -> Pair:
    """Write a pair."""
    paths = [folder / name for name in ("a_1_1.png", "a_1.png", "a.png")]
    for path, array in zip(paths, (composite, mask.astype(np.uint8) * 255, real), strict=True):
        write_png(path, array)
    return Pair("a_1_1", "mini", *paths)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["harmlib", "full"])
@pytest.mark.parametrize("name", METHODS)
def test_the_scored_picture_is_the_returned_picture(name: str, protocol: str, tmp_path: Path) -> None:
    """Scored against the returned picture as the real one, a method makes no error at all: not one byte differs.

    Under two pasting protocols: our own, here at the size at which a method looks at a picture, and the same at the size of the files.
    """
    model, side = small(name), picture_side(name)
    if model.working_size:
        model.working_size = side
    rule = FULL if protocol == "full" else replace(PROTOCOLS["harmlib"], size=side)
    composite, mask = picture_and_mask(200, 320) if protocol == "full" else picture_and_mask(side, side)
    returned, _ = render_picture(model, composite, mask, thumbnail=rule.thumbnail)

    pair = written(tmp_path, composite, mask, returned)
    scores = score_method(model, [pair], rule, tmp_path / "scores.csv", benchmark="mini", device="cpu")

    assert scores["mse"].item() == 0


@pytest.mark.parametrize("name", ["dovenet", "harmonizer", "ptc_dih", "reinhard_lab", "s2crnet", "sgmmh_om"])
def test_harmonize_is_the_renderer_with_the_methods_own_thumbnail(name: str) -> None:
    model, (composite, mask) = small(name), picture_and_mask(48, 70)

    returned = harmonize(model, composite, mask)

    assert np.array_equal(returned, to_array(render(model, [composite], [mask])[0]))
    if model.needs_mask:
        assert np.array_equal(returned[~mask], composite[~mask])


@pytest.mark.parametrize("upsampling", ["own", "bilinear", "pcm"])
@pytest.mark.parametrize("name", ["dovenet", "harmonizer", "sgmmh_om", "bargainnet", "xiao_ma", "idt"])
def test_bytes_are_the_rounded_tensor_along_soft_masks_too(name: str, upsampling: str) -> None:
    model, (composite, mask) = small(name), picture_and_mask(90, 70)
    soft = (mask * np.linspace(0.1, 1, 70)).astype(np.float32)

    returned, _ = render_picture(model, composite, soft, upsampling=upsampling)

    assert np.array_equal(returned, to_array(render(model, [composite], [soft], upsampling=upsampling)[0]))


def test_pictures_that_are_not_finite_are_refused(photo_array: np.ndarray) -> None:
    model = models.create("pctnet", width=0.25, size=64).eval()
    with torch.no_grad():
        next(parameter for parameter in model.parameters() if parameter.ndim == 4).fill_(torch.nan)
    mask = np.zeros(photo_array.shape[:2], bool)
    mask[10:20, 10:20] = True

    with pytest.raises(CheckpointError, match='"pctnet" makes NaN of this picture'):
        render_picture(model, photo_array, mask)


def test_what_a_method_made_of_the_background_is_kept_on_request() -> None:
    composite, mask = picture_and_mask(16, 16)

    kept = harmonize(Inverter(), composite, mask, background="keep")

    assert np.array_equal(kept, 255 - composite)
    assert np.array_equal(harmonize(Inverter(), composite, mask), np.where(mask[..., None], kept, composite))


def test_a_soft_mask_counts_once_whoever_blends() -> None:
    class Blended(Inverter):
        """Blends along the mask itself."""

        soft_masks = keeps_background = True
        working_size = None

        def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
            assert mask is not None
            return Prediction(paste(1 - composite, composite, mask))

    composite, mask = picture_and_mask(16, 16)

    by_method, by_renderer = (harmonize(model, composite, 0.5 * mask) for model in (Blended(), Inverter()))

    assert np.array_equal(by_method, by_renderer)
    assert np.abs(by_method[mask].astype(float) - 127.5).max() <= 0.5


@pytest.mark.parametrize(("name", "rounded"), [("dovenet", False), ("harmonizer", False), ("harmonizer", True)])
def test_pictures_of_a_batch_are_rendered_as_if_alone(name: str, rounded: bool) -> None:
    model, pairs = small(name), [picture_and_mask(256, 256), picture_and_mask(256, 256)]
    pairs[1] = (255 - pairs[1][0], pairs[1][1][::-1].copy())

    together = render(model, *(list(arrays) for arrays in zip(*pairs, strict=True)), rounded=rounded)

    for found, (composite, mask) in zip(together, pairs, strict=True):
        alone = render(model, [composite], [mask], rounded=rounded)[0]
        assert (found - alone).abs().max() < (1.001 / 255 if rounded else 1e-5)


def test_a_composite_whose_foreground_vanishes_in_the_thumbnail_stays_as_it_is() -> None:
    composite, mask = picture_and_mask(600, 600)
    lost = np.zeros_like(mask)
    lost[0, 0] = True

    together = render(Inverter(), [composite, composite], [mask, lost])

    assert not np.array_equal(to_array(together[0]), composite)
    assert np.array_equal(to_array(together[1]), composite)


@pytest.mark.parametrize("rule", ["plain", "own"])
def test_a_protocol_says_how_thumbnails_are_made(rule: str, tmp_path: Path) -> None:
    composite, mask = picture_and_mask(200, 320)
    returned, _ = render_picture(Inverter(), composite, mask, thumbnail=rule)
    pair = written(tmp_path, composite, mask, returned)

    found = {
        thumbnail: score_method(Inverter(), [pair], replace(FULL, thumbnail=thumbnail), tmp_path / f"{thumbnail}.csv", benchmark="mini")[
            "mse"
        ].item()
        for thumbnail in ("plain", "own")
    }

    assert found.pop(rule) == 0
    assert min(found.values()) > 0
