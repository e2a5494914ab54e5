"""Sg-MMH's retoucher: operator masks applied to 8-bit OpenCV LAB codes (equation 2; docs/methods/sgmmh.md).

The network scale is code/255 stretched to [-1, 1], for L, a and b alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from harmlib import color
from harmlib.errors import ParameterError
from harmlib.extras import needs
from harmlib.io import images
from harmlib.models.base import to_signed, to_unit

# Channel order of the operator masks.
OPERATORS = ("add_L", "mul_L", "add_a", "mul_a", "add_b", "mul_b")
NEUTRAL_CODE = 128  # the code of a = 0 and of b = 0


def retouch(lab: Tensor, masks: Tensor) -> Tensor:
    """Return I_h = clamp(I_c · mul + add, −1, 1) for each of L, a and b.

    lab: I_c, (B, 3, H, W) on the network scale; masks: (B, 6, H, W) in the order of ``OPERATORS``.
    """
    add, multiply = masks[:, 0::2], masks[:, 1::2]
    return (lab * multiply + add).clamp(-1, 1)


def rgb_to_lab(image: Tensor) -> Tensor:
    """Return the LAB codes of RGB in [0, 1] on the network scale, (B, 3, H, W); no gradient."""
    codes = [images.to_tensor(color.rgb_to_lab8(images.to_array(picture))) for picture in image]
    return to_signed(torch.stack(codes).to(image))


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Return LAB on the network scale, quantized as the authors do, as RGB in [0, 1], (B, 3, H, W); no gradient."""
    codes = quantize(lab).permute(0, 2, 3, 1).cpu().numpy()
    return torch.stack([images.to_tensor(color.lab8_to_rgb(picture)) for picture in codes]).to(lab)


def lab_to_signed_rgb(lab: Tensor) -> Tensor:
    """Return LAB on the network scale as RGB in [-1, 1] with a gradient, for perceptual terms; not quantized."""
    with needs("lab"):
        from kornia.color import lab_to_rgb as float_lab_to_rgb

    codes = 255 * to_unit(lab)
    lightness, chroma = codes[:, :1] * (100 / 255), codes[:, 1:] - NEUTRAL_CODE
    return to_signed(float_lab_to_rgb(torch.cat([lightness, chroma], 1)))


def quantize(values: Tensor) -> Tensor:
    """Return values in [-1, 1] as 8-bit codes, truncated; float rounding makes the codes 1 to 63 one lower than they went in."""
    return (to_unit(values.detach().clamp(-1, 1)) * 255).to(torch.uint8)


def edit_masks(
    masks: Tensor, *, scale: Mapping[str, float] | None = None, shift: Mapping[str, float] | None = None, region: Tensor | None = None
) -> Tensor:
    """Return operator masks with some of them scaled, then shifted, inside a region.

    masks: (B, 6, H, W); scale, shift: operator name -> number, shifts on the network scale.
    region: (B, 1, H, W), 1 = edit here, fractions fade; None edits everywhere. Raises ParameterError for an unknown operator.
    """
    edited = masks * _per_operator(scale, 1.0, masks) + _per_operator(shift, 0.0, masks)
    return edited if region is None else masks + (edited - masks) * region


def edit(
    composite: Tensor,
    masks: Tensor,
    *,
    scale: Mapping[str, float] | None = None,
    shift: Mapping[str, float] | None = None,
    region: Tensor | None = None,
) -> Tensor:
    """Return the composite retouched with edited operator masks, RGB in [0, 1]; no network pass. Source: Sg-MMH, figure 6.

    composite: (B, 3, H, W), RGB in [0, 1]; masks: its operator masks; the rest as for ``edit_masks``.
    """
    return lab_to_rgb(retouch(rgb_to_lab(composite), edit_masks(masks, scale=scale, shift=shift, region=region)))


def _per_operator(values: Mapping[str, float] | None, neutral: float, like: Tensor) -> Tensor:
    """Return one number per operator, (1, 6, 1, 1), ``neutral`` where none is given."""
    values = values or {}
    unknown = sorted(set(values) - set(OPERATORS))
    if unknown:
        raise ParameterError(f'there is no operator "{unknown[0]}": choose from {", ".join(OPERATORS)}')
    return like.new_tensor([values.get(name, neutral) for name in OPERATORS]).view(1, -1, 1, 1)
