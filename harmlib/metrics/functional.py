"""Image errors on batches, one value per image; averaging over images is the caller's visible step.

Pictures are (B, 3, H, W), RGB in [0, 1]; masks (B, 1, H, W) in [0, 1], 1 = foreground; errors are on the 0..255 scale.
Sums run in float64, so that a picture of many megapixels loses nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as nnf

from harmlib.errors import EmptyMaskError, RangeError, ShapeError, check_choice
from harmlib.io.images import check_triplet

PEAK = 255.0
# Added to the MSE so that identical pictures stop at 108.13 dB.
MSE_OFFSET = 1e-6
# scikit-image's defaults: uniform window, sample covariance, K1 and K2 of Wang et al. 2004.
WINDOW = 7
K1, K2 = 0.01, 0.03
FOREGROUND_RULES = ("error", "pictures")


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error over all pixels and channels, one value per image.

    prediction, target: (B, 3, H, W), RGB in [0, 1].
    Returns (B,) float64, squared 8-bit levels, 0..65025.
    Raises ShapeError if sizes differ; RangeError outside [0, 1].

    >>> black = torch.zeros(1, 3, 2, 2)
    >>> mse(black + 10 / 255, black).round(decimals=3)
    tensor([100.], dtype=torch.float64)
    """
    _check_pair(prediction, target)
    return _squared_error(prediction, target).mean((1, 2, 3))


def fmse(prediction: Tensor, target: Tensor, mask: Tensor, *, rule: str = "error") -> Tensor:
    """Mean squared error over the foreground, one value per image.

    prediction, target: (B, 3, H, W), RGB in [0, 1]; mask: (B, 1, H, W) in [0, 1].
    rule: what a soft mask weights: the squared "error" (iDIH), or the "pictures" before the difference (DoveNet); binary
    masks give the same either way.
    Returns (B,) float64, squared 8-bit levels, 0..65025.
    Raises ShapeError, RangeError, ParameterError; EmptyMaskError if a mask has no foreground.

    >>> black, mask = torch.zeros(1, 3, 2, 2), torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    >>> fmse(black + mask * 10 / 255, black, mask).round(decimals=3)  # 25 in the whole picture
    tensor([100.], dtype=torch.float64)
    """
    check_choice("foreground rule", rule, FOREGROUND_RULES)
    _check_foreground(prediction, target, mask)
    weights = mask.double() if rule == "error" else mask.double().square()
    total = (_squared_error(prediction, target) * weights).sum((1, 2, 3))
    return total / (prediction.shape[1] * mask.double().sum((1, 2, 3)))


def psnr(prediction: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over all pixels, one value per image.

    prediction, target: (B, 3, H, W), RGB in [0, 1].
    Returns (B,) float64, dB. Raises ShapeError, RangeError.

    >>> black = torch.zeros(2, 3, 2, 2)
    >>> shifts = torch.tensor([1.0, 10.0]).reshape(2, 1, 1, 1) / 255
    >>> psnr(black + shifts, black).round(decimals=2)
    tensor([48.1300, 28.1300], dtype=torch.float64)
    """
    return psnr_from_mse(mse(prediction, target))


def fpsnr(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over the foreground, one value per image; arguments and errors as ``fmse``."""
    return psnr_from_mse(fmse(prediction, target, mask))


def psnr_from_mse(error: Tensor, *, peak: float | Tensor = PEAK, offset: float = MSE_OFFSET) -> Tensor:
    """Return 10 log10(peak² / (MSE + offset)) in dB; error: (B,), squared levels; peak: 8-bit levels, one number or (B,)."""
    levels = torch.as_tensor(peak, dtype=torch.float64, device=error.device)
    return 10 * torch.log10(levels.square() / (error + offset))


def ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Structural similarity, mean of three channels, one value per image, as scikit-image computes it.

    prediction, target: (B, 3, H, W), RGB in [0, 1], at least 7x7.
    Returns (B,) float64, -1..1: the mean of ``ssim_map`` without the 3 pixels at each border.
    Raises ShapeError, RangeError.

    >>> ramp = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8).expand(1, 3, 8, 8)
    >>> ssim(ramp, ramp), ssim(1 - ramp, ramp).round(decimals=2)
    (tensor([1.], dtype=torch.float64), tensor([-0.9500], dtype=torch.float64))
    """
    return ssim_from_map(ssim_map(prediction, target))


def fssim(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean of the SSIM map over foreground pixels, weighted by the mask, one value per image.

    Arguments as ``ssim`` and ``fmse``. Returns (B,) float64. Raises ShapeError, RangeError, EmptyMaskError.
    """
    _check_foreground(prediction, target, mask)
    return fssim_from_map(ssim_map(prediction, target), mask)


def ssim_from_map(full: Tensor) -> Tensor:
    """Return the mean of an SSIM map (B, 3, H, W) without the 3 pixels at each border, (B,)."""
    margin = WINDOW // 2
    return full[..., margin:-margin, margin:-margin].mean((1, 2, 3))


def fssim_from_map(full: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of an SSIM map (B, 3, H, W) over the mask's foreground, (B,)."""
    weights = mask.double()
    return (full * weights).sum((1, 2, 3)) / (full.shape[1] * weights.sum((1, 2, 3)))


def ssim_map(prediction: Tensor, target: Tensor, *, data_range: float | Tensor = 1.0) -> Tensor:
    """Structural similarity at every pixel and channel: scikit-image's ``full=True`` map.

    Pictures and errors as in ``ssim``; data_range: largest less smallest possible value, one number or (B, 3), one for each channel.
    Returns (B, 3, H, W) float64; windows that leave the picture see its mirror image.
    """
    _check_pair(prediction, target)
    if min(prediction.shape[2:]) < WINDOW:
        raise ShapeError(f"pictures are {prediction.shape[2]}x{prediction.shape[3]}: SSIM needs at least {WINDOW}x{WINDOW} pixels")
    ranges = torch.as_tensor(data_range, dtype=torch.float64, device=prediction.device).expand(prediction.shape[:2])
    channels = [_ssim_of_planes(prediction[:, i], target[:, i], ranges[:, i]) for i in range(prediction.shape[1])]
    return torch.stack(channels, dim=1)


def _ssim_of_planes(x: Tensor, y: Tensor, data_range: Tensor) -> Tensor:
    """SSIM map (B, H, W) of one channel; one channel at a time keeps large pictures within memory."""
    x, y = _mirrored(x.double()), _mirrored(y.double())
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    to_sample = WINDOW**2 / (WINDOW**2 - 1)
    var_x = to_sample * (_window_mean(x * x) - mean_x * mean_x)
    var_y = to_sample * (_window_mean(y * y) - mean_y * mean_y)
    cov = to_sample * (_window_mean(x * y) - mean_x * mean_y)
    c1, c2 = ((k * data_range).square()[:, None, None] for k in (K1, K2))
    numerator = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    return numerator / ((mean_x.square() + mean_y.square() + c1) * (var_x + var_y + c2))


def _mirrored(plane: Tensor) -> Tensor:
    """Pad (B, H, W) by half a window; the border pixel is repeated (SciPy's "reflect", which torch does not offer)."""
    margin = WINDOW // 2
    for axis in (1, 2):
        size = plane.shape[axis]
        order = [*range(margin - 1, -1, -1), *range(size), *range(size - 1, size - 1 - margin, -1)]
        plane = plane.index_select(axis, torch.tensor(order, device=plane.device))
    return plane


def _window_mean(plane: Tensor) -> Tensor:
    """Mean over a sliding window, (B, H, W) -> (B, H - 6, W - 6)."""
    return nnf.avg_pool2d(plane[:, None], WINDOW, stride=1)[:, 0]


def _squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared difference in 8-bit levels, (B, 3, H, W) float64."""
    return (PEAK * (prediction.double() - target.double())).square()


def _check_pair(prediction: Tensor, target: Tensor) -> None:
    """Raise unless both are (B, 3, H, W) of one size, within [0, 1]."""
    if prediction.shape != target.shape or prediction.ndim != 4 or prediction.shape[1] != 3:
        raise ShapeError(f"prediction is {tuple(prediction.shape)} and target {tuple(target.shape)}: both must be (B, 3, H, W)")
    check_range(prediction, "prediction")
    check_range(target, "target")


def _check_foreground(prediction: Tensor, target: Tensor, mask: Tensor) -> None:
    """Raise unless pictures and mask fit, lie within [0, 1], and every mask has a foreground."""
    check_triplet(prediction, target, mask)
    _check_pair(prediction, target)
    check_range(mask, "mask")
    empty = (mask.sum((1, 2, 3)) == 0).nonzero().flatten().tolist()
    if empty:
        raise EmptyMaskError(f"mask {empty[0]} of the batch has no foreground pixel: foreground scores need one")


def check_range(values: Tensor, name: str) -> None:
    """Raise RangeError unless all values lie in [0, 1] (NaN does not)."""
    if not bool(((values >= 0) & (values <= 1)).all()):
        low, high = values.min().item(), values.max().item()
        raise RangeError(f"{name} has values from {low:g} to {high:g}, expected [0, 1]: divide 8-bit levels by 255 and clip")
