"""Scores under a protocol: bring the pictures to the evaluated form, finish the prediction, measure."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from harmlib.errors import EmptyMaskError, MaskError, ShapeError
from harmlib.io.images import resize, to_array, to_tensor
from harmlib.io.masks import MASK_THRESHOLD
from harmlib.metrics import functional, lpips
from harmlib.metrics.protocols import DEFAULT, METRICS, Protocol, get_protocol


def evaluated_picture(image: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Return a uint8 picture (H, W, 3) as the protocol looks at it: resized to its square, or as it is."""
    return image if protocol.size is None else _resized(image, protocol.size, protocol)


def evaluated_mask(mask: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Return a mask as float32 in [0, 1] at the protocol's size.

    mask: (H, W), bool, uint8 (0..255) or float (0..1). Raises MaskError for another shape.
    """
    if mask.ndim != 2:
        raise MaskError(f"mask has shape {mask.shape}, expected (H, W): keep one channel")
    if protocol.mask == "soft":
        levels = mask.astype(np.float32) / (255 if mask.dtype == np.uint8 else 1)
        return levels if protocol.size is None else np.clip(_resized(levels, protocol.size, protocol), 0, 1)
    binary = mask if mask.dtype == np.bool_ else mask >= (MASK_THRESHOLD if mask.dtype == np.uint8 else 0.5)
    return (binary if protocol.size is None else resize(binary, (protocol.size, protocol.size), "nearest")).astype(np.float32)


def _resized(array: np.ndarray, size: int, protocol: Protocol) -> np.ndarray:
    """Resize a uint8 picture or float32 map to a square, by the protocol's library and filter."""
    if protocol.library == "pillow":
        return resize(array, (size, size), protocol.resampling)
    import cv2

    interpolation = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}[protocol.resampling]
    return cv2.resize(array, (size, size), interpolation=interpolation)


def finish(prediction: Tensor, protocol: Protocol) -> Tensor:
    """Return what the protocol measures of pictures (B, 3, H, W), RGB: clipped to [0, 1], rounded, saved as JPEG if it says so."""
    picture = prediction.float().clamp(0, 1)
    if protocol.rounding == "round":
        picture = (255 * picture).round() / 255
    if protocol.rounding == "truncate":
        picture = (255 * picture).floor() / 255
    if protocol.jpeg is not None:
        picture = torch.stack([_through_jpeg(image, protocol.jpeg) for image in picture])
    return picture.clamp(0, 1)


def _through_jpeg(image: Tensor, quality: int) -> Tensor:
    """Save (3, H, W) as JPEG in memory and read it back."""
    stream = io.BytesIO()
    Image.fromarray(to_array(image)).save(stream, format="JPEG", quality=quality)
    return to_tensor(np.asarray(Image.open(stream)))


def score_batch(
    prediction: Tensor, target: Tensor, mask: Tensor, protocol: Protocol, *, lpips_network: torch.nn.Module | None = None
) -> dict[str, Tensor]:
    """The protocol's metrics of finished predictions, one value per image.

    prediction, target: (B, 3, H, W), RGB in [0, 1]; mask: (B, 1, H, W) in [0, 1].
    Returns every name of METRICS -> (B,) float64; NaN for metrics that the protocol does not ask for, for foreground metrics of an empty
    mask, and for LPIPS without a network.
    Raises ShapeError, RangeError.
    """
    error = functional.mse(prediction, target)
    scores = {name: torch.full_like(error, torch.nan) for name in METRICS} | {"mse": error}
    some = mask.sum((1, 2, 3)) > 0
    if some.any():
        scores["fmse"][some] = functional.fmse(prediction[some], target[some], mask[some], rule=protocol.fmse_rule)
    if {"ssim", "fssim"} & set(protocol.metrics):
        data_range: float | Tensor = 1.0
        if protocol.ssim_range == "prediction_range":
            data_range = prediction.amax((2, 3)).double() - prediction.amin((2, 3)).double()  # (B, 3)
        similarity = functional.ssim_map(prediction, target, data_range=data_range)
        scores["ssim"] = functional.ssim_from_map(similarity)
        if some.any():
            scores["fssim"][some] = functional.fssim_from_map(similarity[some], mask[some])
    if protocol.mse_region == "foreground":
        # fMSE x share of the area is the foreground's error, spread over the whole picture; no foreground, no error.
        scores["mse"] = (scores["fmse"] * mask.double().mean((1, 2, 3))).nan_to_num(0.0)
    peak = _peak(prediction, target, protocol)
    for name in ("psnr", "fpsnr"):
        scores[name] = functional.psnr_from_mse(scores[name.replace("psnr", "mse")], peak=peak, offset=protocol.mse_offset)
    if lpips_network is not None and "lpips" in protocol.metrics:
        scores["lpips"] = lpips.lpips_distance(lpips_network, prediction, target, channels=protocol.lpips_channels)
    return {name: values if name in protocol.metrics else torch.full_like(error, torch.nan) for name, values in scores.items()}


def _peak(prediction: Tensor, target: Tensor, protocol: Protocol) -> float | Tensor:
    """PSNR's peak in 8-bit levels, one number or (B,)."""
    if protocol.peak == "prediction_range":
        return 255 * (prediction.amax((1, 2, 3)).double() - prediction.amin((1, 2, 3)).double())
    if protocol.peak == "target_max":
        return 255 * target.amax((1, 2, 3)).double()
    return functional.PEAK


def score_pair(
    prediction: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray,
    protocol: str | Protocol = DEFAULT,
    *,
    composite: np.ndarray | None = None,
    lpips_network: torch.nn.Module | None = None,
) -> dict[str, float]:
    """Score one prediction against the real photograph.

    prediction: (H, W, 3), uint8, or float in [0, 1]; of the target's size (then it is resized as the target is) or already of the
    size that the protocol evaluates. A float picture that must be resized is rounded to 8 bits first, as a file would be.
    target, composite: uint8 (H, W, 3); without a composite the prediction keeps its own background.
    mask: (H, W), bool, uint8 or float.
    Returns every name of METRICS, as ``score_batch``.
    Raises ShapeError, RangeError, MaskError, ParameterError; EmptyMaskError when the mask is empty at the evaluated size.
    """
    rule = get_protocol(protocol)
    scores = measure(prediction, target, mask, rule, composite=composite, lpips_network=lpips_network)
    if np.isnan(scores["fmse"]):
        raise EmptyMaskError("the mask has no foreground pixel at the size that is scored: foreground scores need one")
    return scores


def measure(
    prediction: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray,
    protocol: Protocol,
    *,
    composite: np.ndarray | None = None,
    lpips_network: torch.nn.Module | None = None,
) -> dict[str, float]:
    """As ``score_pair``, but the foreground metrics of an empty mask are NaN."""
    if mask.shape[:2] != target.shape[:2]:
        raise MaskError(
            f"mask is {mask.shape[0]}x{mask.shape[1]}, its real photograph {target.shape[0]}x{target.shape[1]}: resize the mask"
        )
    real = to_tensor(evaluated_picture(target, protocol))[None]
    region = torch.from_numpy(evaluated_mask(mask, protocol))[None, None]
    picture = _evaluated_prediction(prediction, target, protocol)
    behind = {"composite": composite, "target": target, "keep": None}[protocol.background]
    if behind is not None:
        picture = picture * region + to_tensor(evaluated_picture(behind, protocol))[None] * (1 - region)
    scores = score_batch(finish(picture, protocol), real, region, protocol, lpips_network=lpips_network)
    return {name: value.item() for name, value in scores.items()}


def _evaluated_prediction(prediction: np.ndarray, target: np.ndarray, protocol: Protocol) -> Tensor:
    """Bring a prediction of either allowed size to (1, 3, h, w)."""
    wanted = target.shape[:2] if protocol.size is None else (protocol.size, protocol.size)
    if prediction.shape not in ((*wanted, 3), target.shape):
        found = "x".join(map(str, prediction.shape))
        raise ShapeError(f"prediction is {found}, its real photograph {target.shape[0]}x{target.shape[1]}x3: resize the prediction")
    if prediction.dtype != np.uint8:
        tensor = torch.from_numpy(np.ascontiguousarray(prediction.transpose(2, 0, 1), dtype=np.float32))
        functional.check_range(tensor, "prediction")
        if prediction.shape[:2] == wanted:
            return tensor[None]
        prediction = to_array(tensor)
    if prediction.shape[:2] != wanted:
        prediction = evaluated_picture(prediction, protocol)
    return to_tensor(prediction)[None]
