"""LIP (Look into Person), single-person parsing: 19 parts, 30,462 + 10,000 photographs.

    <root>/TrainVal_images/{train,val}_images/*.jpg
    <root>/TrainVal_images/{train,val}_id.txt                                one photo id a line
    <root>/TrainVal_parsing_annotations/{train,val}_segmentations/*.png      8-bit, 1 to 19, 0 = no part

Unpacking often doubles the outer folders (``TrainVal_images/TrainVal_images``), and some copies drop them; lists and
folders are found below all these. The release's validation set is the test set here (Sg-MMH table 1).
"""

from __future__ import annotations

from pathlib import Path

from harmlib.data.listed import ListedSource, PhotoFiles, check_photo_id, pick_folder, read_list
from harmlib.data.sources import source

PARTS = (
    "hat", "hair", "glove", "sunglasses", "upper-clothes", "dress", "coat", "socks", "pants", "jumpsuits",
    "scarf", "skirt", "face", "left-arm", "right-arm", "left-leg", "right-leg", "left-shoe", "right-shoe",
)  # fmt: skip
PREFIXES = {"train": "train", "test": "val"}


@source("lip")
class LIPSource(ListedSource):
    """The single-person parsing part of LIP; raises DataError when a part of the release is missing."""

    def __init__(self, root: Path) -> None:
        splits: dict[str, list[str]] = {}
        photos: dict[str, PhotoFiles] = {}
        for split, prefix in PREFIXES.items():
            images = _find(root, "TrainVal_images", f"{prefix}_images")
            labels = _find(root, "TrainVal_parsing_annotations", f"{prefix}_segmentations")
            listing = _find(root, "TrainVal_images", f"{prefix}_id.txt")
            splits[split] = [line.removesuffix(".jpg") for line in read_list(listing)]
            for photo_id in splits[split]:
                check_photo_id(photo_id, listing, photos)
                photos[photo_id] = PhotoFiles(images / f"{photo_id}.jpg", (labels / f"{photo_id}.png",))
        super().__init__("lip", splits, photos, no_object=0, classes=dict(enumerate(PARTS, start=1)))


def _find(root: Path, outer: str, member: str) -> Path:
    """Return where ``member`` stands: in ``outer``, which may be nested in itself or left out."""
    folders = (outer, f"{outer}/{outer}", f"{outer}/{outer}/{outer}", ".")
    return pick_folder(root, folders, member) / member
