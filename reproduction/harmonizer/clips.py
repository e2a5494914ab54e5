"""The composite video of figure 7: composed from the pack of videos where it lies, else made from two embedded photographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harmlib.data.sources import open_source
from harmlib.errors import ParameterError
from harmlib.io.images import resize
from harmlib.seeds import item_generator
from harmlib.video import compose, compose_video, read_info, write_video

PACK = "video"
ROLES = ("foreground", "background", "mask")

# The synthetic clip: a second of a person who crosses a scene that loses two fifths of its light.
FRAMES, RATE = 24, 25
SIZE = (120, 180)
PERSON, PARTS, SCENE = "grace_hopper", ("skin", "hair", "hat", "clothing", "shirt"), "china"
PERSON_HEIGHT = 104
LAST_LIGHT = 0.6
# Standard deviation of the sensor noise, in 8-bit levels; without it neighboring frames would be too much alike.
NOISE = 2.0
SEED = 2021


@dataclass(frozen=True)
class Clip:
    """A composite video and its mask video, both on disk.

    title: what captions call it. frames: how many of them are used.
    """

    title: str
    composite: Path
    mask: Path
    frames: int


def open_clip(data: Path | None, folder: Path, *, limit: int | None = None) -> Clip:
    """Return the clip of the pack below ``data``, or the synthetic one without it, its composite written losslessly to ``folder``.

    limit: only the first frames. Raises ParameterError for fewer than two, VideoError for a pack that cannot be used.
    """
    if limit is not None and limit < 2:
        raise ParameterError(f"frames is {limit}, expected at least 2, because flicker is a change from one frame to the next")
    composite = folder / "composite.mp4"
    if data is not None and (data / PACK).is_dir():
        foreground, background, mask = (data / PACK / f"{role}.mp4" for role in ROLES)
        compose_video(foreground, background, mask, composite, lossless=True, limit=limit)
        origin = f'pack "{PACK}"'
    else:
        mask = folder / "mask.mp4"
        frames, mattes = synthetic_clip()
        write_video(composite, frames[:limit], RATE, lossless=True)
        write_video(mask, (np.repeat(matte[..., None], 3, axis=2) for matte in mattes[:limit]), RATE, lossless=True)
        origin = f"synthetic clip ({PERSON} over {SCENE})"
    info = read_info(composite)
    assert info.frames is not None  # an MP4 file of our own
    return Clip(f"{origin}, {info.frames} frames of {info.width}x{info.height}", composite, mask, info.frames)


def synthetic_clip() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the composites, uint8 (120, 180, 3), and soft mattes, uint8 (120, 180), of the synthetic clip.

    A person moves over a scene whose exposure falls, both slowest at the ends of the clip; the person's own pixels stay as they are,
    up to noise. Always the same frames.
    """
    person, matte = _person()
    # A smooth way from 0 to 1, at rest at both ends.
    progress = [(1 - np.cos(np.pi * (number / (FRAMES - 1)))) / 2 for number in range(FRAMES)]
    mattes = [_placed(matte, share) for share in progress]
    scene = resize(open_source("embedded").load(SCENE).image, SIZE, "bilinear")
    scenes = (np.rint(scene * (1 - (1 - LAST_LIGHT) * share)).astype(np.uint8) for share in progress)
    composites = []
    for number, frame in enumerate(compose((_placed(person, share) for share in progress), scenes, mattes)):
        noise = item_generator(SEED, "noise of the synthetic clip", number).normal(0, NOISE, frame.shape)
        composites.append(np.rint(frame + noise).clip(0, 255).astype(np.uint8))
    return composites, mattes


def _person() -> tuple[np.ndarray, np.ndarray]:
    """Return the person's picture and soft matte at the size in which they are shown."""
    source = open_source("embedded")
    photo = source.load(PERSON)
    region = np.isin(photo.labels, [number for number, name in source.classes.items() if name in PARTS])
    height, width = region.shape
    size = (PERSON_HEIGHT, round(PERSON_HEIGHT * width / height))
    return resize(photo.image, size, "bilinear"), resize(region.astype(np.uint8) * 255, size, "bilinear")


def _placed(array: np.ndarray, share: float) -> np.ndarray:
    """Return a picture or matte at the bottom of an empty frame, ``share`` of the way from left to right."""
    frame = np.zeros((*SIZE, *array.shape[2:]), np.uint8)
    height, width = array.shape[:2]
    left = round(share * (SIZE[1] - width))
    frame[SIZE[0] - height :, left : left + width] = array
    return frame
