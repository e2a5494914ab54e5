"""Photographs in a plain folder: the layout for own pictures, and what ``python -m reproduction prepare`` writes.

    <root>/images/*.jpg or .png
    <root>/labels/*.png         8-bit, one channel, pixel value = region id, same size as the picture
    <root>/index.csv            id,image,label,split[,...]   paths relative to <root>; split is train, val or test
    <root>/classes.csv          id,name[,...]                only if the region ids have a meaning across pictures

Pictures may be of any size; the index decides which are used, and in which order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from harmlib.data.listed import LAYOUT, SPLITS, ListedSource, PhotoFiles, check_links, check_photo_id, inside, read_classes
from harmlib.data.sources import source
from harmlib.errors import DataError, ParameterError
from harmlib.io.documents import WORDS
from harmlib.io.tables import TEXT, read_rows


@source("folder")
class FolderSource(ListedSource):
    """Photographs listed in ``index.csv``.

    no_object: the id of pixels that belong to no region (0 in ccp, 11 in camvid); None when every id is a region.
    leave_out: a column of the index; photographs with "1" in it are not used.
    val: how many photographs at the end of the training list become the val split, for an index without one. A list keeps neighbors
    (frames of a video, pictures of a room) together, so its end is as far from the rest as can be.
    groups, group_splits: a column of the index, and the split of each of its values in place of the listed one: the frames of a video, or
    the pictures of a room, belong on one side.
    only_test: all photographs are in the test split, because nothing trains on this source.
    Raises DataError for a missing, incomplete or inconsistent index, ParameterError for a wrong option.
    """

    def __init__(
        self,
        root: Path,
        *,
        no_object: int | None = None,
        leave_out: str | None = None,
        val: int = 0,
        groups: str | None = None,
        group_splits: Mapping[str, str] = MappingProxyType({}),
        only_test: bool = False,
    ) -> None:
        if no_object is not None and no_object not in range(256):
            raise ParameterError(f"no_object is {no_object!r}: give the label value of pixels without object (0 to 255), or nothing")
        for option, value, kind in (
            ("leave_out", leave_out, str),
            ("groups", groups, str),
            ("val", val, int),
            ("only_test", only_test, bool),
        ):
            if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
                raise ParameterError(f"{option} is {value!r}: give {WORDS[kind]}, or nothing")
        if not isinstance(group_splits, Mapping) or not all(isinstance(split, str) for split in group_splits.values()):
            raise ParameterError(f"group_splits is {group_splits!r}: give a split for each value of the column {groups!r}")
        splits: dict[str, list[str]] = {}
        photos: dict[str, PhotoFiles] = {}
        index = root / "index.csv"
        columns = dict.fromkeys(("id", "image", "label", "split", *filter(None, (leave_out, groups))), TEXT)
        for _, cells in read_rows(index, columns, advice=LAYOUT):
            row = {column: cells[column].strip() for column in columns}
            photo_id = row["id"]
            split = group_splits.get(row[groups], row["split"]) if groups else row["split"]
            check_photo_id(photo_id, index, photos)
            if split not in SPLITS:
                raise DataError(f'"{index}" puts "{photo_id}" into split "{split}": choose from {", ".join(SPLITS)}')
            if leave_out and row[leave_out] == "1":
                continue
            splits.setdefault("test" if only_test else split, []).append(photo_id)
            image, label = inside(root, row["image"], index), inside(root, row["label"], index)
            for path in (image, label):
                check_links(root, path)
            photos[photo_id] = PhotoFiles(image, (label,))
        if not photos:
            raise DataError(f'"{index}" lists no photograph: add one line per picture')
        if val:
            if "val" in splits or not 0 < val < len(splits.get("train", ())):
                raise ParameterError(f'val is {val!r}: "{index}" has a val split already, or no more than {val} training photographs')
            splits["train"], splits["val"] = splits["train"][:-val], splits["train"][-val:]
        named = root / "classes.csv"
        super().__init__(root.name, splits, photos, no_object=no_object, classes=read_classes(named) if named.exists() else {})
