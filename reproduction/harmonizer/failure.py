"""Figure 9 of Harmonizer: the composite whose foreground's hue is furthest off, and whether global filters could have fixed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure

from harmlib.data.pairs import Pair
from harmlib.filters import FILTERS, SIX, restore
from harmlib.filters.fused import restore_picture
from harmlib.io.images import resize, to_tensor
from harmlib.metrics.functional import fmse
from reproduction.kit.grids import TITLE_SIZE
from reproduction.kit.selection import Sample, read_sample
from reproduction.kit.style import CAPTION_SIZE, PAGE_WIDTH

BINS = 36
DEGREES = 360 // BINS
SMALL, SMALLER = 256, 128  # sides at which hues are compared, and arguments searched
# Foregrounds of less mean chroma, in 8-bit levels, are gray: their hue cannot be seen.
LEAST_CHROMA = 24
STEPS, RATE = 80, 0.06
# Temperature has no gradient at 0 exactly.
START = 0.01
COMPOSITE, TARGET = "composite", "real"


def hue_histogram(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the shares (BINS,) of the foreground's chroma that fall into each bin of hue, all 0 for a foreground without any color.

    picture: uint8 (H, W, 3); mask: bool (H, W). A pixel counts by its chroma, max - min, so that grays do not count.
    """
    colors = picture[mask][None]
    hue = cv2.cvtColor(colors.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)[0, :, 0]  # degrees
    counts, _ = np.histogram(hue, BINS, (0, 360), weights=chroma_of(colors[0]))
    return counts / max(counts.sum(), 1)


def chroma_of(colors: np.ndarray) -> np.ndarray:
    """Return max - min of the channels (N,), float, 8-bit levels; colors: uint8 (N, 3)."""
    return colors.max(1).astype(float) - colors.min(1)


def hue_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return how many degrees a unit of chroma has to travel on the hue circle to turn one histogram into the other.

    The earth mover's distance on a circle: the cumulated difference less its median (Werman et al. 1986).
    """
    surplus = np.cumsum(first - second)
    return float(DEGREES * np.abs(surplus - np.median(surplus)).sum())


def furthest_in_hue(pairs: Sequence[Pair]) -> tuple[Sample, float]:
    """Return the composite whose foreground's hue is furthest from its target's, and the distance in degrees.

    Only foregrounds that are colored in composite and target; without any, the first pair.
    """
    best, furthest = None, -1.0
    for pair in pairs:
        sample = read_sample(pair, "furthest in hue")
        best = best or sample
        small = (resize(array, (SMALL, SMALL), "nearest") for array in (sample.composite, sample.real, sample.mask))
        composite, target, mask = small
        if not mask.any() or min(chroma_of(picture[mask]).mean() for picture in (composite, target)) < LEAST_CHROMA:
            continue
        distance = hue_distance(hue_histogram(composite, mask), hue_histogram(target, mask))
        if distance > furthest:
            best, furthest = sample, distance
    assert best is not None  # a test list is never empty
    return best, furthest


def best_arguments(sample: Sample, filters: Sequence[str], *, steps: int = STEPS) -> list[float]:
    """Return the filter arguments that bring the composite closest to its target in fMSE, found by Adam on a small copy.

    What no regressor of these filters can beat, up to the search itself.
    """
    size = (SMALLER, SMALLER)
    image, target = (to_tensor(resize(picture, size, "bilinear"))[None] for picture in (sample.composite, sample.real))
    mask = to_tensor(resize(sample.mask, size, "nearest"))[None]
    arguments = torch.full((1, len(filters)), START, requires_grad=True)
    optimizer = torch.optim.Adam([arguments], lr=RATE)
    best, lowest = arguments.detach().clone(), float("inf")
    for _ in range(steps):
        result = restore(image, mask, arguments, filters, contrast_grad="straight_through")[-1]
        loss = ((result - target).square() * mask).sum() / mask.sum()
        if loss.item() < lowest:
            best, lowest = arguments.detach().clone(), loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return best[0].clamp(-1, 1).tolist()


@dataclass(frozen=True)
class Failure:
    """One composite with everything tried on it: title -> picture uint8 (H, W, 3), composite first, real last; title -> fMSE."""

    sample: Sample
    distance: float
    pictures: Mapping[str, np.ndarray]
    errors: Mapping[str, float]


def explain_failure(sample: Sample, distance: float, result: np.ndarray, *, steps: int = STEPS) -> Failure:
    """Return Harmonizer's result beside the best that its six filters, and the eight of table 4, could do."""
    mask = sample.mask.astype(np.float32)
    pictures = {COMPOSITE: sample.composite, "Harmonizer": result}
    for filters, title in ((SIX, "best six"), (FILTERS, "best eight")):
        pictures[title] = restore_picture(sample.composite, mask, best_arguments(sample, filters, steps=steps), filters)
    pictures[TARGET] = sample.real
    tensors = {title: to_tensor(picture)[None] for title, picture in pictures.items()}
    errors = {title: fmse(tensor, tensors[TARGET], to_tensor(sample.mask)[None]).item() for title, tensor in tensors.items()}
    return Failure(sample, distance, pictures, errors)


def failure_sentence(failure: Failure) -> str:
    """Return how much of the error each set of filters could take away at best."""
    whole = failure.errors[COMPOSITE]
    left = {title: error / whole for title, error in failure.errors.items() if title not in (COMPOSITE, TARGET)}
    words = ", ".join(f"{title} {share:.0%}" for title, share in left.items())
    name = f"{failure.sample.subset}, {failure.sample.id}"
    return f"{name}: hue off by {failure.distance:.0f} degrees; of its fMSE of {whole:.0f} are left: {words}."


def failure_figure(failure: Failure) -> Figure:
    """Return figure 9: the pictures with their fMSE above, the hue of their foregrounds below, each bar in its own hue."""
    columns = len(failure.pictures)
    aspect = failure.sample.composite.shape[0] / failure.sample.composite.shape[1]
    height = aspect * PAGE_WIDTH / columns
    figure, axes = plt.subplots(
        2, columns, figsize=(PAGE_WIDTH, height + 1.5), height_ratios=[height, 0.8], sharey="row", layout="constrained"
    )
    centers = (np.arange(BINS) + 0.5) * DEGREES
    colors = hsv_to_rgb(np.stack([centers / 360, np.full(BINS, 0.9), np.full(BINS, 0.85)], 1))
    for column, (title, picture) in enumerate(failure.pictures.items()):
        above, below = axes[:, column]
        above.imshow(picture, interpolation="none")
        above.contour(failure.sample.mask, [0.5], colors="white", linewidths=0.6)
        above.set_title(title, fontsize=TITLE_SIZE)
        above.set(xticks=[], yticks=[])
        above.set_xlabel("" if title == TARGET else f"fMSE {failure.errors[title]:.1f}", fontsize=CAPTION_SIZE)
        above.grid(visible=False)
        below.bar(centers, hue_histogram(picture, failure.sample.mask), width=DEGREES, color=colors, linewidth=0)
        below.set(xlim=(0, 360), xticks=[0, 120, 240, 360])
        below.set_xlabel("hue, degrees", fontsize=CAPTION_SIZE)
        below.tick_params(labelsize=CAPTION_SIZE)
    axes[1, 0].set_ylabel("share of chroma", fontsize=CAPTION_SIZE)
    return figure
