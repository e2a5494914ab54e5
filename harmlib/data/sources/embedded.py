"""The color photographs that scikit-image, scikit-learn and matplotlib ship inside their packages.

    labels/<photo>.png      8-bit, one channel, 0 = no object; drawn for this repository, same size as the photograph
    labels/classes.csv      id,name

The photographs are read from the installed packages, which are neither imported nor asked to download.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harmlib.data.listed import ListedSource, PhotoFiles, read_classes
from harmlib.data.sources import source
from harmlib.errors import DataError, ParameterError

LABELS = Path(__file__).parent / "labels"

# photo -> (package, path inside it), in alphabetical order.
PHOTOS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "coffee": ("skimage", "data/coffee.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "grace_hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    "motorcycle_left": ("skimage", "data/motorcycle_left.png"),
    "motorcycle_right": ("skimage", "data/motorcycle_right.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
}
# Every third photograph tests. The two motorcycles are one scene, and both fall into the training set.
TEST = tuple(PHOTOS)[2::3]
# What pip calls the packages.
_DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}


@source("embedded")
class EmbeddedSource(ListedSource):
    """Nine photographs that need no download, with four to eight named regions each.

    only: the photographs to keep; None for all.
    test: the photographs of the test split; None for every third of all nine.
    Raises DataError for a missing package, ParameterError for a photograph that does not exist.
    """

    def __init__(self, *, only: Sequence[str] | None = None, test: Sequence[str] | None = None) -> None:
        _check_photos("only", only or (), tuple(PHOTOS))
        kept = [photo for photo in PHOTOS if only is None or photo in only]
        _check_photos("test", test or (), kept)
        tested = TEST if test is None else test
        splits = {
            "train": [photo for photo in kept if photo not in tested],
            "test": [photo for photo in kept if photo in tested],
        }
        photos = {photo: PhotoFiles(_packaged(*PHOTOS[photo]), (LABELS / f"{photo}.png",)) for photo in kept}
        super().__init__("embedded", splits, photos, no_object=0, classes=read_classes(LABELS / "classes.csv"))


def _check_photos(option: str, photos: Sequence[str], known: Sequence[str]) -> None:
    """Raise ParameterError when an option names a photograph that is not there."""
    if not isinstance(photos, (list, tuple)):
        raise ParameterError(f'{option} of source "embedded" is {photos!r}: give a list of photographs')
    for photo in photos:
        if photo not in known:
            raise ParameterError(f'{option} of source "embedded" names "{photo}": choose from {", ".join(known)}')


def _packaged(package: str, inside: str) -> Path:
    """Return the path of a file inside an installed package, without importing it."""
    name = _DISTRIBUTIONS[package]
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f'the package "{name}" is not installed, which holds embedded photographs: install requirements.txt')
    path = Path(spec.submodule_search_locations[0]) / inside
    if not path.exists():
        raise DataError(f'the installed "{name}" does not contain "{inside}": install the version in constraints.txt')
    return path
