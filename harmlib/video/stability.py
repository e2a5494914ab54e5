"""How much a foreground's color jumps from frame to frame: the temporal metric."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harmlib import color
from harmlib.errors import ShapeError
from harmlib.video.composing import in_step


def foreground_lab(frames: Iterable[np.ndarray], masks: Iterable[np.ndarray]) -> np.ndarray:
    """Return the mean float Lab of each frame's foreground, float64 (T, 3); NaN where a frame has none.

    frames: uint8 RGB (H, W, 3). masks: (H, W), on any scale; fractions weigh the mean.
    Raises VideoError when one ends before the other, ShapeError when sizes differ.
    """
    means = [_mean_lab(frame, mask) for frame, mask in in_step({"the video": frames, "its mask": masks})]
    return np.array(means).reshape(-1, 3)


def temporal_change(curve: np.ndarray) -> float:
    """Return the mean absolute change from one frame to the next, in Lab units, over L, a and b.

    curve: (T, 3). Pairs of frames with a NaN are left out; NaN when no pair is left.

    >>> temporal_change(np.array([[50.0, 0.0, 0.0], [53.0, 0.0, 0.0], [50.0, 0.0, 0.0]]))
    1.0
    """
    steps = np.abs(np.diff(curve, axis=0))  # (T - 1, 3)
    steps = steps[~np.isnan(steps).any(1)]
    return float(steps.mean()) if len(steps) else float("nan")


def flicker(result: Iterable[np.ndarray], composite: Iterable[np.ndarray], masks: Iterable[np.ndarray]) -> float:
    """Return the temporal change of a result's mean foreground Lab minus that of its input; above 0 where harmonization adds flicker.

    Arguments and errors as in ``foreground_lab``; the three are read once, one frame of each at a time.
    """
    triples = in_step({"the result": result, "the composite": composite, "the mask": masks})
    curves = np.array([(_mean_lab(after, mask), _mean_lab(before, mask)) for after, before, mask in triples]).reshape(-1, 2, 3)
    return temporal_change(curves[:, 0]) - temporal_change(curves[:, 1])


def _mean_lab(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the mean Lab (3,) of the foreground, weighted by the mask."""
    if frame.shape[:2] != mask.shape:
        raise ShapeError(f"a frame is {frame.shape[:2]}, its mask {mask.shape}: resize the mask")
    inside = mask > 0
    if not inside.any():
        return np.full(3, np.nan)
    # Lab is slow, so the background is left out first.
    return np.average(color.rgb_to_lab(frame[inside]), axis=0, weights=mask[inside].astype(np.float64))
