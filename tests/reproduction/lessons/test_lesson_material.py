"""What a lesson finds in a workspace, and what it makes where nothing is finished."""

from __future__ import annotations

import time

import numpy as np
import pytest

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.evaluation.statistics import photograph_of
from harmlib.io.files import CHECKPOINT, write_manifest
from reproduction.kit.examples import small_example
from reproduction.lessons import material
from reproduction.profiles import load_profile
from reproduction.stages import Results
from reproduction.workspace import Workspace


@pytest.fixture
def empty(tmp_path):
    """A workspace in which nothing is finished."""
    return Workspace(load_profile("smoke"), Results(tmp_path, "smoke"), None)


@pytest.fixture(scope="module")
def embedded():
    """Composites of the embedded photographs, made once: that takes seconds."""
    return material.Material("embedded", [small_example(sample) for sample in material.embedded_samples(12, seed=2021)])


def finish_run(results: Results, name: str, method: str, **options: object) -> None:
    """Write the finished run of a method."""
    models.save_checkpoint(models.create(method, **options), results.run(name) / CHECKPOINT)
    write_manifest(results.run(name), started=time.time())


@pytest.mark.slow
def test_without_anything_finished_the_embedded_photographs_are_composed(empty):
    found = material.find_material(empty, 4)

    assert found.title == material.EMBEDDED_TITLE
    assert found.benchmark == ""
    assert len(found.examples) == 4
    assert all(example.composite.shape == (256, 256, 3) and example.mask.any() for example in found.examples)


def test_a_finished_benchmark_comes_first(finished_workspace):
    _, workspace = finished_workspace

    found = material.find_material(workspace, 5)

    assert found.title == "iHarmony4-style, embedded"
    assert found.benchmark == "iharmony4-style"
    assert len(found.examples) == 5


def test_all_methods_are_those_with_a_finished_run(empty):
    finish_run(empty.results, "harmonizer-iharmony4-style", "harmonizer", size=64)

    found, sentence = material.load_methods(empty)

    assert list(found) == ["harmonizer"]
    assert sentence == ""


def test_variants_are_no_methods(empty):
    finish_run(empty.results, "frih_baseline-iharmony4-style", "frih", width=0.125)

    assert material.load_methods(empty)[0] == {}


def test_detectors_harmonize_nothing_and_are_left_out(empty):
    finish_run(empty.results, "ptc-exposure", "ptc", width=0.125)

    assert material.load_methods(empty)[0] == {}


def test_missing_methods_are_named_and_transfers_need_no_run(empty):
    found, sentence = material.load_methods(empty, ["reinhard_lab", "dovenet", "ptc_dih_twostage"])

    assert list(found) == ["reinhard_lab"]
    assert sentence == "not trained in this profile, and left out: dovenet, ptc_dih_twostage."


def test_a_method_that_does_not_exist_is_refused(empty):
    with pytest.raises(ParameterError, match='no method "dovnet"'):
        material.load_methods(empty, ["dovnet"])


@pytest.mark.slow
def test_photographs_are_taken_once(embedded):
    names = [photograph_of(example.id) for example in embedded.photographs]

    assert len(set(names)) == len(names) < len(embedded.examples)


def test_random_masks_are_those_of_other_photographs(embedded):
    examples = embedded.photographs

    masks = material.random_masks(examples, seed=0)

    assert not any(np.array_equal(mask, example.mask) for mask, example in zip(masks, examples, strict=True))


def test_a_single_photograph_gets_its_own_mask_mirrored(embedded):
    example = embedded.examples[0]

    np.testing.assert_array_equal(material.random_masks([example], seed=0)[0], example.mask[:, ::-1])


def test_a_pack_that_is_not_there_has_no_composites(tmp_path):
    assert material.real_material(tmp_path, "tsai_real_composites", 3).examples == []
    assert material.real_material(None, "tsai_real_composites", 3).examples == []


def test_real_composites_have_no_target(shared):
    found = material.real_material(shared / "data", "tsai_real_composites", 2)

    assert len(found.examples) == 2
    assert all(example.target is None and example.mask.any() for example in found.examples)
