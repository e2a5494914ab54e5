"""Presets of the field and what each does to the same pictures."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from authors import authors

from harmlib.errors import EmptyMaskError, MaskError, ParameterError, RangeError, ShapeError
from harmlib.io.images import resize
from harmlib.metrics import functional, lpips
from harmlib.metrics.protocols import ERRORS, METRICS, PROTOCOLS, Protocol, get_protocol
from harmlib.metrics.scoring import evaluated_mask, evaluated_picture, score_pair

EVERY_PRESET = pytest.mark.parametrize("name", list(PROTOCOLS))
# A protocol at the size of the arrays, without rounding, to look at one rule at a time.
PLAIN = Protocol(name="plain", source="test", size=None, rounding="none", background="keep")


@pytest.fixture
def pictures(generator: np.random.Generator) -> dict[str, np.ndarray]:
    """A target, a composite and a prediction that differ inside and outside the mask."""
    coarse = generator.integers(40, 200, (6, 8, 3))
    target = np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)
    mask = np.zeros((48, 64), dtype=bool)
    mask[8:32, 8:48] = True
    composite, prediction = target.copy(), target.copy()
    composite[mask] += 40
    composite[~mask] += 3
    prediction[mask] += 11
    prediction[~mask] -= 6
    return {"prediction": prediction, "target": target, "mask": mask, "composite": composite}


def with_rule(**rules: object) -> Protocol:
    return dataclasses.replace(PLAIN, **rules)


def test_presets_are_the_field_s() -> None:
    expected = "harmlib dovenet dih_tf adfm iih idih pctnet rainnet harmonizer_256 harmonizer_full sgmmh perceptual"

    assert set(PROTOCOLS) == set(expected.split())


@EVERY_PRESET
def test_preset_is_filed_under_its_own_name(name: str) -> None:
    assert get_protocol(name).name == name


@EVERY_PRESET
def test_preset_names_its_source(name: str) -> None:
    assert len(PROTOCOLS[name].source) > 10


@EVERY_PRESET
def test_every_preset_scores_the_metrics_of_its_tables(name: str, pictures: dict[str, np.ndarray]) -> None:
    scores = score_pair(**pictures, protocol=name)

    finite = [metric for metric in METRICS if np.isfinite(scores[metric])]
    assert finite == [metric for metric in PROTOCOLS[name].metrics if metric != "lpips"]  # which needs weights


def test_no_map_is_made_for_a_metric_that_no_table_prints(pictures: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_map(*arguments: object, **options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(functional, "ssim_map", no_map)
    monkeypatch.setattr(lpips, "lpips_distance", no_map)

    scores = score_pair(**pictures, protocol="harmonizer_full", lpips_network=torch.nn.Identity())

    assert np.isfinite([scores[name] for name in ("mse", "fmse", "psnr", "fpsnr")]).all()


def test_asking_for_fewer_metrics_changes_none_of_them(pictures: dict[str, np.ndarray]) -> None:
    whole, some = score_pair(**pictures, protocol=PLAIN), score_pair(**pictures, protocol=with_rule(metrics=(*ERRORS, "fssim")))

    assert {name: value for name, value in some.items() if np.isfinite(value)} == {name: whole[name] for name in (*ERRORS, "fssim")}


@pytest.mark.parametrize("metrics", [("mse",), (*ERRORS, "ssin")])
def test_metrics_without_errors_and_unknown_ones_are_refused(metrics: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError, match='protocol "plain": metrics are mse, fmse, psnr, fpsnr'):
        with_rule(metrics=metrics)


@EVERY_PRESET
def test_target_itself_scores_better_than_a_prediction(name: str, pictures: dict[str, np.ndarray]) -> None:
    perfect = score_pair(pictures["target"], pictures["target"], pictures["mask"], name)

    assert perfect["fmse"] < score_pair(**pictures, protocol=name)["fmse"]


def test_importing_the_presets_loads_nothing_heavy() -> None:
    code = "import harmlib.metrics.protocols, sys; print([name for name in ('torch', 'pandas', 'cv2') if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_default_protocol_rounds_to_eight_bits(pictures: dict[str, np.ndarray]) -> None:
    almost = pictures["target"] / 255 + 0.4 / 255

    assert score_pair(almost, pictures["target"], pictures["mask"], with_rule(rounding="round"))["mse"] == 0


def test_truncation_loses_up_to_a_level(pictures: dict[str, np.ndarray]) -> None:
    almost = pictures["target"] / 255 - 0.1 / 255

    assert score_pair(almost, pictures["target"], pictures["mask"], with_rule(rounding="truncate"))["mse"] == pytest.approx(1, rel=1e-6)


def test_truncation_keeps_exact_levels() -> None:
    every_level = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(8, axis=0)

    scores = score_pair(every_level, every_level, np.ones((8, 256), dtype=bool), with_rule(rounding="truncate"))

    assert scores["mse"] == 0


def test_composite_background_is_pasted(pictures: dict[str, np.ndarray]) -> None:
    scores = score_pair(**pictures, protocol=with_rule(background="composite"))

    share = pictures["mask"].mean()
    assert scores["mse"] == pytest.approx(11**2 * share + 3**2 * (1 - share), rel=1e-5)


def test_prediction_keeps_its_background_when_the_protocol_says_so(pictures: dict[str, np.ndarray]) -> None:
    scores = score_pair(**pictures, protocol=with_rule(background="keep"))

    share = pictures["mask"].mean()
    assert scores["mse"] == pytest.approx(11**2 * share + 6**2 * (1 - share), rel=1e-5)


def test_real_background_leaves_the_foreground_s_error(pictures: dict[str, np.ndarray]) -> None:
    scores = score_pair(**pictures, protocol=with_rule(background="target"))

    assert scores["mse"] == pytest.approx(scores["fmse"] * pictures["mask"].mean(), rel=1e-9)


def test_masked_mse_ignores_the_background(pictures: dict[str, np.ndarray]) -> None:
    scores = score_pair(**pictures, protocol=with_rule(mse_region="foreground"))

    assert scores["mse"] == pytest.approx(scores["fmse"] * pictures["mask"].mean(), rel=1e-9)


def test_psnr_peak_follows_the_prediction_s_range(pictures: dict[str, np.ndarray]) -> None:
    scores = score_pair(**pictures, protocol=with_rule(peak="prediction_range"))

    peak = float(np.ptp(pictures["prediction"].astype(int)))
    assert scores["psnr"] == pytest.approx(10 * np.log10(peak**2 / scores["mse"]), rel=1e-6)


def test_psnr_peak_follows_the_target_s_maximum(pictures: dict[str, np.ndarray]) -> None:
    scores = score_pair(**pictures, protocol=with_rule(peak="target_max"))

    assert scores["psnr"] == pytest.approx(10 * np.log10(float(pictures["target"].max()) ** 2 / scores["mse"]), rel=1e-6)


def test_sgmmh_metrics_of_the_authors_pictures() -> None:
    golden = authors("sgmmh")
    target, prediction = (golden[f"metric/{name}_bgr8"][..., ::-1].copy() for name in ("real", "ham"))
    protocol = dataclasses.replace(PROTOCOLS["sgmmh"], size=None)

    scores = score_pair(prediction, target, np.ones(target.shape[:2], dtype=bool), protocol)

    assert [scores[name] for name in ("mse", "psnr", "ssim")] == pytest.approx(
        [float(golden[f"metric/{name}"]) for name in ("mse", "psnr", "ssim")], rel=1e-6
    )


def test_composite_errors_of_real_files_agree_with_their_index(shared) -> None:
    from harmlib.io.images import read_image
    from harmlib.io.masks import read_mask

    folder = shared / "data" / "iharmony4_samples" / "with_ground_truth"
    triplet = [read_image(folder / part / "rainnet_2.png") for part in ("composites", "reals")]

    scores = score_pair(*triplet, read_mask(folder / "masks" / "rainnet_2.png"), PLAIN)

    assert [scores["mse"], scores["fmse"]] == pytest.approx([682.9892, 1407.2645], rel=1e-6)


def test_prediction_at_the_evaluated_size_is_taken_as_it_is(generator: np.random.Generator) -> None:
    target = generator.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    small = resize(target, (256, 256), "bicubic")

    assert score_pair(small, target, np.ones((40, 60), dtype=bool))["mse"] == 0


def test_opencv_shrinks_without_antialiasing(generator: np.random.Generator) -> None:
    noise = generator.integers(0, 256, (1024, 1024, 3), dtype=np.uint8)

    spread = {name: evaluated_picture(noise, PROTOCOLS[name]).std() for name in ("idih", "harmonizer_256")}

    assert spread["idih"] > 1.5 * spread["harmonizer_256"]


def test_binary_mask_stays_binary_and_soft_mask_does_not() -> None:
    mask = np.zeros((90, 90), dtype=np.uint8)
    mask[31:77, 13:66] = 255

    values = {name: len(np.unique(evaluated_mask(mask, PROTOCOLS[name]))) for name in ("harmlib", "idih")}

    assert values["harmlib"] == 2
    assert values["idih"] > 2


def test_mask_that_vanishes_is_an_error(pictures: dict[str, np.ndarray]) -> None:
    with pytest.raises(EmptyMaskError, match="no foreground pixel"):
        score_pair(pictures["prediction"], pictures["target"], np.zeros((48, 64), dtype=bool))


def test_mask_of_another_size_is_refused(pictures: dict[str, np.ndarray]) -> None:
    with pytest.raises(MaskError, match="mask is 47x64, its real photograph 48x64"):
        score_pair(pictures["prediction"], pictures["target"], pictures["mask"][1:])


def test_prediction_of_another_size_is_refused(pictures: dict[str, np.ndarray]) -> None:
    with pytest.raises(ShapeError, match="prediction is 47x64x3"):
        score_pair(pictures["prediction"][1:], pictures["target"], pictures["mask"])


def test_float_prediction_in_levels_is_refused(pictures: dict[str, np.ndarray]) -> None:
    with pytest.raises(RangeError, match="divide 8-bit levels by 255"):
        score_pair(pictures["prediction"].astype(float), pictures["target"], pictures["mask"])


def test_unknown_protocol_is_refused_with_the_choices() -> None:
    with pytest.raises(ParameterError, match=r'"mine" is unknown: choose one of harmlib, .*sgmmh'):
        get_protocol("mine")


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(ParameterError, match='rounding is "up": choose from round'):
        with_rule(rounding="up")
