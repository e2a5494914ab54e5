"""Reading iHarmony4 trees: the genuine layout, ours, merged ones, and every mistake a tree can hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harmlib.data.pairs import Pair, hold_out, list_splits, load_pair, read_pairs
from harmlib.data.sources import open_source
from harmlib.errors import DataError, ImageError, MaskError, ParameterError, ShapeError

GRAY = np.full((4, 6, 3), 128, dtype=np.uint8)
MASK = np.zeros((4, 6), dtype=np.uint8)
MASK[:, :2] = 255


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def add_composite(folder: Path, name: str, *, suffix: str = ".jpg", mask: np.ndarray = MASK) -> None:
    """Write one composite <photo>_<object>_<variant> with its mask and real photograph into a sub-dataset."""
    photo, number, _ = name.rsplit("_", 2)
    write(folder / "composite_images" / f"{name}{suffix}", GRAY)
    write(folder / "masks" / f"{photo}_{number}.png", mask)
    write(folder / "real_images" / f"{photo}{suffix}", GRAY)


def add_list(path: Path, *names: str) -> None:
    path.write_text("".join(f"{name}\n" for name in names))


@pytest.fixture
def genuine(tmp_path: Path) -> Path:
    """Two sub-datasets as published, below a folder with "_" in its name; three test composites."""
    root = tmp_path / "my_data_v2"
    for subset, names in {"HCOCO": ("c10_7_1", "c10_7_2"), "Hday2night": ("d1048-20120628-200951_1_3",)}.items():
        for name in names:
            add_composite(root / subset, name)
        add_list(root / subset / f"{subset}_test.txt", *(f"{name}.jpg" for name in names))
    return root


def test_a_pair_holds_the_files_of_its_composite(genuine: Path) -> None:
    folder = genuine / "Hday2night"

    assert read_pairs(genuine, "test")[-1] == Pair(
        id="d1048-20120628-200951_1_3",
        subset="Hday2night",
        composite=folder / "composite_images" / "d1048-20120628-200951_1_3.jpg",
        mask=folder / "masks" / "d1048-20120628-200951_1.png",
        real=folder / "real_images" / "d1048-20120628-200951.jpg",
        regions=None,
    )


def test_sub_dataset_lists_are_joined_without_an_overall_list(genuine: Path) -> None:
    assert [(pair.subset, pair.id) for pair in read_pairs(genuine, "test")] == [
        ("HCOCO", "c10_7_1"),
        ("HCOCO", "c10_7_2"),
        ("Hday2night", "d1048-20120628-200951_1_3"),
    ]


def test_the_overall_list_decides_where_there_is_one(genuine: Path) -> None:
    add_list(genuine / "IHD_test.txt", "Hday2night/composite_images/d1048-20120628-200951_1_3.jpg", "HCOCO/composite_images/c10_7_2.jpg")

    assert [pair.id for pair in read_pairs(genuine, "test")] == ["d1048-20120628-200951_1_3", "c10_7_2"]


def test_subsets_choose_sub_datasets(genuine: Path) -> None:
    assert [pair.subset for pair in read_pairs(genuine, "test", ["Hday2night"])] == ["Hday2night"]


def test_a_sub_dataset_that_is_not_chosen_may_be_absent(genuine: Path) -> None:
    add_list(genuine / "IHD_test.txt", "HAdobe5k/composite_images/a1_1_1.jpg", "HCOCO/composite_images/c10_7_2.jpg")

    assert [pair.id for pair in read_pairs(genuine, "test", ["HCOCO"])] == ["c10_7_2"]


def test_our_trees_have_png_composites_and_region_maps(tmp_path: Path) -> None:
    add_composite(tmp_path / "camvid", "0001TP-006690-degraded1_1_1", suffix=".png")
    write(tmp_path / "camvid" / "regions" / "0001TP-006690-degraded1_1.png", MASK)
    add_list(tmp_path / "camvid" / "camvid_train.txt", "0001TP-006690-degraded1_1_1.png")

    (pair,) = read_pairs(tmp_path, "train")

    assert pair.regions == tmp_path / "camvid" / "regions" / "0001TP-006690-degraded1_1.png"


def test_a_merged_tree_with_bare_names_is_read(tmp_path: Path) -> None:
    add_composite(tmp_path, "c10_7_1")
    add_list(tmp_path / "IHD_test.txt", "c10_7_1.jpg")

    (pair,) = read_pairs(tmp_path, "test")

    assert (pair.subset, pair.real) == (tmp_path.name, tmp_path / "real_images" / "c10.jpg")


def test_lists_of_jpg_names_fit_a_png_copy(tmp_path: Path) -> None:
    add_composite(tmp_path / "HCOCO", "c10_7_1", suffix=".png")
    add_list(tmp_path / "HCOCO" / "HCOCO_test.txt", "c10_7_1.jpg")

    assert read_pairs(tmp_path, "test")[0].composite.name == "c10_7_1.png"


def test_only_splits_with_lists_are_there(genuine: Path) -> None:
    assert list_splits(genuine) == ("test",)


def test_a_missing_split_names_the_lists_it_expects(genuine: Path) -> None:
    with pytest.raises(DataError, match=r"no list of val composites: expected IHD_val\.txt"):
        read_pairs(genuine, "val")


def test_an_unknown_split_is_refused(genuine: Path) -> None:
    with pytest.raises(ParameterError, match='split is "validation": choose from train, val, test'):
        read_pairs(genuine, "validation")


def test_unknown_sub_datasets_are_named(genuine: Path) -> None:
    with pytest.raises(DataError, match="name no composite of HFlickr"):
        read_pairs(genuine, "test", ["HFlickr"])


@pytest.mark.parametrize("folder", ["composite_images", "masks", "real_images"])
def test_a_missing_file_is_named(genuine: Path, folder: str) -> None:
    next((genuine / "Hday2night" / folder).iterdir()).unlink()

    with pytest.raises(DataError, match=rf'{folder}/d1048\S* is missing, the \w.* of "d1048-20120628-200951_1_3"'):
        read_pairs(genuine, "test")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("../HCOCO/composite_images/c10_7_1.jpg", "lies outside the data root"),
        ("/data/HCOCO/composite_images/c10_7_1.jpg", "lies outside the data root"),
        ("..\\c10_7_1.jpg", "lies outside the data root"),
        ("C:/c10_7_1.jpg", "lies outside the data root"),
        ("c10.jpg", "is not named <photo>_<object>_<variant>"),
        ("c10_7_1.jpg\nc10_7_1.jpg", 'lists "c10_7_1.jpg" twice'),
        ("", "is empty"),
    ],
)
def test_a_wrong_list_gets_one_sentence(genuine: Path, line: str, sentence: str) -> None:
    add_list(genuine / "HCOCO" / "HCOCO_test.txt", line)

    with pytest.raises(DataError) as caught:
        read_pairs(genuine, "test")

    assert sentence in str(caught.value)


def test_a_loaded_pair_has_the_documented_kinds(genuine: Path) -> None:
    arrays = load_pair(read_pairs(genuine, "test")[0])

    assert {name: (array.shape, array.dtype.name) for name, array in arrays.items()} == {
        "composite": ((4, 6, 3), "uint8"),
        "target": ((4, 6, 3), "uint8"),
        "mask": ((4, 6), "bool"),
    }


def test_a_mask_of_three_channels_is_the_same_mask(genuine: Path) -> None:
    write(genuine / "HCOCO" / "masks" / "c10_7.png", np.dstack([MASK] * 3))

    np.testing.assert_array_equal(load_pair(read_pairs(genuine, "test")[0])["mask"], MASK > 0)


def test_a_mask_of_another_size_is_refused(genuine: Path) -> None:
    write(genuine / "HCOCO" / "masks" / "c10_7.png", MASK[:3])

    with pytest.raises(MaskError, match='mask of "c10_7_1" is 3x6, its composite 4x6'):
        load_pair(read_pairs(genuine, "test")[0])


def test_a_real_photograph_of_another_size_is_refused(genuine: Path) -> None:
    write(genuine / "HCOCO" / "real_images" / "c10.jpg", GRAY[:, :5])

    with pytest.raises(ShapeError, match='real photograph of "c10_7_1" is 4x5, its composite 4x6'):
        load_pair(read_pairs(genuine, "test")[0])


def test_a_truncated_composite_is_named(genuine: Path) -> None:
    path = genuine / "HCOCO" / "composite_images" / "c10_7_1.jpg"
    path.write_bytes(path.read_bytes()[:300])

    with pytest.raises(ImageError, match=r"c10_7_1\.jpg"):
        load_pair(read_pairs(genuine, "test")[0])


def test_objects_become_regions_with_the_smaller_one_on_top(tmp_path: Path) -> None:
    small = np.zeros_like(MASK)
    small[0, 0] = 255
    add_composite(tmp_path / "HCOCO", "c10_2_1", mask=small)
    add_composite(tmp_path / "HCOCO", "c10_10_1", mask=MASK)
    add_list(tmp_path / "HCOCO" / "HCOCO_train.txt", "c10_10_1.jpg", "c10_2_1.jpg")

    photo = open_source("iharmony4", tmp_path).load("c10")

    np.testing.assert_array_equal(photo.labels, np.where(small, 1, np.where(MASK, 2, 0)))


def test_a_photograph_with_several_composites_is_one_photograph(genuine: Path) -> None:
    assert open_source("iharmony4", genuine).ids("test") == ["c10", "d1048-20120628-200951"]


def test_a_source_can_be_limited_to_sub_datasets(genuine: Path) -> None:
    assert open_source("iharmony4", genuine, subsets=["HCOCO"]).ids("test") == ["c10"]


def test_two_photographs_of_one_name_are_refused(genuine: Path) -> None:
    add_composite(genuine / "Hday2night", "c10_1_1")
    add_list(genuine / "Hday2night" / "Hday2night_test.txt", "c10_1_1.jpg")

    with pytest.raises(DataError, match="have the same name: choose sub-datasets"):
        open_source("iharmony4", genuine)


def test_an_object_mask_of_another_size_is_refused(genuine: Path) -> None:
    write(genuine / "HCOCO" / "masks" / "c10_7.png", MASK[:3])

    with pytest.raises(DataError, match=r'c10_7\.png" is 3x6, its photograph "c10\.jpg" 4x6'):
        open_source("iharmony4", genuine).load("c10")


def test_a_folder_without_lists_is_no_iharmony4_tree(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no list files such as"):
        open_source("iharmony4", tmp_path)


def test_the_genuine_sample_tree_reads_five_pairs(shared: Path) -> None:
    pairs = read_pairs(shared / "data" / "iharmony4_samples" / "iHarmony4", "test")

    assert [pair.id for pair in pairs] == [
        "a0002_1_4",
        "c35030_434421_gct",
        "c35030_434421_gctrgb",
        "c35030_434421_hgm",
        "c35030_434421_idt",
    ]


def test_a_genuine_pair_has_its_published_error(shared: Path) -> None:
    folder = shared / "data" / "iharmony4_samples"
    published = {row.split(",")[2].split("/")[-1]: row for row in (folder / "index.csv").read_text().splitlines()}
    header = (folder / "index.csv").read_text().splitlines()[0].split(",")
    pair = read_pairs(folder / "iHarmony4", "test", ["HCOCO"])[0]
    expected = dict(zip(header, published[pair.composite.name].split(","), strict=False))["mse_composite"]

    arrays = load_pair(pair)

    error = np.mean((arrays["composite"].astype(float) - arrays["target"]) ** 2)
    assert error == pytest.approx(float(expected), abs=0.01)


def pairs_of(photos: int, variants: int) -> list[Pair]:
    nowhere = Path("nowhere")
    return [Pair(f"c{photo}_1_{variant}", "HCOCO", nowhere, nowhere, nowhere) for variant in range(variants) for photo in range(photos)]


def test_photographs_are_held_out_whole_and_the_seed_decides_which() -> None:
    pairs = pairs_of(50, 3)

    kept, held = hold_out(pairs, 0.1, seed=1)

    photos = [{pairs[index].id.split("_")[0] for index in side} for side in (kept, held)]
    assert sorted([*kept, *held]) == list(range(150))
    assert photos[0].isdisjoint(photos[1])
    assert len(photos[1]) == 5
    assert hold_out(pairs, 0.1, seed=1) == (kept, held)
    assert hold_out(pairs, 0.1, seed=2) != (kept, held)


def test_one_photograph_cannot_be_shared_out() -> None:
    with pytest.raises(DataError, match=r"1 photographs cannot give 0\.5 of them to a validation"):
        hold_out(pairs_of(1, 4), 0.5, seed=1)


@pytest.mark.parametrize(
    "link", ["HCOCO/masks", "HCOCO/masks/c10_7.png", "HCOCO/real_images/c10.jpg", "HCOCO/composite_images/c10_7_1.jpg"]
)
def test_links_out_of_the_tree_are_not_followed(genuine: Path, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    (genuine / link).rename(outside)
    (genuine / link).symlink_to(outside)

    with pytest.raises(DataError, match="is a link that leads out of the data root"):
        read_pairs(genuine, "test")


def test_a_sub_dataset_may_lie_on_another_disk(genuine: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (genuine / "HCOCO").rename(tmp_path / "disk" / "HCOCO")
    (genuine / "HCOCO").symlink_to(tmp_path / "disk" / "HCOCO")

    assert len(read_pairs(genuine, "test")) == 3
