"""One look: fixed styles, and figures with the numbers behind them."""

from __future__ import annotations

import itertools
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reproduction.kit.style import DPI, MARGIN, method_style, save_csv, save_figure, signed, use_theme
from reproduction.papers import methods


@pytest.fixture
def figure():
    use_theme()
    drawn, axis = plt.subplots(figsize=(2, 1))
    axis.plot([1, 2], [3, 4])
    yield drawn
    plt.close(drawn)


def test_no_two_methods_of_the_papers_look_alike() -> None:
    styles = [method_style(method) for method in methods()["method_id"].unique()]

    assert all((a.color, a.marker) != (b.color, b.marker) for a, b in itertools.combinations(styles, 2))


@pytest.mark.parametrize(
    "compared",
    [
        ("dovenet", "bargainnet", "iih", "ht", "harmonizer", "human"),
        ("dovenet", "bargainnet", "rainnet", "sgmmh_omgan"),
        ("sgmmh_rgb", "sgmmh_om", "sgmmh_omgan"),
        ("frih_baseline", "frih_globalmask", "frih_submask", "frih"),
        ("dih_m", "dih_nm", "ptc_att_dih", "ptc_dih", "ptc_dih_twostage"),
        ("harmonizer", "frih", "sgmmh_omgan"),
        ("reinhard_lab", "dovenet", "harmonizer", "frih", "sgmmh_om", "ptc_dih_twostage"),
    ],
)
def test_methods_of_one_figure_have_different_colors(compared: tuple[str, ...]) -> None:
    assert len({method_style(method).color for method in compared}) == len(compared)


def test_composite_alone_is_black() -> None:
    black = [method for method in methods()["method_id"].unique() if method_style(method).color == "#000000"]

    assert black == ["composite"]


def test_unlisted_method_keeps_its_style() -> None:
    assert method_style("somebody_elses") == method_style("somebody_elses")


def test_figure_and_numbers_stand_side_by_side(figure, tmp_path: Path) -> None:
    path = save_figure(figure, tmp_path / "sgmmh-F3.png", pd.DataFrame({"x": [1.5]}))

    assert Image.open(path).info["dpi"][0] == pytest.approx(DPI, abs=0.1)
    assert (tmp_path / "sgmmh-F3.csv").read_text() == "x\n1.5\n"


def test_a_figure_of_a_profile_says_so_in_the_margin(figure, tmp_path: Path) -> None:
    alone = save_figure(figure, tmp_path / "a.png")
    of_smoke = save_figure(figure, tmp_path / "smoke" / "figures" / "a.png")

    plain, stamped = (np.asarray(Image.open(path).convert("L")) for path in (alone, of_smoke))
    margin = int(MARGIN * DPI) - 2
    assert (plain[-margin:] == 255).all()
    assert (stamped[-margin:] < 200).any()
    assert np.array_equal(plain[:-margin], stamped[:-margin])
    assert not figure.texts


def test_a_legend_as_wide_as_the_figure_leaves_the_stamp_its_margin(tmp_path: Path) -> None:
    use_theme()
    drawn, axis = plt.subplots(figsize=(2, 1.5), layout="constrained")
    drawn.legend([axis.plot([1, 2], [3, 4])[0]], ["words that fill the line"], loc="outside lower right")

    pixels = np.asarray(Image.open(save_figure(drawn, tmp_path / "a.png")).convert("L"))
    plt.close(drawn)

    margin = int(MARGIN * DPI) - 2
    assert (pixels[-margin:] == 255).all()
    assert (pixels[-3 * margin : -margin] < 255).any()


def test_same_figure_gives_the_same_bytes(figure, tmp_path: Path) -> None:
    first, second = (save_figure(figure, tmp_path / name).read_bytes() for name in ("a.png", "b.png"))

    assert first == second


@pytest.mark.parametrize(
    ("value", "form", "words"), [(-0.7, "+g", "−0.7"), (0.7, "+g", "+0.7"), (-0.004, "+.2f", "+0.00"), (-1.26, "+.1f", "−1.3")]
)
def test_numbers_in_pictures_have_true_minus_signs(value: float, form: str, words: str) -> None:
    assert signed(value, form) == words


def test_tables_are_written_without_index(tmp_path: Path) -> None:
    save_csv(pd.DataFrame({"a": [1 / 3], "b": ["x"]}, index=[7]), tmp_path / "t.csv")

    assert (tmp_path / "t.csv").read_text() == "a,b\n0.3333,x\n"
