"""Figure 4 of Sg-MMH: composites with two pasted foregrounds each, which nobody has photographed.

Paper: eleven composites by the authors' hands, not published. Here: two people cut out of the benchmarks' photographs by their labels and
pasted by rule, in the paper's three settings. No true picture is known, so there is nothing to measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from harmlib.data.photos import Photo
from harmlib.errors import DataError
from harmlib.inference.pictures import harmonize
from harmlib.io.images import resize
from harmlib.models.base import HarmonizationModel
from harmlib.perturbations import Step, apply_step
from reproduction.kit.gallery import Scene, gallery
from reproduction.kit.grids import foreground_box
from reproduction.kit.names import NAMES
from reproduction.kit.selection import evenly
from reproduction.sgmmh.artefacts import Artefacts

# Methods that get the union of both masks, and the one that gets none.
WITH_MASK, WITHOUT = ("dovenet", "bargainnet", "rainnet"), "sgmmh_omgan"
# The paper's settings -> what is done to the first and to the second person.
SETTINGS: dict[str, tuple[Step | None, Step | None]] = {
    "different light on both foregrounds": ({"name": "exposure", "stops": -1.0}, {"name": "exposure", "stops": 0.7}),
    "photo filters on both foregrounds": ({"name": "instagram", "filter": "clarendon"}, {"name": "instagram", "filter": "nashville"}),
    "foregrounds as they were photographed": (None, None),
}
# What the embedded photographs' labels name beside people.
NO_PERSON = {"sky", "wall", "floor", "water", "shore", "tree", "leaf", "building", "roof", "rocket", "flag", "helmet"}
# Of the background: a person's largest height and width, and where the two stand.
TALLEST, WIDEST = 0.8, 0.42
CENTERS = (0.27, 0.73)
# Level of the gray around a foreground that is shown alone.
EMPTY = 235
COLUMNS = 5


@dataclass(frozen=True, eq=False)
class Pasted:
    """A background with two people pasted into it.

    background, composite: uint8 (H, W, 3); masks: those of the two, bool (H, W). setting: a key of SETTINGS. label: whose photographs.
    """

    setting: str
    label: str
    background: np.ndarray
    masks: tuple[np.ndarray, np.ndarray]
    composite: np.ndarray

    @property
    def union(self) -> np.ndarray:
        """Both masks in one."""
        return self.masks[0] | self.masks[1]


def paste_people(artefacts: Artefacts) -> list[Pasted]:
    """Return one composite per setting, from the sources of the second benchmark (people) and of the first (background).

    The photographs are spaced evenly over the sources; none when they are not at hand.
    """
    profile, benchmarks = artefacts.workspace.profile, artefacts.plan.benchmarks
    try:
        scenes, people = (profile.open_source(plan.sources[0], artefacts.workspace.data) for plan in (benchmarks[0], benchmarks[-1]))
    except DataError:
        return []
    names = [name for split in people.splits() for name in people.ids(split)]
    chosen = evenly(names, 2 * len(SETTINGS))
    pairs = [chosen[index : index + 2] for index in range(0, len(chosen) - 1, 2)]
    photos = (scenes.load(name) for name in evenly(scenes.ids("test"), 4 * len(SETTINGS)))
    backgrounds = evenly([photo for photo in photos if photo.image.shape[1] > photo.image.shape[0]], len(SETTINGS))
    return [
        _pasted(setting, backgrounds[index % len(backgrounds)], [people.load(name) for name in pairs[index % len(pairs)]], people.no_object)
        for index, setting in enumerate(SETTINGS)
    ]


def _pasted(setting: str, background: Photo, people: Sequence[Photo], no_object: int | None) -> Pasted:
    """Return a background with two people, changed as the setting says."""
    composite, masks = background.image.copy(), []
    for photo, step, center in zip(people, SETTINGS[setting], CENTERS, strict=True):
        person = labeled_person(photo, no_object)
        image = photo.image if step is None else apply_step(photo.image, step)
        mask = _paste(composite, image, person, center)
        masks.append(mask)
    # The second one stands in front where they meet.
    first, second = masks[0] & ~masks[1], masks[1]
    return Pasted(setting, f"{setting}: {people[0].id} and {people[1].id} in {background.id}", background.image, (first, second), composite)


def labeled_person(photo: Photo, no_object: int | None) -> np.ndarray:
    """Return where a photograph of one person shows that person, bool (H, W): all labels but those that name something else."""
    others = {number for number, name in photo.classes.items() if name in NO_PERSON} | ({no_object} if no_object is not None else set())
    return ~np.isin(photo.labels, list(others))


def _paste(canvas: np.ndarray, image: np.ndarray, person: np.ndarray, center: float) -> np.ndarray:
    """Write a person onto the lower edge of a canvas, in place, centered at a share of its width; return where, bool (H, W)."""
    top, left, bottom, right = foreground_box(person, margin=0)
    height, width = canvas.shape[:2]
    scale = min(TALLEST * height / (bottom - top), WIDEST * width / (right - left))
    size = round(scale * (bottom - top)), round(scale * (right - left))
    cut, shape = resize(image[top:bottom, left:right], size, "bicubic"), resize(person[top:bottom, left:right], size, "nearest")
    first = min(max(0, round(center * width - size[1] / 2)), width - size[1])
    mask = np.zeros((height, width), dtype=bool)
    mask[height - size[0] :, first : first + size[1]] = shape
    canvas[mask] = cut[shape]
    return mask


def pasted_figure(pasted: Sequence[Pasted], methods: Mapping[str, HarmonizationModel], without: HarmonizationModel) -> Figure:
    """Return figure 4: background, both foregrounds, union of their masks, composite, and every method's result.

    methods: those that get the union of the masks; without: the one that gets no mask.
    """
    scenes = []
    for entry in pasted:
        pictures = {"background": entry.background}
        for number, mask in enumerate(entry.masks, 1):
            pictures[f"foreground {number}"] = np.where(mask[..., None], entry.composite, EMPTY).astype(np.uint8)
        pictures |= {"union mask": entry.union, "composite": entry.composite}
        for name, model in methods.items():  # the figure asks what they do to a background that nobody asked to change
            pictures[f"{NAMES[name]}, mask"] = np.asarray(harmonize(model, entry.composite, entry.union, background="keep"))
        pictures["OMGAN, no mask"] = np.asarray(harmonize(without, entry.composite))
        scenes.append(Scene(entry.label, pictures))
    return gallery(scenes, columns=COLUMNS)
