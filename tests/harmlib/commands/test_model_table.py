"""The list of all methods."""

from __future__ import annotations

import re

import pytest

from harmlib import models
from harmlib.__main__ import main
from harmlib.commands.models import model_table
from harmlib.models.registry import parameters

METHODS = models.list_models()


@pytest.mark.slow
def test_every_method_has_a_row() -> None:
    assert model_table()["method"].tolist() == METHODS


@pytest.mark.parametrize("name", [name for name in METHODS if name != "composite"])
def test_every_method_names_its_authors_and_year(name: str) -> None:
    assert re.fullmatch(r"\w.* (19|20)\d\d", model_table(name)["reference"].iloc[0])


@pytest.mark.slow
def test_no_two_methods_have_one_name_in_tables() -> None:
    assert model_table()["system"].is_unique


def test_a_discriminator_is_not_counted() -> None:
    assert parameters("dovenet") == 54_755_587


def test_a_frozen_part_is_counted() -> None:
    assert parameters("ptc_dih") == 16_419_687 + 491_904 + 65 + 8_268_800


def test_weights_that_come_with_harmlib_are_marked() -> None:
    table = model_table("harmonize?").set_index("method")

    assert table["released"].to_dict() == {"harmonizer": True}
    assert not model_table("dovenet")["released"].any()


def test_the_shell_lists_what_matches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "sgmmh_o*"]) == 0

    printed = capsys.readouterr().out
    assert "sgmmh_om " in printed
    assert "39.50 M" in printed
    assert "Ren and Liu 2022" in printed
    assert "dovenet" not in printed


def test_a_pattern_without_a_match_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "nothing"]) == 2

    assert 'no method matches "nothing"' in capsys.readouterr().err
