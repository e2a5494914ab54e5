from __future__ import annotations

import numpy as np
import pytest
import torch

from harmlib.color import rgb_to_lab8
from harmlib.data.benchmarks import BenchmarkPlan, build_benchmark
from harmlib.data.datasets import OnlineComposites, ResizedSource, StoredPairs, VisitBatches
from harmlib.data.loading import load_batches
from harmlib.data.packed import PackedPairs, PairResizer
from harmlib.data.pairs import load_pair, read_pairs
from harmlib.data.rows import CHUNK
from harmlib.data.shrunk import shrink_pairs
from harmlib.errors import DataError, DiskSpaceError, ParameterError
from harmlib.io.images import read_image, to_tensor


@pytest.fixture
def small_source(folder_source, tmp_path):
    return ResizedSource(folder_source, "train", tmp_path / "cache", size=32)


def same(first, second):
    return all(torch.equal(first[name], second[name]) if torch.is_tensor(first[name]) else first[name] == second[name] for name in first)


def test_a_resized_source_keeps_ids_and_labels(folder_source, small_source):
    photo, original = small_source.load("p_0"), folder_source.load("p_0")

    assert photo.image.shape == (32, 32, 3)
    assert set(np.unique(photo.labels)) <= set(np.unique(original.labels))
    assert small_source.ids("train") == folder_source.ids("train")


def test_a_resized_source_is_decoded_once(folder_source, tmp_path, small_source):
    before = small_source.load("p_0").image
    picture = tmp_path / "mini" / "images" / "p_0.png"
    picture.write_bytes(bytes(picture.stat().st_size))  # of the same size, but no picture any more

    again = ResizedSource(folder_source, "train", tmp_path / "cache", size=32).load("p_0").image

    assert np.array_equal(again, before)


def test_a_photograph_without_regions_is_left_out(small_source):
    dataset = OnlineComposites([small_source], "sgmmh", seed=1, size=32)

    assert len(dataset) == len(small_source.ids("train")) - 1


def test_no_usable_photograph_is_one_sentence(small_source, monkeypatch):
    monkeypatch.setattr(small_source, "_ids", ["p_1"])

    with pytest.raises(DataError, match="none of the photographs of mini has a labeled region"):
        OnlineComposites([small_source], "sgmmh", seed=1, size=32)


def test_a_visit_repeats_and_the_next_one_differs(small_source):
    dataset = OnlineComposites([small_source], "sgmmh", seed=1, size=32)

    assert same(dataset[0, 3], dataset[0, 3])
    assert not same(dataset[0, 3], dataset[0, 4])


def test_entries_have_the_documented_shapes_and_ranges(small_source):
    entry = OnlineComposites([small_source], "sgmmh", seed=1, size=32)[0, 0]

    assert entry["composite"].shape == entry["target"].shape == (3, 32, 32)
    assert entry["mask"].shape == (1, 32, 32)
    assert 0 <= entry["composite"].min() <= entry["composite"].max() <= 1


def test_lab_entries_agree_with_their_pictures(small_source):
    entry = OnlineComposites([small_source], "sgmmh", seed=1, size=32, space="lab")[0, 0]

    codes = rgb_to_lab8((entry["target"].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
    difference = np.abs(codes.astype(int) - (entry["target_lab"].permute(1, 2, 0).numpy() * 255).round().astype(int))

    # LAB -> RGB -> LAB in 8 bit is not exact; a swapped channel or a wrong scale would be off by tens of codes.
    assert np.mean(difference) < 2


def test_perturbing_at_the_original_size_resizes_the_composite_unrounded(folder_source):
    entry = OnlineComposites([folder_source], "sgmmh", seed=1, size=32)[0, 0]
    levels = entry["composite"] * 255

    assert entry["composite"].shape == (3, 32, 32)
    assert (levels - levels.round()).abs().max() > 1e-3


def test_augmented_composites_are_the_same_composites_turned(small_source):
    plain, flipped = (
        OnlineComposites([small_source], "sgmmh", seed=1, size=32, augmentations=names) for names in ((), ["flip", "flip_vertical"])
    )

    turns = set()
    for visit in range(12):
        before, after = plain[0, visit], flipped[0, visit]
        turn = next(axes for axes in ((), (1,), (2,), (1, 2)) if torch.equal(after["mask"], before["mask"].flip(axes)))
        assert torch.equal(after["composite"], before["composite"].flip(turn))
        turns.add(turn)
    assert len(turns) > 2


def test_a_composer_that_drops_composites_is_not_for_training_online(small_source):
    with pytest.raises(ParameterError, match='"iharmony4" drops some of its composites: build the benchmark'):
        OnlineComposites([small_source], "iharmony4", seed=1)


@pytest.fixture
def stored(folder_source, tmp_path):
    build_benchmark(BenchmarkPlan("mini", "sgmmh", "mini", "HScene", ("mini",)), {"mini": folder_source}, tmp_path / "b", seed=5)
    return read_pairs(tmp_path / "b", "train")


def resizer(size=32, *, antialias=True, soft_masks=False):
    return PairResizer(size, antialias=antialias, soft_masks=soft_masks)


def test_stored_pairs_are_read_at_the_training_size(stored):
    entry = StoredPairs(stored, resizer())[1, 0]

    assert entry["composite"].shape == (3, 32, 32)
    assert set(entry["mask"].unique().tolist()) <= {0.0, 1.0}


def test_soft_masks_of_stored_pairs_have_soft_edges(stored):
    assert len(StoredPairs(stored, resizer(33, soft_masks=True))[1, 0]["mask"].unique()) > 2


def test_stored_pairs_are_resized_without_antialiasing_on_request(stored):
    smooth, plain = (StoredPairs(stored, resizer(8, antialias=antialias))[1, 0] for antialias in (True, False))

    picture = read_image(stored[1].real)
    expected = torch.nn.functional.interpolate(to_tensor(picture)[None], (8, 8), mode="bilinear", align_corners=False)[0]
    assert (plain["target"] - expected).abs().max() <= 1 / 255
    assert (smooth["target"] - expected).abs().max() > 1 / 255


def test_every_visit_of_a_stored_pair_is_augmented_anew_and_repeats(stored):
    pairs, again = (StoredPairs(stored, resizer(), seed=3, augmentations=["rotate90", "flip"]) for _ in range(2))

    visits = [pairs[1, visit]["composite"] for visit in range(8)]

    assert len({visit.numpy().tobytes() for visit in visits}) > 2
    assert torch.equal(again[1, 5]["composite"], visits[5])


@pytest.mark.parametrize("soft_masks", [False, True])
@pytest.mark.parametrize("antialias", [False, True])
def test_packed_pairs_are_the_same_bytes_as_pairs_resized_at_every_visit(stored, tmp_path, soft_masks, antialias):
    how = resizer(31, antialias=antialias, soft_masks=soft_masks)
    packed = PackedPairs(stored, tmp_path / "cache", "mini", how)

    read, quick = (StoredPairs(stored, how, augmentations=["rotate90", "flip"], packed=source) for source in (None, packed))

    for key in ((index, visit) for index in range(len(stored)) for visit in range(6)):
        assert same(read[key], quick[key])


@pytest.mark.slow
def test_packed_pairs_do_not_depend_on_the_number_of_processes(stored, tmp_path):
    many = stored * 20  # more than one process is given at a time

    files = []
    for workers in (0, 2):
        PackedPairs(many, tmp_path / str(workers), "mini", resizer(16), bright_half, workers=workers)
        files += (tmp_path / str(workers)).iterdir()

    assert len(many) > CHUNK
    assert files[0].read_bytes() == files[1].read_bytes()


def test_pairs_that_the_disk_cannot_hold_are_refused_before_any_is_decoded(stored, tmp_path):
    with pytest.raises(DiskSpaceError, match="free some space"):
        PackedPairs(stored * 100, tmp_path, "mini", resizer(2**20))


def test_only_large_pairs_are_shrunk_and_only_once(stored, tmp_path):
    height, width = read_image(stored[0].composite).shape[:2]
    longest = max(height, width) // 2

    assert shrink_pairs(stored, tmp_path / "s", longest=max(max(read_image(pair.composite).shape) for pair in stored)) == stored
    shrunk = shrink_pairs(stored, tmp_path / "s", longest=longest)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("*.*")}

    assert shrink_pairs(stored, tmp_path / "s", longest=longest) == shrunk
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("*.*")} == before
    small, large = load_pair(shrunk[0]), load_pair(stored[0])
    assert max(small["mask"].shape) == longest
    assert small["composite"].shape == small["target"].shape == (*small["mask"].shape, 3)
    assert small["mask"].mean() == pytest.approx(large["mask"].mean(), abs=0.02)
    assert small["target"].mean() == pytest.approx(large["target"].mean(), abs=1)


def bright_half(composite, mask):
    """Two submasks: the darker and the brighter pixels."""
    return np.where(mask, 1 + (composite[..., 0] > 100), 0).astype(np.uint8)


def test_full_size_pairs_come_as_the_augmentations_leave_them(stored):
    dataset = StoredPairs(stored, resizer(), augmentations=["side_crop"], full_size=True)

    (batch,) = load_batches(dataset, VisitBatches(len(dataset), 2, seed=1, first=0, last=1), workers=0)

    sizes = [photograph["composite"].shape[1:] for photograph in batch["full"]]
    assert sizes[0] != sizes[1]
    for photograph, size, small in zip(batch["full"], sizes, batch["composite"], strict=True):
        assert {name: tuple(values.shape) for name, values in photograph.items()} == {
            "composite": (3, *size),
            "target": (3, *size),
            "mask": (1, *size),
        }
        resized = resizer().picture((255 * photograph["composite"]).round().byte().permute(1, 2, 0).numpy())
        assert torch.equal(to_tensor(resized), small)


def test_submasks_are_found_on_what_the_network_sees(stored):
    entry = StoredPairs(stored, resizer(), augmentations=["random_crop", "flip"], labeler=bright_half)[1, 4]

    composite = (entry["composite"] * 255).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(entry["submasks"][0].numpy(), bright_half(composite, entry["mask"][0].numpy() > 0))


def test_packed_submasks_go_through_the_augmentations(stored, tmp_path):
    packed = PackedPairs(stored, tmp_path / "cache", "mini", resizer(), bright_half)

    entries = [StoredPairs(stored, resizer(), augmentations=["flip"], packed=packed, labeler=bright_half)[1, visit] for visit in range(8)]

    for entry in entries:  # flips lose nothing, so labels found before and after one agree
        composite = (entry["composite"] * 255).round().byte().permute(1, 2, 0).numpy()
        assert np.array_equal(entry["submasks"][0].numpy(), bright_half(composite, entry["mask"][0].numpy() > 0))
    assert len({entry["submasks"].numpy().tobytes() for entry in entries}) == 2


def test_packed_pairs_of_another_kind_get_a_file_of_their_own(stored, tmp_path):
    for size, identity in ((16, "a"), (16, "a"), (16, "b"), (24, "a")):
        PackedPairs(stored, tmp_path / "cache", identity, resizer(size))

    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_an_epoch_visits_every_item_once_and_drops_the_incomplete_batch():
    batches = list(VisitBatches(10, 3, seed=1, first=0, last=6))

    first = [index for batch in batches[:3] for index, _ in batch]
    assert len(set(first)) == 9
    assert {visit for batch in batches[:3] for _, visit in batch} == {0}
    assert {visit for batch in batches[3:] for _, visit in batch} == {1}


def test_fewer_items_than_a_batch_still_fill_it():
    batches = list(VisitBatches(2, 5, seed=1, first=0, last=2))

    assert [len(batch) for batch in batches] == [5, 5]
    assert [visit for _, visit in batches[0]] == [0, 0, 1, 1, 2]


def test_a_resumed_order_goes_on_where_it_stopped():
    whole = list(VisitBatches(10, 3, seed=1, first=0, last=9))

    assert list(VisitBatches(10, 3, seed=1, first=4, last=9)) == whole[4:]


def test_devices_share_one_order():
    whole = list(VisitBatches(12, 4, seed=1, first=0, last=3))
    parts = [list(VisitBatches(12, 4, seed=1, first=0, last=3, rank=rank, devices=2)) for rank in range(2)]

    for batch, left, right in zip(whole, *parts, strict=True):
        assert sorted(batch) == sorted(left + right)


def test_groups_of_a_batch_are_the_same_on_one_device_and_on_several():
    alone = list(VisitBatches(24, 8, seed=1, first=0, last=2, parts=4))
    ranks = [list(VisitBatches(24, 8, seed=1, first=0, last=2, rank=rank, devices=2, parts=2)) for rank in range(2)]

    assert alone == [*ranks[0][:2], *ranks[1][:2], *ranks[0][2:], *ranks[1][2:]]


def test_a_batch_that_devices_cannot_share_alike_is_refused():
    with pytest.raises(ParameterError, match="3 devices cannot share a batch of 4 alike"):
        VisitBatches(12, 4, seed=1, first=0, last=3, devices=3)


@pytest.mark.slow
def test_workers_do_not_change_the_batches(small_source):
    dataset = OnlineComposites([small_source], "sgmmh", seed=1, size=32)

    alone, helped = (
        list(load_batches(dataset, VisitBatches(len(dataset), 2, seed=1, first=0, last=3), workers=workers)) for workers in (0, 2)
    )

    assert all(same(first, second) for first, second in zip(alone, helped, strict=True))
