"""A photograph with its regions, and what every source of photographs promises.

A region is the set of pixels that carry one id in the label map; a source says which id, if any, marks no object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from harmlib.errors import DataError, ParameterError

LISTED = 12  # ids in a sentence


@dataclass(frozen=True, eq=False)
class Photo:
    """One photograph and its label map.

    id: the source's public name of the picture.
    image: uint8 (H, W, 3), RGB.
    labels: uint8 or uint16 (H, W), one region id per pixel.
    classes: region id -> class name; empty when the regions have no names.
    Raises DataError if image and labels differ in height or width.
    """

    id: str
    image: np.ndarray
    labels: np.ndarray
    classes: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that picture and label map belong together."""
        if self.image.shape[:2] != self.labels.shape:
            found, expected = "x".join(map(str, self.labels.shape)), "x".join(map(str, self.image.shape[:2]))
            raise DataError(f'label map of "{self.id}" is {found}, its picture {expected}: fetch both again from the same release')


class Source(ABC):
    """A set of photographs with label maps, in one public layout.

    kind: the layout's name, given by the registry in ``harmlib.data.sources``.
    name: what tables call the data.
    no_object: the id of pixels that belong to no region; None when every id is a region.
    classes: region id -> class name; empty when the regions have no names.
    folder: where the data set lies; None for photographs that ship with a package.
    """

    kind: ClassVar[str]
    name: str
    no_object: int | None
    classes: Mapping[int, str]
    folder: Path | None = None

    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """Return the splits it has, out of train, val and test."""

    @abstractmethod
    def ids(self, split: str) -> list[str]:
        """Return the photo ids of a split in a stable order; raises ParameterError for an unknown split."""

    @abstractmethod
    def load(self, photo_id: str) -> Photo:
        """Return one photograph; raises DataError for an unknown id or a label map of a different size."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a name for the content, cheap to compute: it changes when an id or a file size does."""

    def check_split(self, split: str) -> None:
        """Raise ParameterError unless the source has ``split``."""
        if split not in self.splits():
            raise ParameterError(f'source "{self.name}" has no split "{split}": choose from {", ".join(self.splits())}')

    def unknown_photo(self, photo_id: str) -> DataError:
        """Return the error for an id that the source does not have."""
        known = dict.fromkeys(photo for split in self.splits() for photo in self.ids(split))
        choices = ", ".join(known) if len(known) <= LISTED else f"its {len(known)} ids()"
        return DataError(f'source "{self.name}" has no photograph "{photo_id}": choose from {choices}')
