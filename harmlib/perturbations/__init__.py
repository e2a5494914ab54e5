"""Elementary perturbations: named functions of a picture, replayed from JSON-able steps.

A step is a dict with the perturbation's name and its parameters, such as ``{"name": "css", "filter": "sepia"}``. Every file of this
folder may register perturbations; nothing else lists them:

    @perturbation("lab_multiply", reads="pixel")
    def lab_multiply(image: np.ndarray, *, factors: Sequence[float]) -> np.ndarray: ...

``reads`` says what an output pixel depends on, so that a region can be perturbed without the rest of its picture:
"pixel": its own color. "position": its own color and where it stands; the function then also takes ``positions``, which is None for a whole
picture. "picture": other pixels too, or random numbers drawn for the whole picture.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harmlib.errors import ParameterError, ShapeError
from harmlib.registry import Registry

Step = Mapping[str, Any]
READS = ("pixel", "position", "picture")


@dataclass(frozen=True, eq=False)
class Positions:
    """Where packed pixels stand: ``size`` (height, width) of their picture, ``index`` (N,) into its pixels in row order."""

    size: tuple[int, int]
    index: np.ndarray


@dataclass(frozen=True)
class _Perturbation:
    """A registered function with what its pixels depend on and its parameters' names."""

    function: Callable[..., np.ndarray]
    reads: str
    required: frozenset[str]
    known: tuple[str, ...]


PERTURBATIONS: Registry[_Perturbation] = Registry("perturbation", "harmlib.perturbations")


def perturbation(name: str, *, reads: str) -> Callable[[Callable[..., np.ndarray]], Callable[..., np.ndarray]]:
    """Return the decorator that adds a function under ``name``.

    The function takes a picture, uint8 RGB (H, W, 3), and keyword-only parameters, and returns a new picture of the same size.
    Raises ParameterError when the name is taken or ``reads`` is not one of pixel, position and picture.
    """

    def add(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        if reads not in READS:
            raise ParameterError(f'the perturbation "{name}" reads "{reads}": choose one of {", ".join(READS)}')
        parameters = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY and p.name != "positions"]
        required = frozenset(p.name for p in parameters if p.default is p.empty)
        PERTURBATIONS.add(name, _Perturbation(function, reads, required, tuple(p.name for p in parameters)))
        return function

    return add


def list_perturbations() -> list[str]:
    """Return the names of all perturbations, sorted."""
    return PERTURBATIONS.names()


def apply_step(image: np.ndarray, step: Step) -> np.ndarray:
    """Return the picture after one perturbation.

    image: uint8 RGB (H, W, 3), unchanged; 8-bit LAB codes are accepted where a paper perturbs those.
    step: ``{"name": ..., parameter: value, ...}``.
    Raises ParameterError for an unknown name, parameter or value; ShapeError for anything but an 8-bit picture.

    >>> gray = np.full((1, 1, 3), 100, np.uint8)
    >>> apply_step(gray, {"name": "exposure", "stops": 1.0}).tolist()
    [[[212, 212, 212]]]
    """
    check_picture(image)
    found, parameters = _find(step)
    return found.function(image, **parameters)


def apply_steps_to_region(image: np.ndarray, index: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Return one region's pixels after perturbing the whole picture by ``steps``, at the price of the region alone.

    image: uint8 RGB (H, W, 3), unchanged. index: (N,) positions of the region's pixels in row order. Returns uint8 (N, 3).
    Raises ParameterError as ``apply_step`` does. Steps that read other pixels are run on the whole picture.

    >>> gray = np.full((2, 2, 3), 100, np.uint8)
    >>> apply_steps_to_region(gray, np.array([3]), [{"name": "exposure", "stops": 1.0}]).tolist()
    [[212, 212, 212]]
    """
    found = [_find(step) for step in steps]
    if any(perturbation.reads == "picture" for perturbation, _ in found):
        for step in steps:
            image = apply_step(image, step)
        return image.reshape(-1, 3).take(index, axis=0)
    pixels = image.reshape(-1, 3).take(index, axis=0)[None]  # (1, N, 3), a picture of one row
    positions = Positions((image.shape[0], image.shape[1]), index)
    for perturbation, parameters in found:
        extra = {"positions": positions} if perturbation.reads == "position" else {}
        pixels = perturbation.function(pixels, **parameters, **extra)
    return pixels[0]


def check_picture(image: np.ndarray) -> None:
    """Raise ShapeError unless the array is an 8-bit picture (H, W, 3) with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ShapeError(f"a perturbation got {image.dtype} of shape {image.shape}, expected a picture: uint8 (H, W, 3)")


def check_numbers(name: str, values: Sequence[float], low: float, high: float) -> None:
    """Raise ParameterError unless every value of the parameter called ``name`` is a number in [low, high]."""
    if not isinstance(values, (list, tuple)):
        raise ParameterError(f"{name} is {values!r}, expected a list of numbers")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ParameterError(f"{name} is {value!r}, expected a number from {low:g} to {high:g}")


def _find(step: Step) -> tuple[_Perturbation, dict[str, Any]]:
    """Return a step's perturbation and parameters, both checked for their names."""
    parameters = dict(step)
    name = parameters.pop("name", None)
    found = PERTURBATIONS.get(name)
    for unknown in sorted(parameters.keys() - set(found.known)):
        raise ParameterError(f'the perturbation "{name}" has no parameter "{unknown}": choose from {", ".join(found.known)}')
    for missing in sorted(found.required - parameters.keys()):
        raise ParameterError(f'the perturbation "{name}" lacks its parameter "{missing}": add it to the step')
    return found, parameters
