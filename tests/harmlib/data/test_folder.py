"""The folder source: the layout, every mistake an index can hold, and the real packs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harmlib.data.sources import open_source
from harmlib.errors import DataError, ImageError, ParameterError

HEADER = "id,image,label,split\n"
BEACH = "beach,images/beach.jpg,labels/beach.png,train\n"
LABELS = np.repeat(np.array([[0], [1], [2]], dtype=np.uint8), 5, axis=1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two photographs of 3x5 pixels, one to train and one to test, regions 0 to 2."""
    for name in ("beach", "wood"):
        write(tmp_path / "images" / f"{name}.jpg", np.full((3, 5, 3), 90, dtype=np.uint8))
        write(tmp_path / "labels" / f"{name}.png", LABELS)
    (tmp_path / "index.csv").write_text(HEADER + BEACH + "wood,images/wood.jpg,labels/wood.png,test\n")
    return tmp_path


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def test_each_split_holds_its_own_photographs(root: Path) -> None:
    source = open_source("folder", root)

    assert {split: source.ids(split) for split in source.splits()} == {"train": ["beach"], "test": ["wood"]}


def test_label_values_reach_the_photo_unchanged(root: Path) -> None:
    photo = open_source("folder", root).load("wood")

    np.testing.assert_array_equal(photo.labels, LABELS)


def test_every_id_is_a_region_unless_told_otherwise(root: Path) -> None:
    assert open_source("folder", root).no_object is None


def test_no_object_is_what_the_option_says(root: Path) -> None:
    assert open_source("folder", root, no_object=2).no_object == 2


def test_class_names_come_from_classes_csv(root: Path) -> None:
    (root / "classes.csv").write_text("id,name,color\n0,sky,blue\n1,sea,green\n2,sand,yellow\n")

    assert open_source("folder", root).classes == {0: "sky", 1: "sea", 2: "sand"}


def test_regions_without_classes_csv_have_no_names(root: Path) -> None:
    assert open_source("folder", root).load("beach").classes == {}


def test_an_index_with_byte_order_mark_and_more_columns_is_read(root: Path) -> None:
    (root / "index.csv").write_text("note,id,image,label,split\nsunny," + BEACH, encoding="utf-8-sig")

    assert open_source("folder", root).ids("train") == ["beach"]


def test_fingerprint_changes_with_a_file_size(root: Path) -> None:
    before = open_source("folder", root).fingerprint()
    write(root / "labels" / "beach.png", np.zeros((300, 500), dtype=np.uint8))

    assert open_source("folder", root).fingerprint() != before


def test_fingerprint_changes_with_a_split(root: Path) -> None:
    before = open_source("folder", root).fingerprint()
    index = root / "index.csv"
    index.write_text(index.read_text().replace("wood.png,test", "wood.png,val"))

    assert open_source("folder", root).fingerprint() != before


def test_fingerprint_of_a_missing_file_names_it(root: Path) -> None:
    (root / "labels" / "wood.png").unlink()

    with pytest.raises(DataError, match=r'wood\.png" is missing'):
        open_source("folder", root).fingerprint()


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        ("id,image,split\nbeach,images/beach.jpg,train\n", "line 1 lacks the column label"),
        (HEADER, "lists no photograph"),
        (HEADER + "beach,../beach.jpg,labels/beach.png,train\n", 'lists "../beach.jpg", which lies outside the data root'),
        (HEADER + "beach,images/beach.jpg,/etc/beach.png,train\n", 'lists "/etc/beach.png", which lies outside the data root'),
        (HEADER + "beach,images\\..\\..\\beach.jpg,labels/beach.png,train\n", "lies outside the data root"),
        (HEADER + "../x,images/beach.jpg,labels/beach.png,train\n", 'has the photo id "../x", which cannot be part of a file name'),
        (HEADER + ",images/beach.jpg,labels/beach.png,train\n", 'has the photo id "", which cannot'),
        (HEADER + BEACH + BEACH, 'has the photo id "beach" once too often'),
        (HEADER + BEACH.replace("train", "training"), 'puts "beach" into split "training": choose from train, val, test'),
        (HEADER + "beach\n", "line 2 has 1 fields, expected 4"),
    ],
)
def test_a_wrong_index_gets_one_sentence(root: Path, index: str, sentence: str) -> None:
    (root / "index.csv").write_text(index)

    with pytest.raises(DataError) as caught:
        open_source("folder", root)

    assert sentence in str(caught.value)


def test_a_missing_index_gets_one_sentence(root: Path) -> None:
    (root / "index.csv").unlink()

    with pytest.raises(DataError, match=r'index\.csv" does not exist: data/README.md shows the layout'):
        open_source("folder", root)


def test_an_index_that_is_no_text_gets_one_sentence(root: Path) -> None:
    (root / "index.csv").write_bytes(b"\xff\xfe\x00id")

    with pytest.raises(DataError, match="is not UTF-8 text"):
        open_source("folder", root)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("id\n0\n", "line 1 lacks the column name"),
        ("id,name\nzero,sky\n", "line 2: id is 'zero', expected a whole number"),
    ],
)
def test_wrong_classes_get_one_sentence(root: Path, content: str, sentence: str) -> None:
    (root / "classes.csv").write_text(content)

    with pytest.raises(DataError, match=sentence):
        open_source("folder", root)


@pytest.mark.parametrize("value", [256, -1, "void"])
def test_no_object_outside_eight_bits_is_refused(root: Path, value: object) -> None:
    with pytest.raises(ParameterError, match="give the label value of pixels without object"):
        open_source("folder", root, no_object=value)


def test_a_split_without_photographs_is_refused(root: Path) -> None:
    with pytest.raises(ParameterError, match='no split "val": choose from train, test'):
        open_source("folder", root).ids("val")


def test_an_unknown_id_is_refused(root: Path) -> None:
    with pytest.raises(DataError, match=r'no photograph "\.\./beach"'):
        open_source("folder", root).load("../beach")


def test_a_missing_picture_is_named(root: Path) -> None:
    (root / "images" / "beach.jpg").unlink()

    with pytest.raises(ImageError, match=r'beach\.jpg" does not exist'):
        open_source("folder", root).load("beach")


def test_a_truncated_picture_is_named(root: Path) -> None:
    path = root / "images" / "beach.jpg"
    write(path, np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:-400])

    with pytest.raises(ImageError, match=r'beach\.jpg" is damaged or truncated'):
        open_source("folder", root).load("beach")


def test_a_label_map_of_another_size_is_refused(root: Path) -> None:
    write(root / "labels" / "beach.png", LABELS[:2])

    with pytest.raises(DataError, match='label map of "beach" is 2x5, its picture 3x5'):
        open_source("folder", root).load("beach")


def test_a_label_without_class_is_refused(root: Path) -> None:
    (root / "classes.csv").write_text("id,name\n0,sky\n1,sea\n")

    with pytest.raises(DataError, match='label map of "beach" has id 2, which is no class'):
        open_source("folder", root).load("beach")


def test_no_object_needs_no_class(root: Path) -> None:
    (root / "classes.csv").write_text("id,name\n0,sky\n1,sea\n")

    assert open_source("folder", root, no_object=2).load("beach").labels.max() == 2


@pytest.mark.parametrize(
    ("pack", "counts"),
    [
        ("ccp", {"train": 804, "test": 200}),
        ("camvid", {"train": 367, "val": 101, "test": 233}),
        ("bsds500", {"train": 200, "val": 100, "test": 200}),
    ],
)
def test_packs_have_their_published_counts(shared: Path, pack: str, counts: dict[str, int]) -> None:
    source = open_source("folder", shared / "data" / pack)

    assert {split: len(source.ids(split)) for split in source.splits()} == counts


@pytest.mark.parametrize(("pack", "size"), [("ccp", (605, 400)), ("camvid", (360, 480)), ("bsds500", (321, 481))])
def test_packs_load_at_their_published_size(shared: Path, pack: str, size: tuple[int, int]) -> None:
    source = open_source("folder", shared / "data" / pack)

    assert source.load(source.ids("train")[0]).image.shape == (*size, 3)


def test_ccp_0536_has_no_foreground(shared: Path) -> None:
    assert not open_source("folder", shared / "data" / "ccp", no_object=0).load("0536").labels.any()


@pytest.fixture
def wide(root: Path) -> Path:
    """The same two files listed as six photographs, two of one room, one of them marked."""
    rows = [("a", "train", "0", "hall"), ("b", "train", "1", "hall"), ("c", "train", "0", "yard"), ("d", "train", "0", "lane")]
    rows += [("e", "train", "0", "attic"), ("f", "test", "0", "hall")]
    lines = [f"{name},images/beach.jpg,labels/beach.png,{split},{marked},{room}\n" for name, split, marked, room in rows]
    (root / "index.csv").write_text("id,image,label,split,marked,room\n" + "".join(lines))
    return root


def splits_of(root: Path, **options: object) -> dict[str, list[str]]:
    source = open_source("folder", root, **options)
    return {split: source.ids(split) for split in source.splits()}


def test_marked_photographs_are_left_out(wide: Path) -> None:
    assert splits_of(wide, leave_out="marked") == {"train": ["a", "c", "d", "e"], "test": ["f"]}


def test_the_end_of_the_training_list_becomes_the_val_split(wide: Path) -> None:
    assert splits_of(wide, val=2) == {"train": ["a", "b", "c"], "val": ["d", "e"], "test": ["f"]}


@pytest.mark.parametrize("val", [5, -1])
def test_a_val_split_that_leaves_nothing_to_train_on_is_refused(wide: Path, val: int) -> None:
    with pytest.raises(ParameterError, match=f"val is {val}"):
        splits_of(wide, val=val)


def test_a_group_is_never_divided(wide: Path) -> None:
    assert splits_of(wide, groups="room", group_splits={"hall": "val"}) == {"train": ["c", "d", "e"], "val": ["a", "b", "f"]}


def test_a_source_that_only_tests_has_one_split(wide: Path) -> None:
    assert splits_of(wide, only_test=True) == {"test": ["a", "b", "c", "d", "e", "f"]}


def test_a_missing_group_column_is_one_sentence(wide: Path) -> None:
    with pytest.raises(DataError, match="lacks the column street"):
        splits_of(wide, groups="street", group_splits={})


@pytest.mark.parametrize("link", ["images", "images/beach.jpg", "labels/beach.png"])
def test_links_out_of_the_root_are_not_followed(root: Path, tmp_path_factory: pytest.TempPathFactory, link: str) -> None:
    outside = tmp_path_factory.mktemp("outside") / "private"
    (root / link).rename(outside)
    (root / link).symlink_to(outside)

    with pytest.raises(DataError, match="is a link that leads out of the data root: copy what it leads to"):
        open_source("folder", root)


def test_links_inside_the_root_and_to_another_disk_are_followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("disk") / "images"
    (root / "images").rename(elsewhere)
    (root / "images").symlink_to(elsewhere)
    (root / "labels" / "beach.png").unlink()
    (root / "labels" / "beach.png").symlink_to("wood.png")

    assert open_source("folder", root).load("beach").image.shape == (3, 5, 3)
