"""Test composites at the size at which they are scored, and what detector and harmonizers make of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harmlib.io.images import to_tensor
from harmlib.metrics import functional
from harmlib.models.base import HarmonizationModel, Prediction
from reproduction.kit.examples import Example, picture, predict, read_example

# The protocols "perceptual" and "harmlib" look at the same 256x256 pictures; they differ in what happens to predictions.
__all__ = ["Example", "change", "colored_detection", "detected_mask", "error", "gray", "picture", "predict", "predict_all", "read_example"]


def predict_all(models: Mapping[str, HarmonizationModel], example: Example) -> dict[str, Prediction]:
    """Return method -> its prediction for one example."""
    return {method: predict(model, example) for method, model in models.items()}


def error(prediction: Prediction, example: Example) -> float:
    """Return the mean squared error of the whole picture as protocol "perceptual" counts it, 8-bit levels squared."""
    return functional.mse(prediction.image, to_tensor(example.real)[None]).item()


def change(prediction: Prediction, before: np.ndarray) -> np.ndarray:
    """Return prediction - before, mean over channels, in 8-bit levels, float32 (256, 256); before: uint8 (256, 256, 3)."""
    return 255 * (prediction.image[0] - to_tensor(before)).mean(0).numpy()


def detected_mask(prediction: Prediction) -> np.ndarray:
    """Return the mask that a method found, soft, float32 (256, 256) in [0, 1]."""
    return prediction["detected_mask"][0, 0].numpy()


def colored_detection(probabilities: np.ndarray) -> np.ndarray:
    """Return a detection (H, W, 3) as a picture, uint8 (H, W, 3): negative in red, positive in green, both by probability."""
    shown = np.rint(255 * probabilities).astype(np.uint8)
    shown[..., 2] = 0  # neither
    return shown


def gray(mask: np.ndarray) -> np.ndarray:
    """Return a soft mask, (H, W) in [0, 1], as a picture, uint8 (H, W, 3): 0 is black, 1 white, whatever it holds."""
    return np.rint(255 * mask).astype(np.uint8)[..., None].repeat(3, axis=2)
