"""Scoring methods on pairs and folders of results: rows, protocols, interruption, bad files."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from harmlib import models
from harmlib.data.pairs import Pair, load_pair
from harmlib.errors import DataError, ImageError, MaskError, ShapeError
from harmlib.evaluation import batches
from harmlib.evaluation.methods import ScoreJob, score_folder, score_method, score_methods
from harmlib.io.images import read_image, resize, write_png
from harmlib.io.masks import read_mask
from harmlib.metrics.protocols import PROTOCOLS
from harmlib.metrics.scoring import score_pair
from harmlib.models.base import HarmonizationModel, Prediction

BATCH = 3  # pictures, here: three batches then take eight
PAIRS = 2 * BATCH + 2


class Brighter(HarmonizationModel):
    """Adds a tenth to the whole picture, at a working size of its own, from level 0 upwards."""

    name = "brighter"
    working_size = 64

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the brighter picture."""
        return Prediction((composite + 0.1).clamp(0, 1))


class MaskShower(HarmonizationModel):
    """Shows in white where its mask is gray."""

    name = "mask_shower"

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return white where the mask is neither 0 nor 1."""
        assert mask is not None
        return Prediction(((mask > 0) & (mask < 1)).to(composite).expand_as(composite))


class Mortal(Brighter):
    """Dies by SIGKILL when it sees its second batch."""

    batches = 0

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the brighter picture once."""
        if self.batches == 1:
            os.kill(os.getpid(), 9)
        self.batches += 1
        return super().predict(composite, mask)


def write_pairs(root: Path, count: int = PAIRS) -> list[Pair]:
    """Write small pairs that differ in size and content, the same at every call."""
    generator = np.random.default_rng(7)
    pairs = []
    for index in range(count):
        height, width = 20 + index, 30
        target = np.kron(generator.integers(30, 200, (height, 3, 3)), np.ones((1, 10, 1))).astype(np.uint8)
        mask = np.zeros((height, width), dtype=np.uint8)
        mask[4:16, 5:25] = 255
        composite = np.where(mask[..., None] > 0, target - 20, target)
        pair = Pair(
            f"p{index}_1_1", "HScene", *(root / part / f"p{index}{end}.png" for part, end in (("c", "_1_1"), ("m", "_1"), ("r", "")))
        )
        for path, array in ((pair.composite, composite), (pair.mask, mask), (pair.real, target)):
            write_png(path, array)
        pairs.append(pair)
    return pairs


@pytest.fixture(scope="module", autouse=True)
def small_batches() -> Iterator[None]:
    """Let methods see a few pictures at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH_SIZE", BATCH)
        yield


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    return write_pairs(tmp_path / "data")


@pytest.fixture
def folders(pairs: list[Pair]) -> tuple[Path, Path, Path]:
    """Predictions (the composites), real photographs and masks."""
    return pairs[0].composite.parent, pairs[0].real.parent, pairs[0].mask.parent


@pytest.mark.slow
def test_one_row_per_image(pairs: list[Pair], tmp_path: Path) -> None:
    scores = score_method(models.create("composite"), pairs, "harmlib", tmp_path / "scores.csv", benchmark="tiny")

    assert sorted(scores["id"]) == sorted(pair.id for pair in pairs)
    assert set(scores["method"]) == {"composite"}


def test_composite_is_scored_as_the_file_it_is(pairs: list[Pair], tmp_path: Path) -> None:
    scores = score_method(models.create("composite"), pairs[:1], "harmlib", tmp_path / "scores.csv", benchmark="tiny")

    alone = score_pair(read_image(pairs[0].composite), read_image(pairs[0].real), read_mask(pairs[0].mask))
    assert scores.loc[0, ["mse", "fmse", "psnr", "ssim"]].tolist() == pytest.approx(
        [alone[name] for name in ("mse", "fmse", "psnr", "ssim")], rel=1e-6
    )


def jobs_of(folder: Path) -> list[ScoreJob]:
    return [
        ScoreJob("composite", folder / "composite.csv", lambda: models.create("composite")),
        ScoreJob("brighter", folder / "b.csv", Brighter),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["harmlib", "harmonizer_full"])
def test_methods_scored_together_have_the_bytes_of_each_alone(protocol: str, pairs: list[Pair], tmp_path: Path) -> None:
    score_methods(jobs_of(tmp_path / "together"), pairs, protocol, benchmark="tiny")

    for job in jobs_of(tmp_path / "alone"):
        score_method(job.load(), pairs, protocol, job.path, benchmark="tiny", method=job.method)
        assert job.path.read_bytes() == (tmp_path / "together" / job.path.name).read_bytes()


@pytest.mark.slow
def test_a_pair_is_read_once_for_all_methods(pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(batches, "load_pair", lambda pair: read.append(pair.id) or load_pair(pair))

    score_methods(jobs_of(tmp_path), pairs, "harmlib", benchmark="tiny")

    assert sorted(read) == sorted(pair.id for pair in pairs)


def test_methods_go_on_where_each_of_them_stopped(pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = jobs_of(tmp_path / "whole"), jobs_of(tmp_path / "cut")
    score_methods(whole, pairs, "harmonizer_full", benchmark="tiny")
    for job, rows in zip(cut, (len(pairs), 2), strict=True):  # the first is complete, the second has two pictures
        job.path.parent.mkdir(exist_ok=True)
        lines = (tmp_path / "whole" / job.path.name).read_text().splitlines(keepends=True)
        job.path.write_text("".join(lines[: 1 + rows]))
    read: list[str] = []
    monkeypatch.setattr(batches, "load_pair", lambda pair: read.append(pair.id) or load_pair(pair))
    cut[0] = dataclasses.replace(cut[0], load=pytest.fail)

    score_methods(cut, pairs, "harmonizer_full", benchmark="tiny")

    assert len(read) == len(pairs) - 2
    for job in cut:
        assert job.path.read_bytes() == (tmp_path / "whole" / job.path.name).read_bytes()


def test_size_and_ratio_are_those_of_the_files(pairs: list[Pair], tmp_path: Path) -> None:
    scores = score_method(models.create("composite"), pairs[:1], "harmlib", tmp_path / "scores.csv", benchmark="tiny")

    assert scores.loc[0, ["height", "width", "foreground_ratio"]].tolist() == pytest.approx([20, 30, 0.4])


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_every_protocol_scores_a_method(name: str, pairs: list[Pair], tmp_path: Path) -> None:
    scores = score_method(Brighter(), pairs[:3], name, tmp_path / "scores.csv", benchmark="tiny")

    assert np.isfinite(scores[[metric for metric in PROTOCOLS[name].metrics if metric != "lpips"]].to_numpy()).all()


def test_background_is_pasted_for_a_method_that_gets_the_mask(pairs: list[Pair], tmp_path: Path) -> None:
    scores = score_method(Brighter(), pairs[:1], "harmonizer_full", tmp_path / "scores.csv", benchmark="tiny")

    assert scores.loc[0, "mse"] == pytest.approx(scores.loc[0, "fmse"] * 0.4, rel=1e-6)


def test_method_without_mask_keeps_its_background(pairs: list[Pair], tmp_path: Path) -> None:
    model = Brighter()
    model.needs_mask = False

    scores = score_method(model, pairs[:1], "harmlib", tmp_path / "scores.csv", benchmark="tiny")

    assert scores.loc[0, "mse"] > 25.5**2 / 2


@pytest.mark.parametrize(("soft", "seen"), [(False, False), (True, True)])
def test_soft_masks_reach_only_methods_that_use_them(soft: bool, seen: bool, pairs: list[Pair], tmp_path: Path) -> None:
    write_png(pairs[0].real, np.zeros((20, 30, 3), dtype=np.uint8))
    model = MaskShower()
    model.soft_masks = soft

    scores = score_method(model, pairs[:1], "idih", tmp_path / "scores.csv", benchmark="tiny")

    assert (scores.loc[0, "mse"] > 0) == seen


@pytest.mark.slow
def test_kill_and_resume_end_with_the_same_bytes(pairs: list[Pair], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from test_evaluation import *; root = Path(sys.argv[1]); batches.BATCH_SIZE = BATCH;"
        "score_method(Mortal(), write_pairs(root / 'data'), 'harmlib', root / 'killed.csv', benchmark='tiny')"
    )
    root = Path(__file__).parent
    # The same bytes need the same number of threads: torch enlarges pictures by another kernel on one thread than on several.
    threads = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, capture_output=True, env=threads)
    half = (tmp_path / "killed.csv").read_bytes()

    for path in (tmp_path / "killed.csv", tmp_path / "whole.csv"):
        score_method(Brighter(), pairs, "harmlib", path, benchmark="tiny")

    assert died.returncode == -9
    assert half.count(b"\n") == 1 + BATCH
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Pair], bytes]:
    """Pairs and their score table; only to be read."""
    folder = tmp_path_factory.mktemp("unbroken")
    pairs = write_pairs(folder / "data")
    score_method(Brighter(), pairs, "dih_tf", folder / "scores.csv", benchmark="tiny")
    return pairs, (folder / "scores.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("share", [None, 0, 0.2, 0.5, 0.9])  # of the rows; None: not even their head
def test_resume_from_any_byte_ends_with_the_same_bytes(share: float | None, unbroken: tuple[list[Pair], bytes], tmp_path: Path) -> None:
    pairs, whole = unbroken
    head, cut = whole.index(b"\n") + 1, tmp_path / "cut.csv"
    cut.write_bytes(b"" if share is None else whole[: head + int(share * (len(whole) - head))])

    score_method(Brighter(), pairs, "dih_tf", cut, benchmark="tiny")

    assert cut.read_bytes() == whole


@pytest.mark.slow
def test_finished_images_are_not_read_again(pairs: list[Pair], tmp_path: Path) -> None:
    score_method(Brighter(), pairs, "harmlib", tmp_path / "scores.csv", benchmark="tiny")
    for pair in pairs:
        pair.composite.unlink()

    scores = score_method(Brighter(), pairs, "harmlib", tmp_path / "scores.csv", benchmark="tiny")

    assert len(scores) == PAIRS


def test_mask_that_vanishes_leaves_foreground_scores_empty(pairs: list[Pair], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_png(pairs[0].mask, np.zeros((20, 30), dtype=np.uint8))

    scores = score_method(Brighter(), pairs[:2], "harmlib", tmp_path / "scores.csv", benchmark="tiny")

    assert scores["fmse"].isna().tolist() == [True, False]
    assert 'mask of "p0_1_1" has no foreground' in caplog.text


def test_unreadable_picture_stops_with_its_name(pairs: list[Pair], tmp_path: Path) -> None:
    content = pairs[1].real.read_bytes()
    pairs[1].real.write_bytes(content[: len(content) // 2])

    with pytest.raises(ImageError, match=r'p1\.png" is damaged or truncated'):
        score_method(Brighter(), pairs, "harmlib", tmp_path / "scores.csv", benchmark="tiny")


def test_mask_of_another_size_stops_with_its_name(pairs: list[Pair], tmp_path: Path) -> None:
    write_png(pairs[1].mask, np.full((9, 9), 255, dtype=np.uint8))

    with pytest.raises(MaskError, match='mask of "p1_1_1" is 9x9'):
        score_method(Brighter(), pairs, "harmlib", tmp_path / "scores.csv", benchmark="tiny")


def test_photograph_of_another_size_stops_with_its_name(pairs: list[Pair], tmp_path: Path) -> None:
    write_png(pairs[1].real, np.zeros((9, 9, 3), dtype=np.uint8))

    with pytest.raises(ShapeError, match='real photograph of "p1_1_1" is 9x9'):
        score_method(Brighter(), pairs, "harmlib", tmp_path / "scores.csv", benchmark="tiny")


def test_method_can_carry_the_label_of_its_run(pairs: list[Pair], tmp_path: Path) -> None:
    scores = score_method(Brighter(), pairs[:1], "harmlib", tmp_path / "scores.csv", benchmark="tiny", method="brighter+lab")

    assert scores.loc[0, "method"] == "brighter+lab"


def test_tiny_picture_stops_with_its_name(tmp_path: Path) -> None:
    for part, array in (("c", np.zeros((1, 1, 3))), ("r", np.zeros((1, 1, 3))), ("m", np.full((1, 1), 255))):
        write_png(tmp_path / part / "p.png", array.astype(np.uint8))
    pair = Pair("p", "HScene", *(tmp_path / part / "p.png" for part in "cmr"))

    with pytest.raises(ShapeError, match='"p": pictures are 1x1: SSIM needs at least 7x7'):
        score_method(Brighter(), [pair], "pctnet", tmp_path / "scores.csv", benchmark="tiny")


@pytest.mark.slow
def test_folder_is_paired_by_iharmony4_names(folders: tuple[Path, Path, Path], pairs: list[Pair], tmp_path: Path) -> None:
    scores = score_folder(*folders, "harmlib")
    as_method = score_method(models.create("composite"), pairs, "harmlib", tmp_path / "scores.csv", benchmark="tiny")

    assert scores["mse"].tolist() == pytest.approx(as_method["mse"].tolist(), rel=1e-6)


@pytest.mark.slow
def test_folder_is_paired_by_equal_names(pairs: list[Pair], tmp_path: Path) -> None:
    same = tmp_path / "masks"
    for pair in pairs:
        write_png(same / pair.real.name, np.full((64, 64), 255, dtype=np.uint8)[: 20 + int(pair.id[1:-4]), :30])

    scores = score_folder(pairs[0].real.parent, pairs[0].real.parent, same)

    assert (scores["mse"] == 0).all()


@pytest.mark.slow
def test_folder_is_named_after_itself(folders: tuple[Path, Path, Path]) -> None:
    assert set(score_folder(*folders)["method"]) == {"c"}


@pytest.mark.slow
def test_folder_scoring_resumes_to_the_same_bytes(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    score_folder(*folders, out=whole)
    cut.write_bytes(whole.read_bytes()[:700])

    score_folder(*folders, out=cut)

    assert cut.read_bytes() == whole.read_bytes()


def test_missing_partner_is_named(folders: tuple[Path, Path, Path], pairs: list[Pair]) -> None:
    pairs[2].mask.unlink()

    with pytest.raises(ImageError, match='has no picture "p2_1"'):
        score_folder(*folders)


def test_prediction_of_another_size_is_named(folders: tuple[Path, Path, Path], pairs: list[Pair]) -> None:
    write_png(pairs[0].composite, np.zeros((5, 5, 3), dtype=np.uint8))
    with pytest.raises(ShapeError, match=r'p0_1_1\.png": prediction is 5x5x3'):
        score_folder(*folders)


@pytest.mark.slow
def test_predictions_saved_at_the_evaluated_size_are_accepted(folders: tuple[Path, Path, Path], pairs: list[Pair], tmp_path: Path) -> None:
    for pair in pairs:
        write_png(tmp_path / "small" / pair.composite.name, resize(read_image(pair.composite), (256, 256), "bicubic"))

    small, full = (score_folder(folder, *folders[1:]) for folder in (tmp_path / "small", folders[0]))

    assert small["mse"].tolist() == full["mse"].tolist()


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no picture"):
        score_folder(tmp_path, tmp_path, tmp_path)


def test_two_pictures_of_one_name_are_refused(folders: tuple[Path, Path, Path], pairs: list[Pair]) -> None:
    copy = pairs[0].composite.with_suffix(".jpg")
    copy.write_bytes(pairs[0].composite.read_bytes())

    with pytest.raises(DataError, match="keep one of them"):
        score_folder(*folders)
