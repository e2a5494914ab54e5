"""Filters in sequence, forwards to harmonize and backwards to make composites (Harmonizer equations 4, 5 and 8).

In both directions every filter gets the previous one's whole picture, not the blended one: a background that was pasted back in between
would change the statistics that the next filter reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from harmlib.errors import ParameterError, ShapeError
from harmlib.filters.definitions import FILTERS, SIX, apply_filter
from harmlib.io.images import check_triplet


def parse_filters(text: str) -> tuple[str, ...]:
    """Return the filters of "temperature+brightness"; raises ParameterError as ``check_filters`` does.

    >>> parse_filters("temperature+brightness")
    ('temperature', 'brightness')
    """
    return check_filters(text.split("+"))


def check_filters(filters: Sequence[str]) -> tuple[str, ...]:
    """Return filters as a tuple; raises ParameterError unless they are a selection of FILTERS in that order, each once."""
    ordered = tuple(name for name in FILTERS if name in filters)
    if not filters or tuple(filters) != ordered:
        raise ParameterError(f'filters are "{"+".join(filters)}": choose from {", ".join(FILTERS)}, each at most once and in this order')
    return ordered


def restore(
    composite: Tensor, mask: Tensor, arguments: Tensor, filters: Sequence[str] = SIX, *, contrast_grad: str = "code"
) -> list[Tensor]:
    """Return the harmonized pictures O_1..O_k after each filter; the last one is the result.

    composite: (B, 3, H, W), RGB in [0, 1]; mask: (B, 1, H, W) in [0, 1]; arguments: (B, k), clamped to [-1, 1].
    O_i = M K_i + (1 - M) I_0 with K_i = F_i(K_{i-1}, θ_i) and K_0 = I_0 (equations 4 and 5).
    Raises ShapeError for shapes that do not fit, ParameterError for a wrong choice of filters.

    >>> import torch
    >>> gray, everywhere = torch.full((1, 3, 1, 1), 0.5), torch.ones(1, 1, 1, 1)
    >>> brighter, contrasted = restore(gray, everywhere, torch.tensor([[0.2, 0.0]]), ("brightness", "contrast"))
    >>> brighter.flatten().round(decimals=3)
    tensor([0.6250, 0.6250, 0.6250])
    """
    _check(composite, mask, arguments, filters)
    image, pictures = composite, []
    for name, argument in zip(filters, arguments.clamp(-1, 1).unbind(1), strict=True):
        image = apply_filter(name, image, argument, contrast_grad=contrast_grad)
        pictures.append(mask * image + (1 - mask) * composite)
    return pictures


def synthesize(image: Tensor, mask: Tensor, arguments: Tensor, filters: Sequence[str] = SIX) -> tuple[Tensor, list[Tensor]]:
    """Return a composite I_0 and the targets I_1..I_k of ``restore``'s pictures; I_k is the real picture itself.

    image: (B, 3, H, W), RGB in [0, 1]; mask: (B, 1, H, W) in [0, 1]; arguments: (B, k), clamped to [-1, 1].
    J_k = I, J_{i-1} = F_i(J_i, ξ_i), last filter first, and I_i = M J_i + (1 - M) I (equation 8).
    Errors as ``restore``.
    """
    _check(image, mask, arguments, filters)
    perturbed, pictures = image, [image]
    for name, argument in reversed(list(zip(filters, arguments.clamp(-1, 1).unbind(1), strict=True))):
        perturbed = apply_filter(name, perturbed, argument)
        pictures.insert(0, mask * perturbed + (1 - mask) * image)
    return pictures[0], pictures[1:]


def _check(image: Tensor, mask: Tensor, arguments: Tensor, filters: Sequence[str]) -> None:
    """Raise ShapeError or ParameterError unless picture, mask, arguments and filters fit each other."""
    check_filters(filters)
    check_triplet(image, image, mask)
    if arguments.shape != (len(image), len(filters)):
        raise ShapeError(f"arguments are {tuple(arguments.shape)}, expected {(len(image), len(filters))}: one per picture and filter")
