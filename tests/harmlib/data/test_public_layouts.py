"""The large public data sets, as miniature trees in exactly their published layouts."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harmlib.data.sources import open_source
from harmlib.data.sources.coco import to_mask
from harmlib.errors import DataError, ImageError

PHOTO = np.full((4, 6, 3), 120, dtype=np.uint8)
LABELS = np.zeros((4, 6), dtype=np.uint8)
LABELS[:, 3:] = 2


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def ade20k(tmp_path: Path) -> Path:
    release = tmp_path / "ADEChallengeData2016"
    for folder, stem in (("training", "ADE_train_00000001"), ("training", "ADE_train_00000002"), ("validation", "ADE_val_00000001")):
        write(release / "images" / folder / f"{stem}.jpg", PHOTO)
        write(release / "annotations" / folder / f"{stem}.png", LABELS)
    # As published: tabs, a blank before some of them, synonyms after commas.
    (release / "objectInfo150.txt").write_text(
        "Idx\tRatio\tTrain\tVal\tName\n1\t0.1576\t11664\t1172\twall\n2 \t0.1072\t6046\t612\tbuilding, edifice \n"
    )
    return tmp_path


@pytest.fixture
def lip(tmp_path: Path) -> Path:
    for prefix, stem in (("train", "77_471474"), ("val", "36_454991")):
        write(tmp_path / "TrainVal_images" / f"{prefix}_images" / f"{stem}.jpg", PHOTO)
        write(tmp_path / "TrainVal_parsing_annotations" / f"{prefix}_segmentations" / f"{stem}.png", LABELS)
        (tmp_path / "TrainVal_images" / f"{prefix}_id.txt").write_text(f"{stem}\n")
    return tmp_path


def square(number: int, category: int, *, left: int, width: int, crowd: bool = False) -> dict[str, Any]:
    """An instance that covers ``width`` columns of a 4x6 picture from column ``left`` on."""
    region: Any = [[left, 0, left + width, 0, left + width, 4, left, 4]]
    if crowd:
        # COCO's uncompressed run lengths go down the columns and start with the background.
        region = {"size": [4, 6], "counts": [4 * left, 4 * width, 4 * (6 - left - width)]}
    return {
        "id": number, "image_id": 139, "category_id": category, "segmentation": region, "area": 4 * width, "iscrowd": int(crowd),
        "bbox": [left, 0, width, 4],
    }  # fmt: skip


def write_instances(root: Path, split: str, annotations: list[dict[str, Any]], *, height: int = 4) -> None:
    content = {
        "images": [{"id": 139, "file_name": "000000000139.jpg", "height": height, "width": 6}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}, {"id": 90, "name": "toothbrush"}],
    }
    path = root / "annotations" / f"instances_{split}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    write(tmp_path / "val2017" / "000000000139.jpg", PHOTO)
    write_instances(
        tmp_path, "val2017", [square(1, 18, left=0, width=2), square(2, 1, left=0, width=4), square(3, 90, left=1, width=1, crowd=True)]
    )
    return tmp_path


def test_ade20k_validation_set_is_the_test_set(ade20k: Path) -> None:
    source = open_source("ade20k", ade20k)

    assert {split: source.ids(split) for split in source.splits()} == {
        "train": ["ADE_train_00000001", "ADE_train_00000002"],
        "test": ["ADE_val_00000001"],
    }


def test_ade20k_class_names_come_from_the_release(ade20k: Path) -> None:
    assert open_source("ade20k", ade20k).classes == {1: "wall", 2: "building, edifice"}


def test_ade20k_opens_at_its_own_top_folder_too(ade20k: Path) -> None:
    assert open_source("ade20k", ade20k / "ADEChallengeData2016").ids("test") == ["ADE_val_00000001"]


def test_ade20k_labels_are_read_unchanged(ade20k: Path) -> None:
    np.testing.assert_array_equal(open_source("ade20k", ade20k).load("ADE_val_00000001").labels, LABELS)


def test_ade20k_id_0_is_no_object(ade20k: Path) -> None:
    assert open_source("ade20k", ade20k).no_object == 0


def test_ade20k_id_without_class_is_refused(ade20k: Path) -> None:
    write(ade20k / "ADEChallengeData2016" / "annotations" / "validation" / "ADE_val_00000001.png", LABELS + 149)

    with pytest.raises(DataError, match='label map of "ADE_val_00000001" has id 149'):
        open_source("ade20k", ade20k).load("ADE_val_00000001")


def test_ade20k_without_class_names_says_what_is_missing(ade20k: Path) -> None:
    (ade20k / "ADEChallengeData2016" / "objectInfo150.txt").unlink()

    with pytest.raises(DataError, match=r'has no "objectInfo150\.txt": data/README.md shows the layout'):
        open_source("ade20k", ade20k)


def test_ade20k_with_a_foreign_class_file_says_so(ade20k: Path) -> None:
    (ade20k / "ADEChallengeData2016" / "objectInfo150.txt").write_text("Idx\tName\nwall,1\n")

    with pytest.raises(DataError, match='has the line "wall,1" instead of a class number'):
        open_source("ade20k", ade20k)


def test_ade20k_without_photographs_says_so(ade20k: Path) -> None:
    (ade20k / "ADEChallengeData2016" / "images" / "validation" / "ADE_val_00000001.jpg").unlink()

    with pytest.raises(DataError, match=r'validation" has no \.jpg file'):
        open_source("ade20k", ade20k)


def test_ade20k_missing_annotation_is_named(ade20k: Path) -> None:
    (ade20k / "ADEChallengeData2016" / "annotations" / "validation" / "ADE_val_00000001.png").unlink()

    with pytest.raises(ImageError, match=r'ADE_val_00000001\.png" does not exist'):
        open_source("ade20k", ade20k).load("ADE_val_00000001")


def test_lip_lists_decide_the_splits(lip: Path) -> None:
    source = open_source("lip", lip)

    assert {split: source.ids(split) for split in source.splits()} == {"train": ["77_471474"], "test": ["36_454991"]}


def test_lip_has_19_parts(lip: Path) -> None:
    assert sorted(open_source("lip", lip).classes) == list(range(1, 20))


def test_lip_part_names_reach_the_photo(lip: Path) -> None:
    assert open_source("lip", lip).load("36_454991").classes[2] == "hair"


def test_lip_lists_may_carry_suffixes(lip: Path) -> None:
    (lip / "TrainVal_images" / "val_id.txt").write_text("36_454991.jpg\n")

    assert open_source("lip", lip).ids("test") == ["36_454991"]


def test_lip_with_doubled_folders_is_read(lip: Path) -> None:
    for name in ("TrainVal_images", "TrainVal_parsing_annotations"):
        (lip / name).rename(lip / "inner")
        (lip / name).mkdir()
        (lip / "inner").rename(lip / name / name)

    assert open_source("lip", lip).load("77_471474").labels.max() == 2


def test_lip_without_outer_folders_is_read(lip: Path) -> None:
    for member in [*(lip / "TrainVal_images").iterdir(), *(lip / "TrainVal_parsing_annotations").iterdir()]:
        member.rename(lip / member.name)

    assert open_source("lip", lip).load("77_471474").labels.max() == 2


@pytest.mark.parametrize(
    ("line", "sentence"),
    [("../secret", 'has the photo id "../secret"'), ("77_471474", 'has the photo id "77_471474" once too often'), ("", "is empty")],
)
def test_a_wrong_lip_list_gets_one_sentence(lip: Path, line: str, sentence: str) -> None:
    (lip / "TrainVal_images" / "val_id.txt").write_text(f"{line}\n")

    with pytest.raises(DataError, match=sentence):
        open_source("lip", lip)


def test_lip_without_segmentations_says_what_is_missing(lip: Path) -> None:
    (lip / "TrainVal_parsing_annotations").rename(lip / "elsewhere")

    with pytest.raises(DataError, match='has no "train_segmentations"'):
        open_source("lip", lip)


def test_coco_paints_small_objects_over_large_ones_and_both_over_crowds(coco: Path) -> None:
    labels = open_source("coco", coco).load("000000000139").labels

    assert labels.tolist() == [[18, 18, 1, 1, 0, 0]] * 4


def test_coco_crowds_are_painted_where_nothing_else_is(coco: Path) -> None:
    write_instances(coco, "val2017", [square(1, 18, left=0, width=2), square(2, 90, left=0, width=5, crowd=True)])

    labels = open_source("coco", coco).load("000000000139").labels

    assert labels.tolist() == [[18, 18, 90, 90, 90, 0]] * 4


def test_coco_class_names_come_from_the_annotations(coco: Path) -> None:
    assert open_source("coco", coco).classes == {1: "person", 18: "dog", 90: "toothbrush"}


def test_coco_validation_set_is_the_test_set(coco: Path) -> None:
    source = open_source("coco", coco)

    assert {split: source.ids(split) for split in source.splits()} == {"test": ["000000000139"]}


def test_coco_photograph_without_annotation_is_all_background(coco: Path) -> None:
    write_instances(coco, "val2017", [])

    assert not open_source("coco", coco).load("000000000139").labels.any()


def test_coco_reads_silently(coco: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_source("coco", coco)

    assert capsys.readouterr().out == ""


def test_coco_is_sent_to_workers_without_its_annotations(coco: Path) -> None:
    source = open_source("coco", coco)

    sent = pickle.dumps(source)

    assert b"toothbrush" in sent
    assert b"000000000139" not in sent


def test_coco_loads_the_same_photograph_in_a_worker(coco: Path) -> None:
    source = open_source("coco", coco)

    copy = pickle.loads(pickle.dumps(source))

    np.testing.assert_array_equal(copy.load("000000000139").labels, source.load("000000000139").labels)


def test_coco_fingerprint_changes_with_the_annotations(coco: Path) -> None:
    before = open_source("coco", coco).fingerprint()
    write_instances(coco, "val2017", [])

    assert open_source("coco", coco).fingerprint() != before


def test_coco_size_mismatch_is_refused(coco: Path) -> None:
    write_instances(coco, "val2017", [], height=5)

    with pytest.raises(DataError, match='label map of "000000000139" is 5x6, its picture 4x6'):
        open_source("coco", coco).load("000000000139")


def test_coco_unnamed_category_is_refused(coco: Path) -> None:
    write_instances(coco, "val2017", [square(1, 77, left=0, width=2)])

    with pytest.raises(DataError, match="uses category 77 without naming it"):
        open_source("coco", coco).load("000000000139")


def test_coco_unknown_photograph_is_refused(coco: Path) -> None:
    with pytest.raises(DataError, match='no photograph "000000000001"'):
        open_source("coco", coco).load("000000000001")


def test_coco_file_name_outside_the_root_is_refused(coco: Path) -> None:
    path = coco / "annotations" / "instances_val2017.json"
    path.write_text(path.read_text().replace("000000000139.jpg", "../../secret.jpg"))

    with pytest.raises(DataError, match="lies outside the data root"):
        open_source("coco", coco).load("secret")


@pytest.mark.parametrize("content", ['{"images": [', "[]", '{"images": [], "annotations": []}'])
def test_damaged_coco_annotations_are_named(coco: Path, content: str) -> None:
    (coco / "annotations" / "instances_val2017.json").write_text(content)

    with pytest.raises(DataError, match=r'instances_val2017\.json"'):
        open_source("coco", coco)


@pytest.mark.parametrize(
    ("segmentation", "sentence"),
    [
        ([[0, 0, 2147483648, 0, 5, 5]], "has no polygons of three points and more near its picture"),
        ([[0, 0, 5]], "has no polygons of three points"),
        ([], "has no polygons of three points"),
        ([[0, 0, None, 0, 5, 5]], r"segmentation\.0\.2 is None, expected a number"),
        ({"size": [4, 2147483648], "counts": [24]}, r"has runs for a picture of \[4, 2147483648\], not 4x6"),
        ({"size": [4, 6], "counts": [2147483648]}, "has runs that do not fill its picture"),
        ({"size": [4, 6], "counts": [-1, 25]}, "has runs that do not fill its picture"),
        ({"size": [4, 6], "counts": "oooooooooooooo"}, "has runs that are no text of pycocotools"),
        ({"size": [4, 6], "counts": "ü"}, "has runs that are no text of pycocotools"),
        ({"size": [4, 6]}, "segmentation lacks the key .counts."),
        ("circle", "segmentation is 'circle', expected"),
    ],
)
def test_coco_objects_that_would_break_native_code_are_one_sentence(coco: Path, segmentation: object, sentence: str) -> None:
    write_instances(coco, "val2017", [{**square(1, 18, left=0, width=2), "segmentation": segmentation}])

    with pytest.raises(DataError, match=rf'instances_val2017\.json".* {sentence}.*: fetch the annotations again'):
        open_source("coco", coco).load("000000000139")


@pytest.mark.parametrize("density", [0.0, 0.02, 0.5, 1.0])
def test_coco_run_lengths_are_decoded_as_by_pycocotools(density: float, generator: np.random.Generator) -> None:
    native = pytest.importorskip("pycocotools.mask")
    mask = generator.random((37, 1201)) < density
    packed = native.encode(np.asfortranarray(mask, dtype=np.uint8))
    counts = np.diff(np.flatnonzero(np.diff(mask.T.ravel().astype(int), prepend=0, append=2)), prepend=0).tolist()

    for stored in (packed["counts"].decode(), counts):
        np.testing.assert_array_equal(to_mask({"size": [37, 1201], "counts": stored}, mask.shape), mask)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("images", [{"id": 1}], "images.0 lacks the key .file_name."),
        ("images", [{"id": "1", "file_name": "a.jpg", "height": 4, "width": 6}], "images.0.id is '1', expected a whole number"),
        ("categories", [{"id": 10**9, "name": "far"}], "has categories that are not numbered from 1 to 65535"),
        ("annotations", [3], "has an object without the number of its photograph"),
    ],
)
def test_coco_files_of_other_types_are_one_sentence(coco: Path, key: str, value: object, sentence: str) -> None:
    path = coco / "annotations" / "instances_val2017.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))

    with pytest.raises(DataError, match=sentence):
        open_source("coco", coco)


def test_coco_without_annotations_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has neither instances_train2017\.json nor"):
        open_source("coco", tmp_path)
