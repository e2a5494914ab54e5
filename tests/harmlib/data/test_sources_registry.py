from __future__ import annotations

import subprocess
import sys

import pytest

from harmlib.data import sources
from harmlib.data.photos import Source
from harmlib.errors import DataError, ParameterError


def test_every_public_layout_is_listed():
    assert {"ade20k", "coco", "embedded", "folder", "iharmony4", "lip"} <= set(sources.SOURCES.names())


def test_every_listed_source_is_a_source_of_its_kind():
    for kind in sources.SOURCES.names():
        cls = sources.SOURCES.get(kind)
        assert issubclass(cls, Source)
        assert cls.kind == kind


def test_an_unknown_kind_is_answered_with_the_choices():
    with pytest.raises(ParameterError, match='there is no source "imagenet": choose from ade20k, coco, embedded, folder'):
        sources.open_source("imagenet")


def test_an_unknown_option_is_answered_with_the_choices():
    with pytest.raises(ParameterError, match='source "embedded" has no option "color": choose from only, test'):
        sources.open_source("embedded", color="red")


def test_a_missing_root_is_one_sentence():
    with pytest.raises(DataError, match='source "ade20k" needs the folder of its data set: give root'):
        sources.open_source("ade20k")


def test_a_folder_for_photographs_of_packages_is_refused(tmp_path):
    with pytest.raises(ParameterError, match='the photographs of source "embedded" come with a package: leave the folder'):
        sources.open_source("embedded", tmp_path)


def test_a_root_that_is_no_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r'source "folder" expects its data in ".*nowhere", which is no folder'):
        sources.open_source("folder", tmp_path / "nowhere")


def test_listing_sources_loads_no_heavy_package():
    heavy = ("torch", "cv2", "skimage", "sklearn", "matplotlib", "pycocotools", "pandas")
    code = f"import sys; from harmlib.data.sources import SOURCES; SOURCES.names(); print([m for m in {heavy} if m in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert loaded == "[]"
