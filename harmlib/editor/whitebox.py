"""Predictions that can be edited by name: Sg-MMH's operator masks and Harmonizer's filter arguments.

An edit gives a number a scale and a shift: v becomes scale · v + shift. Both kinds are on the scale [-1, 1], where a shift of 1 is half of
what there is: 127.5 codes of a LAB channel, or the way from a neutral argument to a filter's end.

Edits reach a canvas as ``numbers`` (R + 1, N, 2): scale and shift of each of the N names, outside all regions in row 0 and in region r in
row r. Operator masks are edited after they were resized, so that a region ends where it is drawn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from harmlib import color
from harmlib.editor.kernels import retouch_codes
from harmlib.errors import ParameterError, ShapeError
from harmlib.filters import check_filters
from harmlib.filters.fused import restore_picture
from harmlib.inference.thumbnails import MASK_THRESHOLD
from harmlib.io.images import resize, to_tensor
from harmlib.models.base import resize_to, to_signed
from harmlib.models.layers.retoucher import OPERATORS, retouch, rgb_to_lab

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel, Prediction

# One unit of the network's scale, [-1, 1], in 8-bit LAB codes.
CODES = 127.5
# The 8-bit codes on that scale, as the retoucher gets them.
SIGNED = to_signed(to_tensor(np.arange(256, dtype=np.uint8)[None])).numpy().reshape(-1)
# From the numbers of an edit to the edited picture, uint8 (H, W, 3).
Canvas = Callable[[np.ndarray], np.ndarray]


class WhiteBox(ABC):
    """What a method predicted for one composite, by name.

    method: the method's id. names: of what can be edited. inside_mask: only the mask's pixels come out changed.
    """

    kind: ClassVar[str]
    method: str
    names: tuple[str, ...]
    inside_mask: bool

    @abstractmethod
    def canvas(self, composite: np.ndarray, mask: np.ndarray | None, labels: np.ndarray) -> Canvas:
        """Return what renders edits at the size of ``composite``; whatever no edit changes is prepared once.

        composite: uint8 RGB (H, W, 3). mask: float32 (H, W) in [0, 1]; None unless ``inside_mask``. labels: uint8 (H, W), the regions.
        """

    @abstractmethod
    def predicted(self, name: str) -> float:
        """Return the number that was predicted, or the mean of a predicted mask."""

    def change(self, composite: np.ndarray) -> np.ndarray | None:
        """Return where the method acts and how much, float32 (h, w) in 8-bit LAB codes; None for one that acts the same way everywhere."""
        return None


class OperatorMasks(WhiteBox):
    """Six operator masks of Sg-MMH.

    masks: float32 (6, h, w) on the network's scale, in the order of OPERATORS, at the size at which they were predicted.
    Raises ShapeError for anything else.
    """

    kind = "operator masks"
    names = OPERATORS

    def __init__(self, method: str, masks: np.ndarray, *, inside_mask: bool = False) -> None:
        if masks.ndim != 3 or len(masks) != len(OPERATORS) or masks.dtype != np.float32:
            raise ShapeError(f"operator masks are {masks.dtype} {masks.shape}, expected float32 {(len(OPERATORS), 'h', 'w')}")
        self.method, self.masks, self.inside_mask = method, masks, inside_mask

    def canvas(self, composite: np.ndarray, mask: np.ndarray | None, labels: np.ndarray) -> Canvas:
        """Return what retouches the composite's LAB codes, which are kept, with the masks, which are kept resized bilinearly."""
        codes = color.rgb_to_lab8(composite).reshape(-1, 3)
        shape_only = torch.empty((1, 3, *labels.shape), device="meta")
        masks = resize_to(torch.from_numpy(self.masks)[None], shape_only).reshape(len(OPERATORS), -1).numpy()
        # By how much a result shows: its method takes binary masks, and the renderer blends along soft ones.
        weights = None if mask is None else np.where(mask < MASK_THRESHOLD, np.float32(0), mask)

        def render(numbers: np.ndarray) -> np.ndarray:
            retouched = np.empty_like(codes)
            retouch_codes(codes, SIGNED, masks, numbers.astype(np.float32), labels.reshape(-1), retouched)
            picture = color.lab8_to_rgb(retouched.reshape(composite.shape))
            return picture if weights is None else _pasted(picture, composite, weights)

        return render

    def predicted(self, name: str) -> float:
        """Return the mean of an operator mask."""
        return float(self.masks[self.names.index(name)].mean())

    def change(self, composite: np.ndarray) -> np.ndarray:
        """Return the distance between composite and result in LAB, both at the size of the masks.

        Neither the adding nor the multiplying masks show it alone: they often undo each other.
        """
        small = resize(composite, self.masks.shape[1:], "bilinear")
        lab = rgb_to_lab(to_tensor(small)[None])
        moved = retouch(lab, torch.from_numpy(self.masks)[None]) - lab
        return (CODES * moved.square().sum(1).sqrt())[0].numpy()


class FilterArguments(WhiteBox):
    """The arguments of Harmonizer's filters.

    arguments: one per filter, as the filters take them: clamped to [-1, 1], so that a shift is felt at once.
    filters: a selection of FILTERS in their order. Raises ParameterError for anything else.
    """

    kind = "filter arguments"
    inside_mask = True

    def __init__(self, method: str, arguments: Sequence[float], filters: Sequence[str]) -> None:
        self.method, self.names = method, check_filters(filters)
        self.arguments = np.asarray(arguments, np.float64).clip(-1, 1)
        if self.arguments.shape != (len(self.names),) or np.isnan(self.arguments).any():
            raise ParameterError(f"the arguments are {list(arguments)}, expected one number for each of {', '.join(self.names)}")

    def canvas(self, composite: np.ndarray, mask: np.ndarray | None, labels: np.ndarray) -> Canvas:
        """Return what runs the filters on the whole composite, once per distinct set of arguments, and shows each in its regions."""
        assert mask is not None  # ``EditorState`` asks for one

        def render(numbers: np.ndarray) -> np.ndarray:
            arguments = self.arguments * numbers[..., 0] + numbers[..., 1]  # (R + 1, N)
            rows, row_of = np.unique(arguments, axis=0, return_inverse=True)
            if len(rows) == 1:
                return restore_picture(composite, mask, rows[0], self.names)
            picture, row_at = composite.copy(), row_of.reshape(-1)[labels]  # (H, W)
            for index, row in enumerate(rows):
                part = np.where(row_at == index, mask, np.float32(0))
                if part.any():
                    np.copyto(picture, restore_picture(composite, part, row, self.names), where=part[..., None] > 0)
            return picture

        return render

    def predicted(self, name: str) -> float:
        """Return a filter's argument."""
        return float(self.arguments[self.names.index(name)])


def white_box(model: HarmonizationModel, prediction: Prediction) -> WhiteBox:
    """Return the editable part of a model's prediction for one composite; raises ParameterError where there is none."""
    if "operator_masks" in prediction.extras:
        masks = prediction["operator_masks"][0].detach().float().cpu().numpy()
        return OperatorMasks(model.name, masks.copy(), inside_mask=model.keeps_background)
    if "arguments" in prediction.extras:
        return FilterArguments(model.name, prediction["arguments"][0].tolist(), model.filters)
    raise ParameterError(
        f'"{model.name}" gives a picture only: the editor needs operator masks (sgmmh_om) or filter arguments (harmonizer)'
    )


def _pasted(picture: np.ndarray, composite: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the picture on the composite, uint8 (H, W, 3), as ``inference.render`` blends them."""
    part = weights < 1
    share = weights[part][:, None]
    blended = picture[part] / np.float32(255) * share + composite[part] / np.float32(255) * (1 - share)
    picture[part] = np.rint(255 * blended)
    return picture
