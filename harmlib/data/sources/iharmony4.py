"""The real photographs of an iHarmony4 tree, with their objects as regions: a source for composites of one's own.

    <root>/<sub-dataset>/real_images/<photo>.jpg
    <root>/<sub-dataset>/masks/<photo>_<object>.png
    lists and composites as in ``harmlib.data.pairs``, which reads them

The objects of a photograph get the ids 1, 2, ... in the order of their names; 0 is no object, and ids have no meaning
across photographs. Where masks overlap, the smaller object is on top.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harmlib.data.listed import LAYOUT, ListedSource, PhotoFiles
from harmlib.data.pairs import list_splits, read_pairs
from harmlib.data.sources import source
from harmlib.errors import DataError
from harmlib.io.masks import read_mask


@source("iharmony4")
class IHarmony4Source(ListedSource):
    """The real photographs of an iHarmony4 tree.

    subsets: the sub-datasets to use; None for all.
    Raises DataError for what ``read_pairs`` refuses, and when two sub-datasets share a photo name.
    """

    def __init__(self, root: Path, *, subsets: Sequence[str] | None = None) -> None:
        pairs = {split: read_pairs(root, split, subsets) for split in list_splits(root)}
        if not pairs:
            raise DataError(f'"{root}" has no list files such as IHD_train.txt: {LAYOUT}')
        splits = {split: list(dict.fromkeys(pair.real.stem for pair in found)) for split, found in pairs.items()}
        masks: dict[Path, set[Path]] = {}  # of all objects, by photograph
        for pair in itertools.chain.from_iterable(pairs.values()):
            masks.setdefault(pair.real, set()).add(pair.mask)
        photos: dict[str, PhotoFiles] = {}
        for real, found_masks in masks.items():
            if real.stem in photos:
                raise DataError(f'"{photos[real.stem].image}" and "{real}" have the same name: choose sub-datasets with the option subsets')
            photos[real.stem] = PhotoFiles(real, tuple(sorted(found_masks, key=lambda path: (len(path.stem), path.stem))))
        super().__init__("iharmony4", splits, photos, no_object=0, classes={})

    def read_regions(self, paths: PhotoFiles, image: np.ndarray) -> np.ndarray:
        """Return the object ids of a photograph (H, W), painted from the largest mask to the smallest."""
        masks = {number: _read_object(path, paths.image, image) for number, path in enumerate(paths.labels, start=1)}
        labels = np.zeros(image.shape[:2], dtype=np.min_scalar_type(len(masks)))
        for number, mask in sorted(masks.items(), key=lambda item: -item[1].sum()):
            labels[mask] = number
        return labels


def _read_object(path: Path, photo: Path, image: np.ndarray) -> np.ndarray:
    """Return an object's mask, bool (H, W); raises DataError when its size is not the photograph's."""
    mask = read_mask(path)
    if mask.shape != image.shape[:2]:
        found, expected = "x".join(map(str, mask.shape)), "x".join(map(str, image.shape[:2]))
        raise DataError(f'mask "{path}" is {found}, its photograph "{photo.name}" {expected}: fetch both again from the same release')
    return mask
