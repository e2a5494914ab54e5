"""The transfers against the public MATLAB files, run in Octave (``tests/authors/classical.npz``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from authors import assert_agrees, assert_equals, authors
from regrained import regrain

from harmlib.transfers.histogram import rgb_to_ycbcr, transfer_histogram, ycbcr_to_rgb
from harmlib.transfers.pitie import move_distribution, transfer_idt
from harmlib.transfers.reinhard import transfer_reinhard_lalphabeta
from harmlib.transfers.xiao_ma import transfer_xiao_ma

PAIRS = ("I", "U")
IDT_TOLERANCE = 1e-11  # the note: 8e-12
REGRAIN_TOLERANCE = 1e-14  # the note: 6e-16


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("classical")


def _pair(golden: Mapping[str, Any], name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Picture, mask, reference and its mask."""
    return golden[f"ct_{name}1"], golden["ct_M1"], golden[f"ct_{name}2"], golden["ct_M2"]


def _foreground(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The foreground's colors (3, N) in the golden file's order, column by column."""
    return picture.transpose(1, 0, 2)[mask.T].T


@pytest.mark.parametrize("name", PAIRS)
def test_reinhard_equals_the_public_code(golden: Mapping[str, Any], name: str) -> None:
    assert_equals(transfer_reinhard_lalphabeta(*_pair(golden, name)), golden[f"{name}_reinhard"])


@pytest.mark.parametrize("name", PAIRS)
def test_xiao_ma_equals_the_public_code_given_its_eigenvectors(golden: Mapping[str, Any], name: str) -> None:
    result = transfer_xiao_ma(*_pair(golden, name), eigenvectors=(golden[f"{name}_xiao_Us"], golden[f"{name}_xiao_Ut"]))

    assert_equals(result, golden[f"{name}_xiao"])


@pytest.mark.parametrize("name", PAIRS)
def test_exact_histogram_transfer_equals_the_public_code(golden: Mapping[str, Any], name: str) -> None:
    assert_equals(transfer_histogram(*_pair(golden, name), exact=True), golden[f"{name}_chm"])


@pytest.mark.parametrize("name", PAIRS)
def test_ycbcr_equals_the_public_code(golden: Mapping[str, Any], name: str) -> None:
    assert_equals(rgb_to_ycbcr(golden[f"ct_{name}1"]), golden[f"{name}_ycbcr"])


@pytest.mark.parametrize("name", PAIRS)
def test_ycbcr_comes_back_as_in_the_public_code(golden: Mapping[str, Any], name: str) -> None:
    assert_equals(ycbcr_to_rgb(golden[f"{name}_ycbcr"]), golden[f"{name}_ycbcr_roundtrip"])


@pytest.mark.parametrize(("iterations", "key"), [(1, "F_idt_fg_1it"), (10, "F_idt_fg")])
def test_distribution_moves_as_in_the_public_code(golden: Mapping[str, Any], iterations: int, key: str) -> None:
    image, mask, reference, reference_mask = _pair(golden, "F")

    moved = move_distribution(_foreground(image, mask), _foreground(reference, reference_mask), golden["ct_R"][:iterations])

    assert_agrees(moved.T, golden[key], rtol=0, atol=IDT_TOLERANCE)


def test_regraining_equals_the_public_code(golden: Mapping[str, Any]) -> None:
    original = golden["ct_F1"] * golden["ct_M1"][..., None]

    result = regrain(original.transpose(2, 0, 1), golden["F_idt_img"].transpose(2, 0, 1))

    assert_agrees(result.transpose(1, 2, 0), golden["F_regrain"], rtol=0, atol=REGRAIN_TOLERANCE)


@pytest.mark.parametrize("name", PAIRS)
def test_idt_of_bytes_is_within_a_level_of_the_public_code(golden: Mapping[str, Any], name: str) -> None:
    result = transfer_idt(*_pair(golden, name), rotations=golden["ct_R"])

    # Bytes project onto a lattice that meets the edges of bins, where the last bit decides.
    assert_agrees(result, golden[f"{name}_idt_regrain"], rtol=0, atol=1)
