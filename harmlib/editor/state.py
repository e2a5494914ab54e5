"""The edits of one white-box result: a plain object that renders, undoes and redoes, without any widget.

    state.set("shadow", scale=2)                 twice the predicted argument, everywhere
    state.set("add_L", shift=-0.1, region=2)     a darker region 2, on top of what is set everywhere
    state.preview(), state.full()                the edited picture, small and at the composite's size
    state.undo(), state.redo(), state.reset()

A region's edit comes after that of everywhere: v, predicted, becomes (v · scale + shift) · scale_r + shift_r in region r.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from harmlib.editor.regions import EVERYWHERE, Regions, acting_regions, given_regions, mask_regions
from harmlib.editor.whitebox import Canvas, WhiteBox
from harmlib.errors import ImageError, MaskError, ParameterError
from harmlib.io.images import check_same_size, resize, shrink

# The longer side of the preview, in pixels; smaller composites are shown as they are.
PREVIEW_SIZE = 512


@dataclass(frozen=True)
class Change:
    """What is done to one number: v becomes scale · v + shift."""

    scale: float = 1.0
    shift: float = 0.0


NEUTRAL = Change()
# (region, name) -> change; neutral ones are left out.
Edits = Mapping[tuple[int, str], Change]


class EditorState:
    """A composite, what a method predicted for it, and the edits of that.

    composite: uint8 RGB (H, W, 3), any size. box: the prediction. mask: float32 (H, W) in [0, 1], or None.
    regions: ids (H, W), 0 = in no region, or Regions; None: the mask's connected parts, without a mask the areas in which the method acts.
    kept: what else the composite's file held, as Pillow's options for saving.
    Raises ImageError, MaskError, ShapeError for arrays that do not fit.
    """

    def __init__(
        self,
        composite: np.ndarray,
        box: WhiteBox,
        mask: np.ndarray | None = None,
        regions: Regions | np.ndarray | None = None,
        *,
        kept: Mapping[str, Any] | None = None,
    ) -> None:
        if composite.ndim != 3 or composite.shape[2] != 3 or composite.dtype != np.uint8 or not composite.size:
            raise ImageError(f"the composite is {composite.dtype} {composite.shape}, expected uint8 RGB (H, W, 3)")
        if mask is not None:
            if mask.ndim != 2 or mask.dtype != np.float32:
                raise MaskError(f"the mask is {mask.dtype} {mask.shape}, expected float32 (H, W)")
            check_same_size("the composite", mask, composite)
        if mask is None and box.inside_mask:
            raise MaskError(f'"{box.method}" changes the inside of a mask: give one, 1 = foreground')
        self.composite, self.box, self.mask, self.kept = composite, box, mask, dict(kept or {})
        self.regions = find_regions(composite, box, mask, regions)
        self._history: list[Edits] = [{}]
        self._place = 0
        self._stroke: Hashable = None

    @property
    def names(self) -> tuple[str, ...]:
        """What can be edited."""
        return self.box.names

    @property
    def edits(self) -> Edits:
        """The changes as they stand, by (region, name)."""
        return self._history[self._place]

    def get(self, name: str, region: int = EVERYWHERE) -> Change:
        """Return the change of one number in a region; raises ParameterError for an unknown name or region."""
        if name not in self.names:
            raise ParameterError(f'"{self.box.method}" has no "{name}": choose from {", ".join(self.names)}')
        if region != EVERYWHERE:
            self.regions.row(region)  # raises
        return self.edits.get((region, name), NEUTRAL)

    def set(
        self,
        name: str,
        *,
        scale: float | None = None,
        shift: float | None = None,
        region: int = EVERYWHERE,
        stroke: Hashable = None,
    ) -> None:
        """Change one number in a region, as one step of undo; None leaves a value as it is, and a change of nothing is no step.

        stroke: changes in a row with the same stroke, one drag of a slider, are one step.
        Raises ParameterError for an unknown name or region, or a number that is not finite.
        """
        old = self.get(name, region)
        change = Change(old.scale if scale is None else float(scale), old.shift if shift is None else float(shift))
        if not (math.isfinite(change.scale) and math.isfinite(change.shift)):
            raise ParameterError(f'"{name}" cannot be scaled by {change.scale} and shifted by {change.shift}: give finite numbers')
        edited = int(region), name
        others = {key: value for key, value in self.edits.items() if key != edited}
        self._record(others if change == NEUTRAL else {**others, edited: change}, stroke)

    def reset(self) -> None:
        """Go back to what the method predicted, which is a step too."""
        self._record({}, None)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._place > 0

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return self._place < len(self._history) - 1

    def undo(self) -> None:
        """Take the last step back, if there is one."""
        self._go(-1)

    def redo(self) -> None:
        """Take the step again that was taken back last, if there is one."""
        self._go(1)

    def preview(self) -> np.ndarray:
        """Return the edited picture, uint8 RGB, its longer side at most PREVIEW_SIZE."""
        return self._preview_canvas(self._numbers(self.edits))

    def full(self) -> np.ndarray:
        """Return the edited picture at the composite's size, uint8 RGB (H, W, 3); without edits it is the method's own."""
        return self._canvas(self.composite, self.mask, self.regions)(self._numbers(self.edits))

    @cached_property
    def composite_preview(self) -> np.ndarray:
        """The composite at the preview's size."""
        return shrink(self.composite, PREVIEW_SIZE)

    @cached_property
    def harmonized_preview(self) -> np.ndarray:
        """The method's own result, without edits, at the preview's size."""
        return self._preview_canvas(self._numbers({}))

    @cached_property
    def preview_regions(self) -> Regions:
        """The regions at the preview's size."""
        return self.regions.resized(self.composite_preview.shape[:2])

    @cached_property
    def _preview_canvas(self) -> Canvas:
        """What renders the preview, with everything kept that no edit changes."""
        size = self.composite_preview.shape[:2]
        # Averaging float masks may pass 1 by a rounding error.
        mask = None if self.mask is None else resize(self.mask, size, "bilinear").clip(0, 1)
        return self._canvas(self.composite_preview, mask, self.preview_regions)

    def _canvas(self, composite: np.ndarray, mask: np.ndarray | None, regions: Regions) -> Canvas:
        """Return what renders edits at one size."""
        return self.box.canvas(composite, mask if self.box.inside_mask else None, regions.labels)

    def _numbers(self, edits: Edits) -> np.ndarray:
        """Return scale and shift of every name, (R + 1, N, 2): row 0 outside all regions, then one row per region."""
        numbers = np.tile([NEUTRAL.scale, NEUTRAL.shift], (len(self.regions.ids) + 1, len(self.names), 1))
        for region, name in sorted(edits):  # everywhere comes first
            change, column = edits[region, name], self.names.index(name)
            rows = slice(None) if region == EVERYWHERE else self.regions.row(region)
            numbers[rows, column] = numbers[rows, column] * change.scale + [0.0, change.shift]
        return numbers

    def _record(self, edits: Edits, stroke: Hashable) -> None:
        """Make ``edits`` the newest step, in place of the last one where its stroke goes on; what was taken back is forgotten."""
        history = self._history[: self._place + 1]
        goes_on = stroke is not None and stroke == self._stroke
        if goes_on:
            history.pop()
        if edits != history[-1]:
            history.append(edits)
        elif not goes_on:
            return
        self._stroke = stroke if edits is history[-1] else None  # a stroke that came back to its start is no step
        self._history, self._place = history, len(history) - 1

    def _go(self, step: int) -> None:
        """Move in the history, within its ends."""
        self._place = min(max(self._place + step, 0), len(self._history) - 1)
        self._stroke = None


def find_regions(composite: np.ndarray, box: WhiteBox, mask: np.ndarray | None, given: Regions | np.ndarray | None) -> Regions:
    """Return the given regions, else those of the mask, else those in which the method acts."""
    if isinstance(given, Regions):
        check_same_size("the composite", given.labels, composite)
        return given
    if given is not None:
        return given_regions(given, composite)
    if mask is not None:
        return mask_regions(mask)
    change = box.change(composite)
    assert change is not None  # what acts alike everywhere needs a mask
    return acting_regions(change, composite.shape[:2])
