"""MS COCO 2017 with its object instances painted into label maps: 80 categories, 118,287 + 5,000 photographs.

    <root>/{train2017,val2017}/*.jpg
    <root>/annotations/instances_{train2017,val2017}.json

A label map holds category ids. Objects are painted from the largest to the smallest, so that small ones stay visible;
crowds, which cover many objects roughly, are painted before all of them. 0 is no object. Masks are decoded when a
photograph is loaded. The release's validation set is the test set here.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from harmlib.data.listed import check_photo_id, file_size, inside
from harmlib.data.photos import Photo, Source
from harmlib.data.sources import source
from harmlib.errors import DataError
from harmlib.extras import needs
from harmlib.io import files
from harmlib.io.images import read_image

FOLDERS = {"train": "train2017", "test": "val2017"}


@source("coco")
class COCOSource(Source):
    """The object instances of COCO 2017; either split may be absent.

    Raises DataError when there are no annotations or they cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self.name, self.no_object = "coco", 0
        self._root = root
        self._annotations: dict[str, Any] = {}
        if not self.splits():
            raise DataError(f'"{root / "annotations"}" has neither instances_train2017.json nor instances_val2017.json: unpack them there')
        self.classes = self._read_classes()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the parsed annotations out, which take gigabytes: a worker process reads what it needs."""
        return {**self.__dict__, "_annotations": {}}

    def splits(self) -> tuple[str, ...]:
        """Return the splits whose annotations are there: train, test (the release's validation set)."""
        return tuple(split for split in FOLDERS if self._annotation_file(split).exists())

    def ids(self, split: str) -> list[str]:
        """Return the photo ids (file names without suffix) by ascending number; raises ParameterError for an unknown split."""
        self.check_split(split)
        return list(self._images(split))

    def load(self, photo_id: str) -> Photo:
        """Return one photograph with its painted label map; raises DataError for an unknown id or another size."""
        for split in sorted(self.splits(), key=self._reading_effort):
            record = self._images(split).get(photo_id)
            if record is not None:
                path = inside(self._root / FOLDERS[split], record["file_name"], self._annotation_file(split))
                return Photo(photo_id, read_image(path), self._paint(split, record), self.classes)
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

    def _images(self, split: str) -> dict[str, dict[str, Any]]:
        """Return a split's image records by photo id, read once."""
        return self._read(split)[1]

    def _read(self, split: str) -> tuple[Any, dict[str, dict[str, Any]]]:
        """Return a split's annotations and its image records by photo id."""
        if split not in self._annotations:
            path = self._annotation_file(split)
            coco = _parse(path)
            images = {PurePosixPath(record["file_name"]).stem: record for _, record in sorted(coco.imgs.items())}
            for photo_id in images:
                check_photo_id(photo_id, path)
            self._annotations[split] = coco, images
        return self._annotations[split]

    def _read_classes(self) -> dict[int, str]:
        """Return the category names by id, from the smallest annotation file."""
        split = min(self.splits(), key=self._reading_effort)
        return {number: category["name"] for number, category in sorted(self._read(split)[0].cats.items())}

    def _paint(self, split: str, record: dict[str, Any]) -> np.ndarray:
        """Return the label map of a photograph: crowds first, then single objects from the largest to the smallest."""
        coco = self._read(split)[0]
        labels = np.zeros((record["height"], record["width"]), dtype=np.min_scalar_type(max(self.classes)))
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[record["id"]]))
        for annotation in sorted(annotations, key=lambda item: (not item.get("iscrowd", 0), -item["area"], item["id"])):
            if annotation["category_id"] not in self.classes:
                path = self._annotation_file(split)
                raise DataError(f'"{path}" uses category {annotation["category_id"]} without naming it: fetch the annotations again')
            labels[coco.annToMask(annotation).astype(bool)] = annotation["category_id"]
        return labels


def _parse(path: Path) -> Any:
    """Return pycocotools' view of an annotation file, without its printing; raises DataError for a damaged one."""
    with needs("data"):
        from pycocotools.coco import COCO

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(path))
    except (ValueError, KeyError, AssertionError) as error:
        raise DataError(f'"{path}" holds no COCO annotations that can be read: fetch it again') from error
    if not coco.imgs or not coco.cats:
        raise DataError(f'"{path}" lists no images or no categories: use the file of object instances')
    return coco
