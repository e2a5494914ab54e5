"""``harmonize`` between the working size and full size: how thumbnails are made, and the ways up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from harmlib import models
from harmlib.errors import MaskError, ParameterError
from harmlib.inference.pictures import harmonize, harmonize_with_prediction
from harmlib.inference.thumbnails import sample_bilinear
from harmlib.inference.upsampling import polynomial_color_mapping
from harmlib.io import images
from harmlib.models.base import HarmonizationModel, Prediction

NARROW = 1 / 64
SIZES = [(300, 517), (1, 1), (7, 900), (16, 16), (1080, 1920)]


class Mirror(HarmonizationModel):
    """Shows what it sees; extras: its mask."""

    name = "mirror"
    working_size = 16
    antialias = False
    soft_masks = True

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the inputs."""
        assert mask is not None
        return Prediction(composite, {"mask": mask})


class PilMirror(Mirror):
    """The same with PIL's thumbnails."""

    antialias = True


class Darker(Mirror):
    """Halves the picture, background included."""

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the darker picture."""
        return Prediction(composite / 2)


@pytest.fixture
def mask_array(photo_array: np.ndarray) -> np.ndarray:
    """A rectangle of foreground."""
    mask = np.zeros(photo_array.shape[:2], bool)
    mask[10:30, 20:50] = True
    return mask


def sampled_by_torch(tensor: Tensor, size: int) -> Tensor:
    """Return (1, C, H, W) at size x size."""
    return functional.interpolate(tensor, size=(size, size), mode="bilinear", align_corners=False)


@pytest.mark.parametrize("samples", [16, 256])
@pytest.mark.parametrize("size", SIZES)
def test_sampling_a_picture_agrees_with_torch(size: tuple[int, int], samples: int, generator: np.random.Generator) -> None:
    picture = generator.integers(0, 256, (*size, 3), dtype=np.uint8)

    found = images.to_tensor(picture)[None]
    sampled = torch.from_numpy(sample_bilinear(picture, (samples, samples)) / 255).permute(2, 0, 1)[None]

    assert sampled.dtype == torch.float32
    torch.testing.assert_close(sampled, sampled_by_torch(found, samples), atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_sampling_a_mask_agrees_with_torch(size: tuple[int, int], generator: np.random.Generator) -> None:
    mask = generator.random(size, dtype=np.float32)

    sampled = torch.from_numpy(sample_bilinear(mask, (16, 16)))[None, None]

    torch.testing.assert_close(sampled, sampled_by_torch(torch.from_numpy(mask)[None, None], 16), atol=1e-6, rtol=0)


def test_sampling_does_not_read_the_whole_picture() -> None:
    huge = np.broadcast_to(np.uint8(7), (10**6, 10**6, 3))  # 3 TB if it were read

    assert (sample_bilinear(huge, (256, 256)) == 7).all()


def test_thumbnails_without_antialiasing_are_plain_samples(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    _, prediction = harmonize_with_prediction(Mirror(), photo_array, mask_array)

    assert prediction is not None
    torch.testing.assert_close(prediction.image, sampled_by_torch(images.to_tensor(photo_array)[None], 16), atol=1e-6, rtol=0)
    torch.testing.assert_close(prediction["mask"], sampled_by_torch(images.to_tensor(mask_array)[None], 16), atol=1e-6, rtol=0)


def test_antialiased_thumbnails_are_pils(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    _, prediction = harmonize_with_prediction(PilMirror(), photo_array, mask_array)

    assert prediction is not None
    assert torch.equal(prediction.image[0], images.to_tensor(images.resize(photo_array, (16, 16), "bilinear")))
    assert torch.equal(prediction["mask"][0], images.to_tensor(images.resize(mask_array, (16, 16), "nearest")))


def test_a_method_for_binary_masks_gets_binary_samples(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    model = Mirror()
    model.soft_masks = False

    _, prediction = harmonize_with_prediction(model, photo_array, mask_array)

    assert prediction is not None
    assert set(prediction["mask"].unique().tolist()) == {0.0, 1.0}


def test_the_prediction_comes_with_its_extras(photo_array: np.ndarray) -> None:
    model = models.create("sgmmh_om", width=NARROW)

    picture, prediction = harmonize_with_prediction(model, photo_array)

    assert prediction is not None
    assert prediction["operator_masks"].shape == (1, 6, 256, 256)
    assert np.array_equal(picture, harmonize(model, photo_array))


def test_an_unchanged_composite_has_no_prediction(photo_array: np.ndarray) -> None:
    with pytest.warns(UserWarning, match="the mask is empty"):
        _, prediction = harmonize_with_prediction(Mirror(), photo_array, np.zeros(photo_array.shape[:2], bool))

    assert prediction is None


@pytest.mark.parametrize("size", [(40, 30), (400, 300)])
def test_bilinear_resizes_the_small_result(size: tuple[int, int], generator: np.random.Generator) -> None:
    composite = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
    model = models.create("sgmmh_om", width=NARROW)

    picture, prediction = harmonize_with_prediction(model, composite, upsampling="bilinear")

    assert prediction is not None
    expected = functional.interpolate(prediction.image, size=size, mode="bilinear", align_corners=False)
    assert np.array_equal(picture, images.to_array(expected[0]))


def test_resizing_is_dovenets_own_way(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    model = models.create("dovenet", width=NARROW)

    own, bilinear = (harmonize(model, photo_array, mask_array, upsampling=way) for way in ("own", "bilinear"))

    assert np.array_equal(own, bilinear)


def test_pcm_maps_the_foreground_by_the_small_pairs_polynomial(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    model = models.create("dovenet", width=NARROW)

    picture, prediction = harmonize_with_prediction(model, photo_array, mask_array, upsampling="pcm")

    assert prediction is not None
    small = images.resize(photo_array, (256, 256), "bilinear") / np.float32(255)
    small_mask = images.resize(mask_array, (256, 256), "nearest")
    result = prediction.image[0].permute(1, 2, 0).numpy()
    mapped = polynomial_color_mapping(small, result, small_mask, photo_array / np.float32(255), mask_array)
    assert np.array_equal(picture, np.rint(255 * mapped))


def test_pcm_keeps_the_background(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    harmonized = harmonize(Darker(), photo_array, mask_array, upsampling="pcm")

    assert np.abs(harmonized[mask_array] - photo_array[mask_array] / 2).max() <= 0.5 + 1e-6
    assert np.array_equal(harmonized[~mask_array], photo_array[~mask_array])


def test_pcm_blends_along_a_soft_mask(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    soft = np.where(mask_array, 0.6, 0.0)

    harmonized = harmonize(Darker(), photo_array, soft, upsampling="pcm")

    assert np.abs(harmonized[mask_array] - photo_array[mask_array] * 0.7).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("upsampling", ["bilinear", "pcm"])
def test_a_method_for_every_size_needs_no_way_up(upsampling: str, photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    harmonized = harmonize("reinhard_lab", photo_array, mask_array, upsampling=upsampling)

    assert np.array_equal(harmonized, harmonize("reinhard_lab", photo_array, mask_array))


def test_a_methods_own_way_for_bytes_is_taken(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    class Quick(Mirror):
        keeps_background = True

        def upscale_picture(self, prediction: Prediction, composite: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
            assert mask is not None
            return composite // 2 + (mask[..., None] > 0)

    harmonized = harmonize(Quick(), photo_array, mask_array)

    assert np.array_equal(harmonized, photo_array // 2 + mask_array[..., None])


def test_pcm_without_a_mask_says_so(photo_array: np.ndarray) -> None:
    with pytest.raises(MaskError, match='upsampling "pcm" maps the colors of the foreground and needs a mask'):
        harmonize("composite", photo_array, upsampling="pcm")


def test_an_unknown_way_is_told_the_known_ones(photo_array: np.ndarray) -> None:
    with pytest.raises(ParameterError, match='upsampling is "cubic": choose from own, bilinear, pcm'):
        harmonize("composite", photo_array, upsampling="cubic")
