from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from harmlib.data.benchmarks import BenchmarkPlan, build_benchmark
from harmlib.data.built import counts_table, replay
from harmlib.data.composers import base as composers
from harmlib.data.composers import regions
from harmlib.data.pairs import read_pairs
from harmlib.errors import DataError, DiskSpaceError, ParameterError
from harmlib.io.images import read_image, read_labels
from harmlib.io.masks import read_mask

PLAN = BenchmarkPlan("mini", "sgmmh", "mini", "HScene", ("mini",), ("train", "test"), {"train": 2, "test": 3})


def content(root: Path) -> dict[str, bytes]:
    """All files of a benchmark but the manifest, which holds times."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture
def built(tmp_path, folder_source):
    build_benchmark(PLAN, {"mini": folder_source}, tmp_path / "built", seed=5)
    return tmp_path / "built"


def test_every_composite_has_its_mask_regions_and_photograph(built):
    pairs = read_pairs(built, "test")

    assert len(pairs) == 6
    for pair in pairs:
        composite, target, mask, regions = (
            read_image(pair.composite),
            read_image(pair.real),
            read_mask(pair.mask),
            read_labels(pair.regions),
        )
        assert composite.shape == target.shape
        assert np.array_equal(regions > 0, mask)


def test_the_background_of_a_composite_is_untouched(built):
    table = pd.read_csv(built / "composites.csv", dtype=str)
    sharp = table[table["degraded"] == "False"]

    for row in sharp.to_dict("records"):
        composite, target, mask = (built / row["subset"] / row[name] for name in ("composite", "real", "mask"))
        outside = ~read_mask(mask)
        assert np.array_equal(read_image(composite)[outside], read_image(target)[outside])


def test_names_follow_iharmony4_without_underscores_in_the_photo(built):
    names = pd.read_csv(built / "composites.csv")["id"]

    assert all(name.count("_") == 2 for name in names)
    assert "p-0_1_1" in set(names)


def test_composites_that_were_not_made_are_counted_with_their_reason(built):
    counts = json.loads((built / "manifest.json").read_text())["counts"]["mini"]

    assert counts["train"] == {"photographs": 4, "used": 3, "composites": 6, "skipped": {composers.NO_REGION: 2}}
    assert counts["test"]["used"] == 2


def test_the_counts_table_has_one_row_per_split(built):
    table = counts_table({"mini": json.loads((built / "manifest.json").read_text())})

    assert table["split"].tolist() == ["train", "test"]
    assert table["skipped"].tolist() == [f"{composers.NO_REGION}: 2", "none"]


def test_splits_that_stay_online_are_counted_too(tmp_path, folder_source):
    plan = BenchmarkPlan("mini", "sgmmh", "mini", "HScene", ("mini",), ("test",))

    manifest = build_benchmark(plan, {"mini": folder_source}, tmp_path / "built", seed=5)

    assert manifest["counts"]["mini"]["train"] == {"photographs": 4, "used": 3, "composites": 0, "skipped": {composers.NO_REGION: 1}}


@pytest.mark.slow
def test_workers_do_not_change_a_byte(tmp_path, folder_source, built):
    build_benchmark(PLAN, {"mini": folder_source}, tmp_path / "parallel", seed=5, workers=2)

    assert content(tmp_path / "parallel") == content(built)


def test_another_seed_makes_other_composites(tmp_path, folder_source, built):
    build_benchmark(PLAN, {"mini": folder_source}, tmp_path / "other", seed=6)

    assert content(tmp_path / "other") != content(built)


def test_a_finished_benchmark_is_not_built_again(built, folder_source):
    before = (built / "manifest.json").stat().st_mtime_ns

    build_benchmark(PLAN, {"mini": folder_source}, built, seed=5)

    assert (built / "manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "name", ["IHD_train.txt", "mini/mini_test.txt", "composites.csv", "*/composite_images/*", "*/masks/*", "*/real_images/*"]
)
def test_a_benchmark_that_has_lost_a_file_or_has_another_is_built_again(built, folder_source, name):
    before, path = content(built), sorted(built.glob(name))[0]
    for damage in (path.unlink, lambda: path.write_bytes(b""), lambda: path.write_bytes(b"of something else")):
        damage()
        assert content(built) != before

        build_benchmark(PLAN, {"mini": folder_source}, built, seed=5)

        assert content(built) == before


def test_changed_settings_replace_the_benchmark(built, folder_source):
    build_benchmark(BenchmarkPlan("mini", "sgmmh", "mini", "HScene", ("mini",), ("test",)), {"mini": folder_source}, built, seed=5)

    assert not (built / "mini" / "mini_train.txt").exists()
    assert len(read_pairs(built, "test")) == 2


def test_a_folder_of_other_files_is_not_emptied(tmp_path, folder_source):
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "thesis.tex").write_text("mine")

    with pytest.raises(DataError, match=r'pairs" holds files that no benchmark made'):
        build_benchmark(PLAN, {"mini": folder_source}, tmp_path / "pairs", seed=5)
    assert (tmp_path / "pairs" / "thesis.tex").read_text() == "mine"


def test_a_recipe_replays_its_composite_to_the_byte(built, folder_source):
    for pair in read_pairs(built, "train"):
        again = replay(built, pair.id, folder_source)

        assert np.array_equal(again.image, read_image(pair.composite))
        assert np.array_equal(again.target, read_image(pair.real))


def test_replaying_an_unknown_composite_is_one_sentence(built, folder_source):
    with pytest.raises(ParameterError, match='has no composite "nothing_1_1" in "mini"'):
        replay(built, "nothing_1_1", folder_source)


@pytest.mark.slow
def test_a_degraded_target_is_a_photograph_of_its_own(tmp_path, folder_source):
    plan = BenchmarkPlan("mini", "sgmmh", "mini", "HScene", ("mini",), ("train",), {"train": 60})
    build_benchmark(plan, {"mini": folder_source}, tmp_path / "many", seed=5)

    table = pd.read_csv(tmp_path / "many" / "composites.csv")
    degraded = table[table["degraded"]]

    assert 0.01 < len(degraded) / len(table) < 0.12  # probability 0.05, 180 draws
    assert all("-degraded" in real for real in degraded["real"])
    assert all(str(name).rsplit("_", 2)[0] + ".png" == Path(real).name for name, real in zip(degraded["id"], degraded["real"], strict=True))


def test_too_small_a_disk_is_noticed_before_the_work(tmp_path, folder_source, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))

    with pytest.raises(DiskSpaceError, match="its disk has 0 MiB left"):
        build_benchmark(PLAN, {"mini": folder_source}, tmp_path / "built", seed=5)

    assert not list(tmp_path.glob("built/mini"))


def test_objects_never_carry_id_zero(folder_source):
    photo = folder_source.load("p_0")
    void = int(photo.labels[-1, -1])

    labels = regions.object_labels(photo, void)

    assert np.array_equal(labels == 0, photo.labels == void)
    assert len(np.unique(labels)) == len(np.unique(photo.labels))


BUILD = """
import sys
from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.data.benchmarks import build_benchmark
from harmlib.data.sources import open_source
if __name__ == "__main__":
    source = open_source("folder", sys.argv[1], no_object=0)
    source.name = "mini"
    plan = BenchmarkPlan("mini", "sgmmh", "mini", "HScene", ("mini",), ("train", "test"), {"train": 40, "test": 40})
    build_benchmark(plan, {"mini": source}, sys.argv[2], seed=5, workers=int(sys.argv[3]))
"""


def run_build(source: Path, root: Path, *, workers: int, kill_after: float | None = None) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(source), str(root), str(workers)], start_new_session=True, stderr=subprocess.DEVNULL
    )
    if kill_after is None:
        assert process.wait() == 0
        return
    while not (root / ".records" / "mini").exists():
        time.sleep(0.01)
    time.sleep(kill_after)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_a_killed_build_ends_in_the_same_bytes(tmp_path, folder_source):
    source = tmp_path / "mini"
    run_build(source, tmp_path / "whole", workers=0)

    run_build(source, tmp_path / "killed", workers=0, kill_after=0.15)
    interrupted = not (tmp_path / "killed" / "manifest.json").exists()
    run_build(source, tmp_path / "killed", workers=0)

    assert interrupted
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
