"""ADE20K in its Scene Parsing release (MIT Scene Parsing Benchmark): 150 classes, 20,210 + 2,000 photographs.

    <root>/ADEChallengeData2016/images/{training,validation}/ADE_*.jpg
    <root>/ADEChallengeData2016/annotations/{training,validation}/ADE_*.png   8-bit, 1 to 150, 0 = no object
    <root>/ADEChallengeData2016/objectInfo150.txt                             class names, separated by tabs

The release's top folder may also be given itself. Its validation set is the test set here (Sg-MMH table 1).
"""

from __future__ import annotations

from pathlib import Path

from harmlib.data.listed import ListedSource, PhotoFiles, pick_folder, read_list
from harmlib.data.sources import source
from harmlib.errors import DataError

FOLDERS = {"train": "training", "test": "validation"}


@source("ade20k")
class ADE20KSource(ListedSource):
    """The Scene Parsing release of ADE20K; raises DataError when a part of the release is missing."""

    def __init__(self, root: Path) -> None:
        release = pick_folder(root, ("ADEChallengeData2016", "."), "objectInfo150.txt")
        splits: dict[str, list[str]] = {}
        photos: dict[str, PhotoFiles] = {}
        for split, folder in FOLDERS.items():
            pictures = sorted((release / "images" / folder).glob("*.jpg"))
            if not pictures:
                raise DataError(f'"{release / "images" / folder}" has no .jpg file: unpack the release again')
            splits[split] = [path.stem for path in pictures]
            for path in pictures:
                photos[path.stem] = PhotoFiles(path, (release / "annotations" / folder / f"{path.stem}.png",))
        super().__init__("ade20k", splits, photos, no_object=0, classes=_read_classes(release / "objectInfo150.txt"))


def _read_classes(path: Path) -> dict[int, str]:
    """Return the class names by id, synonyms included, from a table with columns Idx, ..., Name."""
    classes = {}
    for line in read_list(path)[1:]:
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) < 2 or not columns[0].isdigit():
            raise DataError(f'"{path}" has the line "{line}" instead of a class number, counts and a name: fetch it again')
        classes[int(columns[0])] = columns[-1]
    return classes
