"""The multi-region perturbation of Sg-MMH (section 3.2; docs/methods/composites.md): HScene, HLIP and their training pictures.

A recipe holds everything that was drawn, so that ``apply_recipe`` replays it to the byte:

    {"regions": [{"region": 7, "steps": [{"name": "instagram", "filter": "clarendon"}, {"name": "css", "filter": "sepia"}]}],
     "background": [{"name": "gaussian_noise", "sigma": 8.31, "seed": 123456}]}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from harmlib.color import rgb_to_lab8
from harmlib.errors import DataError, ParameterError, check_choice
from harmlib.io.documents import check_shape
from harmlib.perturbations import Step, apply_step, apply_steps_to_region, check_picture
from harmlib.perturbations.instagram import CSS_FILTERS, FILTERS

SPACES = ("rgb", "lab")
NO_OBJECT = 0
SECOND_PROBABILITY = 0.5
LAB_FACTORS = (0.8, 1.2)
# Paper: five blur methods. Here: six, the code's, which also has a Gaussian blur.
DEGRADATION_PROBABILITY = 0.05
DEGRADATIONS = ("noise", "blur", "jpeg")
NOISES = (("gaussian_noise", "sigma"), ("laplace_noise", "scale"), ("poisson_noise", "rate"))
NOISE_LEVELS = (8.0, 10.0)
JPEG_QUALITY = 95
SEEDS = 2**32
RECIPE = {"regions?": [{"region?": int, "steps?": [dict]}], "background?": [dict]}


@dataclass(frozen=True, eq=False)
class Perturbed:
    """A composite with its target and the union of the perturbed regions.

    composite, target: uint8 (H, W, 3), RGB or 8-bit LAB codes. mask: bool (H, W).
    At network size: composite float64 and mask float32, both unrounded, target uint8.
    """

    composite: np.ndarray
    target: np.ndarray
    mask: np.ndarray


def choose_regions(labels: np.ndarray, generator: np.random.Generator) -> list[int]:
    """Return the ids to perturb, ascending: floor(0.2 n) + 1 draws out of n with replacement, duplicates collapsed.

    labels: ints (H, W), 0 = no object. Raises DataError when no other id is present, or anything but whole numbers from 0.
    Source: Sg-MMH section 3.2. Paper: silent about replacement. Here: with, as in the authors' code.
    """
    if labels.dtype.kind not in "iu" or (labels.dtype.kind == "i" and labels.min(initial=0) < 0):
        raise DataError(f"the label map holds {labels.dtype} values that are no region ids: expected whole numbers from 0")
    # Counting beats sorting by a factor of two, and label maps hold small ids.
    ids = np.flatnonzero(np.bincount(labels.ravel()))
    ids = ids[ids != NO_OBJECT]
    if ids.size == 0:
        raise DataError("the label map has no region but 0 (no object), so nothing can be perturbed: leave this picture out")
    return np.unique(generator.choice(ids, len(ids) // 5 + 1)).tolist()


def draw_recipe(labels: np.ndarray, generator: np.random.Generator) -> dict[str, Any]:
    """Return a JSON-able recipe: regions in ascending order, each with its own steps, and now and then a poor background.

    labels: ints (H, W), 0 = no object. Raises DataError when no other id is present.
    """
    regions = [{"region": region, "steps": _draw_region_steps(generator)} for region in choose_regions(labels, generator)]
    degraded = generator.random() < DEGRADATION_PROBABILITY
    return {"regions": regions, "background": [_draw_degradation(generator)] if degraded else []}


def apply_recipe(image: np.ndarray, labels: np.ndarray, recipe: Mapping[str, Any], *, space: str = "rgb") -> Perturbed:
    """Return the composite that a recipe describes, its target and its mask, at the picture's size.

    image: uint8 RGB (H, W, 3). labels: ints (H, W), 0 = no object.
    space: "rgb", or "lab": composite and target are 8-bit LAB codes, and the background is degraded in those.
    Every region is perturbed from the clean picture. A degraded background becomes the target too; the regions stay sharp over it.
    The target is the picture itself, not a copy, where nothing changed it.
    Raises DataError when picture and labels differ in size or lack a region; ParameterError for a malformed recipe, an unknown
    step or space.
    """
    check_choice("space", space, SPACES)
    check_picture(image)
    if labels.shape != image.shape[:2]:
        found, expected = "x".join(map(str, labels.shape)), "x".join(map(str, image.shape[:2]))
        raise DataError(f"the label map is {found}, its picture {expected}: fetch both again from the same release")
    check_shape(recipe, RECIPE, "a malformed recipe", advice="draw it again")
    if set(recipe) != {"regions", "background"} or any(set(entry) != {"region", "steps"} for entry in recipe["regions"]):
        raise ParameterError('a malformed recipe: it needs "background" and "regions", each with "region" and "steps"; draw it again')
    to_space: Callable[[np.ndarray], np.ndarray] = rgb_to_lab8 if space == "lab" else np.asarray
    target = to_space(image)
    for step in recipe["background"]:
        target = apply_step(target, step)
    composite, mask = target.copy(), np.zeros(labels.shape, dtype=np.bool_)
    for entry in recipe["regions"]:
        index = np.flatnonzero(labels == entry["region"])
        if index.size == 0:
            raise DataError(f"the label map has no region {entry['region']}, which the recipe perturbs: use the labels it was drawn for")
        composite.reshape(-1, 3)[index] = to_space(apply_steps_to_region(image, index, entry["steps"]))
        mask.reshape(-1)[index] = True
    return Perturbed(composite, target, mask)


def to_network_size(perturbed: Perturbed, size: int) -> Perturbed:
    """Return a perturbed picture at ``size`` x ``size``, as the authors feed their network.

    Bilinear without antialiasing, aspect ratio not kept. The target is resized in 8 bits and so rounds; the composite in float64 and
    the mask in float32 do not. Source: the authors' code.
    """
    arrays = (perturbed.composite.astype(np.float64), perturbed.target, perturbed.mask.astype(np.float32))
    if perturbed.mask.shape == (size, size):
        return Perturbed(*arrays)
    return Perturbed(*(cv2.resize(array, (size, size), interpolation=cv2.INTER_LINEAR) for array in arrays))


def describe_recipe(recipe: Mapping[str, Any], names: Mapping[int, str]) -> str:
    """Return one line per perturbed region, numbered, and one for a degraded background.

    names: region id -> name; a region without one is called by its id.
    """
    lines = []
    for number, entry in enumerate(recipe["regions"], start=1):
        name = names.get(entry["region"], f"region {entry['region']}")
        lines.append(f"{number} {name}: {' + '.join(_step_in_words(step) for step in entry['steps'])}")
    lines += [f"background: {_step_in_words(step)}" for step in recipe["background"]]
    return "\n".join(lines)


def _draw_region_steps(generator: np.random.Generator) -> list[Step]:
    """Return one of the 23 looks and, half of the time, one of five css filters or LAB multipliers on top of it, a sixth each."""
    steps: list[Step] = [{"name": "instagram", "filter": FILTERS[generator.integers(len(FILTERS))]}]
    if generator.random() < SECOND_PROBABILITY:
        choice = int(generator.integers(len(CSS_FILTERS) + 1))
        if choice < len(CSS_FILTERS):
            steps.append({"name": "css", "filter": CSS_FILTERS[choice]})
        else:
            steps.append({"name": "lab_multiply", "factors": generator.uniform(*LAB_FACTORS, 3).tolist()})
    return steps


def _draw_degradation(generator: np.random.Generator) -> Step:
    """Return noise, blur or JPEG, each a third of the time, the members of a group alike."""
    group = DEGRADATIONS[generator.integers(len(DEGRADATIONS))]
    if group == "noise":
        name, parameter = NOISES[generator.integers(len(NOISES))]
        return {"name": name, parameter: generator.uniform(*NOISE_LEVELS), "seed": int(generator.integers(SEEDS))}
    if group == "jpeg":
        return {"name": "jpeg", "quality": JPEG_QUALITY}
    if generator.random() < 0.5:
        return {"name": "gaussian_blur"}
    return {"name": "motion_blur", "angle": generator.uniform(0, 360), "direction": generator.uniform(-1, 1)}


def _step_in_words(step: Mapping[str, Any]) -> str:
    """Return a recipe's step in words: the filter's name, or the perturbation with its numbers."""
    if "filter" in step:
        return f"{step['name']} {step['filter']}" if step["name"] == "css" else step["filter"].lstrip("_")
    if "factors" in step:
        return "LAB × " + ", ".join(f"{factor:.2f}" for factor in step["factors"])
    numbers = [f"{value:.1f}" for key, value in step.items() if key not in ("name", "seed") and isinstance(value, (int, float))]
    return " ".join([step["name"].replace("_", " "), *numbers])
