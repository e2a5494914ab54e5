"""MS COCO 2017 with its object instances painted into label maps: 80 categories, 118,287 + 5,000 photographs.

    <root>/{train2017,val2017}/*.jpg
    <root>/annotations/instances_{train2017,val2017}.json

A label map holds category ids. Objects are painted from the largest to the smallest, so that small ones stay visible;
crowds, which cover many objects roughly, are painted before all of them. 0 is no object. Masks are decoded when a
photograph is loaded. The release's validation set is the test set here.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from harmlib.data.listed import check_links, check_photo_id, file_size, inside
from harmlib.data.photos import Photo, Source
from harmlib.data.sources import source
from harmlib.errors import DataError
from harmlib.extras import needs
from harmlib.io import files
from harmlib.io.documents import check_shape, read_json
from harmlib.io.images import read_image

FOLDERS = {"train": "train2017", "test": "val2017"}
MAX_BYTES = 2**31  # instances_train2017.json has 450 MB
MAX_CLASS = 65_535
AGAIN = "fetch the annotations again"
# Shapes of the file, and of one object, which is looked at when its photograph is (``io.documents``).
FILE = {
    "images": [{"id": int, "file_name": str, "height": int, "width": int}],
    "categories": [{"id": int, "name": str}],
    "annotations": list,
}
OBJECT = {
    "id": int,
    "category_id": int,
    "area": float,
    "iscrowd?": int,
    "segmentation": ([[float]], {"size": [int], "counts": ([int], str)}),
}


class _Instances(NamedTuple):
    """What one annotation file says: image records by photo id, category names by id, and objects by the number of their photograph."""

    images: dict[str, dict[str, Any]]
    classes: dict[int, str]
    objects: dict[int, list[dict[str, Any]]]


@source("coco")
class COCOSource(Source):
    """The object instances of COCO 2017, of one split or both; raises DataError when annotations are missing or cannot be read."""

    def __init__(self, root: Path) -> None:
        self.name, self.no_object = "coco", 0
        self._root = root
        self._annotations: dict[str, _Instances] = {}
        if not self.splits():
            raise DataError(f'"{root / "annotations"}" has neither instances_train2017.json nor instances_val2017.json: unpack them there')
        self.classes = self._read(min(self.splits(), key=self._reading_effort)).classes

    def __getstate__(self) -> dict[str, Any]:
        """Leave the parsed annotations out, which take gigabytes: a worker process reads what it needs."""
        return {**self.__dict__, "_annotations": {}}

    def splits(self) -> tuple[str, ...]:
        """Return the splits whose annotations are there: train, test (the release's validation set)."""
        return tuple(split for split in FOLDERS if self._annotation_file(split).exists())

    def ids(self, split: str) -> list[str]:
        """Return the photo ids (file names without suffix) by ascending number; raises ParameterError for an unknown split."""
        self.check_split(split)
        return list(self._read(split).images)

    def load(self, photo_id: str) -> Photo:
        """Return one photograph with its painted label map; raises DataError for an unknown id or another size."""
        for split in sorted(self.splits(), key=self._reading_effort):
            record = self._read(split).images.get(photo_id)
            if record is not None:
                path = inside(self._root / FOLDERS[split], record["file_name"], self._annotation_file(split))
                check_links(self._root, path)
                image, size = read_image(path), (record["height"], record["width"])
                if image.shape[:2] != size:
                    found = f'label map of "{photo_id}" is {size[0]}x{size[1]}, its picture {image.shape[0]}x{image.shape[1]}'
                    raise DataError(f"{found}: fetch both again from the same release")
                return Photo(photo_id, image, self._paint(split, record), self.classes)
        raise self.unknown_photo(photo_id)

    def fingerprint(self) -> str:
        """Return a name for the content, from the sizes of the annotation files, which list every photograph."""
        return files.fingerprint(f"{split} {file_size(self._annotation_file(split))}" for split in self.splits())

    def _annotation_file(self, split: str) -> Path:
        """Return where the instances of a split stand."""
        return self._root / "annotations" / f"instances_{FOLDERS[split]}.json"

    def _reading_effort(self, split: str) -> int:
        """Return 0 for a split in memory, else its bytes on disk, so that the training set is not parsed in vain."""
        return 0 if split in self._annotations else file_size(self._annotation_file(split))

    def _read(self, split: str) -> _Instances:
        """Return what an annotation file says, read once."""
        if split not in self._annotations:
            self._annotations[split] = _parse(self._annotation_file(split))
        return self._annotations[split]

    def _paint(self, split: str, record: dict[str, Any]) -> np.ndarray:
        """Return the label map of a photograph: crowds first, then single objects from the largest to the smallest."""
        name = f'"{self._annotation_file(split)}"'
        size = record["height"], record["width"]
        labels = np.zeros(size, dtype=np.min_scalar_type(max(self.classes)))
        annotations = self._read(split).objects.get(record["id"], [])
        for annotation in annotations:
            check_shape(annotation, OBJECT, f"{name}: an object of photograph {record['id']}", advice=AGAIN)
        for annotation in sorted(annotations, key=lambda item: (not item.get("iscrowd", 0), -item["area"], item["id"])):
            if annotation["category_id"] not in self.classes:
                raise DataError(f"{name} uses category {annotation['category_id']} without naming it: {AGAIN}")
            try:
                labels[to_mask(annotation["segmentation"], size)] = annotation["category_id"]
            except ValueError as error:
                raise DataError(f"{name}: object {annotation['id']} {error}: {AGAIN}") from error
        return labels


def _parse(path: Path) -> _Instances:
    """Return what an annotation file says; raises DataError for a damaged one."""
    with needs("data"):
        import pycocotools.mask  # noqa: F401 (painting needs it, hours later)

    content = read_json(path, advice=AGAIN, max_bytes=MAX_BYTES)
    check_shape(content, FILE, f'"{path}"', advice=AGAIN)
    if not content["images"] or not content["categories"]:
        raise DataError(f'"{path}" lists no images or no categories: use the file of object instances')
    classes = {category["id"]: category["name"] for category in content["categories"]}
    if not all(0 < number <= MAX_CLASS for number in classes):
        raise DataError(f'"{path}" has categories that are not numbered from 1 to {MAX_CLASS}: {AGAIN}')
    images: dict[str, dict[str, Any]] = {}
    for record in sorted(content["images"], key=lambda record: record["id"]):
        photo_id = PurePosixPath(record["file_name"]).stem
        check_photo_id(photo_id, path, images)
        images[photo_id] = record
    objects: dict[int, list[dict[str, Any]]] = {}
    for annotation in content["annotations"]:
        if isinstance(annotation, dict) and isinstance(annotation.get("image_id"), int):
            objects.setdefault(annotation["image_id"], []).append(annotation)
        else:
            raise DataError(f'"{path}" has an object without the number of its photograph: {AGAIN}')
    return _Instances(images, dict(sorted(classes.items())), objects)


def to_mask(segmentation: Any, size: tuple[int, int]) -> np.ndarray:
    """Return the mask, bool (H, W), of polygons or run lengths as COCO writes them.

    pycocotools takes memory, or the whole process, for points far outside and for runs that do not add up.
    Raises ValueError, the rest of a sentence, for what lies outside the picture by more than its size, or does not fill it.
    """
    from pycocotools import mask as native

    height, width = size
    if isinstance(segmentation, list):
        reach = max(height, width)
        points = [np.asarray(polygon, dtype=np.float64) for polygon in segmentation]
        if not points or any(len(polygon) < 6 or len(polygon) % 2 or not (np.abs(polygon) <= 2 * reach).all() for polygon in points):
            raise ValueError("has no polygons of three points and more near its picture")
        return native.decode(native.merge(native.frPyObjects([polygon.tolist() for polygon in points], height, width))).astype(bool)
    if segmentation["size"] != [height, width]:
        raise ValueError(f"has runs for a picture of {segmentation['size']}, not {height}x{width}")
    counts = segmentation["counts"] if isinstance(segmentation["counts"], list) else _unpack(segmentation["counts"])
    if min(counts, default=0) < 0 or sum(counts) != height * width:
        raise ValueError("has runs that do not fill its picture")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T


def _unpack(text: str) -> list[int]:
    """Return the run lengths in pycocotools' text: five bits a character, and from the third on the difference to the last but one."""
    counts: list[int] = []
    number, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 50:
            raise ValueError("has runs that are no text of pycocotools")
        number |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            number -= (bits & 0x10 and 1) << shift
            counts.append(number + (counts[-2] if len(counts) > 2 else 0))
            number, shift = 0, 0
    return counts
