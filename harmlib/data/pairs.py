"""Composites with their masks and real photographs, read from any iHarmony4 tree: the genuine one, ours, or a merged one.

    <root>/<sub-dataset>/composite_images/<photo>_<object>_<variant>.jpg   (ours: .png)
    <root>/<sub-dataset>/masks/<photo>_<object>.png
    <root>/<sub-dataset>/real_images/<photo>.jpg                           (ours: .png)
    <root>/<sub-dataset>/regions/<photo>_<object>.png                      only in ours: ids of the perturbed regions
    <root>/<sub-dataset>/<sub-dataset>_{train,val,test}.txt                names of composites
    <root>/IHD_{train,val,test}.txt                                        optional: the same with their folders

A merged tree has the three folders in <root> and bare names in its IHD lists; its only sub-dataset is called as <root> is.
Names are split from the right, on the file name alone, because folders may contain "_" too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harmlib.data.listed import SPLITS, check_links, inside, read_list
from harmlib.errors import DataError, ShapeError, check_choice
from harmlib.io.images import IMAGE_SUFFIXES, check_same_size, read_image
from harmlib.io.masks import read_mask

COMPOSITES = "composite_images"


@dataclass(frozen=True)
class Pair:
    """One composite and the files that belong to it.

    id: the composite's name without suffix; unique within its sub-dataset.
    regions: the map of perturbed region ids, where the tree has one.
    """

    id: str
    subset: str
    composite: Path
    mask: Path
    real: Path
    regions: Path | None = None


def list_splits(root: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the splits, out of train, val and test, for which a tree has a list."""
    return tuple(split for split in SPLITS if _list_files(Path(root), split))


def read_pairs(root: str | os.PathLike[str], split: str, subsets: Sequence[str] | None = None) -> list[Pair]:
    """Return the pairs of a split in the order of its lists.

    subsets: the sub-datasets to read; None for all that the lists name.
    Raises ParameterError for an unknown split; DataError for a missing, empty or inconsistent list, a path or a link that leaves
    ``root`` (``check_links``), a name that breaks the rule, or a missing composite, mask or real photograph.
    """
    folder = Path(root).absolute()  # so that even "." has a name
    check_choice("split", split, SPLITS)
    listings = _list_files(folder, split)
    if not listings:
        raise DataError(f'"{root}" has no list of {split} composites: expected IHD_{split}.txt or <sub-dataset>/<sub-dataset>_{split}.txt')
    names = _Names(folder)
    pairs = {}
    for listing, composite in _listed_composites(listings):
        if subsets is not None and _subset(composite) not in subsets:
            continue
        if composite in pairs:
            raise DataError(f'"{listing}" lists "{composite.name}" twice: remove one of the lines')
        pairs[composite] = _pair(composite, listing, names)
    if not pairs:
        raise DataError(f'the {split} lists of "{root}" name no composite of {", ".join(subsets or ())}: check the sub-datasets\' names')
    return list(pairs.values())


def load_pair(pair: Pair) -> dict[str, np.ndarray]:
    """Return a pair's pixels: "composite" and "target" uint8 RGB (H, W, 3), "mask" bool (H, W).

    Raises MaskError or ShapeError when the sizes differ, ImageError for an unreadable file.
    """
    composite, target, mask = read_image(pair.composite), read_image(pair.real), read_mask(pair.mask)
    check_same_size(pair.id, mask, composite)
    if target.shape != composite.shape:
        found, expected = "x".join(map(str, target.shape[:2])), "x".join(map(str, composite.shape[:2]))
        raise ShapeError(f'real photograph of "{pair.id}" is {found}, its composite {expected}: rebuild the pair')
    return {"composite": composite, "target": target, "mask": mask}


def hold_out(pairs: Sequence[Pair], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Return the indices of the pairs that are kept and of those that are held out: all pairs of about ``share`` of the photographs.

    Raises DataError where that leaves no photograph on one side.
    """
    photos: dict[tuple[str, str], list[int]] = {photo: [] for photo in sorted({_photo(pair) for pair in pairs})}
    for index, pair in enumerate(pairs):
        photos[_photo(pair)].append(index)
    order = np.random.default_rng(seed).permutation(len(photos))
    count = max(1, round(share * len(photos)))
    if count >= len(photos):
        raise DataError(f"{len(photos)} photographs cannot give {share:g} of them to a validation: hold out less, or take more photographs")
    groups = list(photos.values())
    held, kept = ([index for number in numbers for index in groups[number]] for numbers in (order[:count], order[count:]))
    return sorted(kept), sorted(held)


def _photo(pair: Pair) -> tuple[str, str]:
    """Return a pair's photograph: sub-dataset and name without object and variant."""
    return pair.subset, pair.id.rsplit("_", 2)[0]


def _list_files(root: Path, split: str) -> list[Path]:
    """Return the list of all composites of a split if there is one, else the lists of the sub-datasets."""
    everything = root / f"IHD_{split}.txt"
    if everything.exists():
        return [everything]
    return sorted(path for path in root.glob(f"*/*_{split}.txt") if path.name == f"{path.parent.name}_{split}.txt")


def _listed_composites(listings: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield every list file with the path of each composite in it, whose folder a bare name leaves out."""
    for listing in listings:
        for entry in read_list(listing):
            path = inside(listing.parent, entry, listing)
            if path.parent.name != COMPOSITES:
                path = path.parent / COMPOSITES / path.name
            yield listing, path


def _subset(composite: Path) -> str:
    """Return the sub-dataset of a composite: the folder above composite_images."""
    return composite.parent.parent.name


class _Names:
    """The names in folders, each read once: iHarmony4 has 150,000 files, too many to ask the disk for one by one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[Path, frozenset[str]] = {}

    def find(self, folder: Path, candidates: Sequence[str]) -> Path | None:
        """Return the first of the candidates that ``folder`` has, or None."""
        if folder not in self._names:
            self._names[folder] = frozenset(self._read(folder)) if folder.is_dir() else frozenset()
        return next((folder / name for name in candidates if name in self._names[folder]), None)

    def _read(self, folder: Path) -> Iterator[str]:
        """Yield the names in a folder; raises DataError where links lead out of the root."""
        check_links(self._root, folder)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    check_links(self._root, folder / entry.name)
                yield entry.name


def _pair(composite: Path, listing: Path, names: _Names) -> Pair:
    """Return the pair of one listed composite; raises DataError for a wrong name or a missing file."""
    parts = composite.stem.rsplit("_", 2)
    if len(parts) != 3 or not all(parts):
        raise DataError(f'"{listing}" lists "{composite.name}", which is not named <photo>_<object>_<variant>: rename it')
    photo, subset = parts[0], composite.parent.parent
    mask = f"{photo}_{parts[1]}.png"
    # PNG copies of the tree keep lists of .jpg names, so the listed suffix comes first and the others may follow.
    suffixes = (composite.suffix, *IMAGE_SUFFIXES)

    def existing(folder: str, candidates: Sequence[str], role: str) -> Path:
        path = names.find(subset / folder, candidates)
        if path is None:
            missing = subset / folder / candidates[0]
            raise DataError(f'"{missing}" is missing, the {role} of "{composite.stem}" in "{listing.name}": fetch or rebuild it')
        return path

    return Pair(
        id=composite.stem,
        subset=_subset(composite),
        composite=existing(COMPOSITES, [composite.stem + suffix for suffix in suffixes], "composite"),
        mask=existing("masks", [mask], "mask"),
        real=existing("real_images", [photo + suffix for suffix in suffixes], "real photograph"),
        regions=names.find(subset / "regions", [mask]),
    )
