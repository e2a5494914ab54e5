"""Recipes: the same bytes again without the network, or one sentence that says why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harmlib.editor.recipe import export, open_recipe, replay
from harmlib.editor.state import Change, EditorState
from harmlib.editor.whitebox import FilterArguments, OperatorMasks
from harmlib.errors import DataError, ImageError, ParameterError
from harmlib.filters import SIX
from harmlib.io.images import read_image, write_png


@pytest.fixture
def edited(state: EditorState) -> EditorState:
    """A state with edits of everywhere and of one region."""
    state.set(state.names[0], scale=1.7, shift=-0.05)
    state.set(state.names[2], shift=1 / 3, region=2)
    return state


@pytest.fixture
def exported(edited: EditorState, tmp_path: Path) -> Path:
    """The recipe of an exported picture."""
    return export(edited, tmp_path / "edited.png")


def change(recipe: Path, alter: Callable[[dict[str, Any]], Any]) -> None:
    """Alter the content of a recipe by hand."""
    content = json.loads(recipe.read_text())
    alter(content)
    recipe.write_text(json.dumps(content))


def test_a_replay_gives_the_exported_bytes(exported, edited, tmp_path):
    write_png(tmp_path / "again.png", replay(exported, edited.composite))

    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "edited.png").read_bytes()


def test_the_exported_picture_is_the_edited_one(exported, edited):
    assert np.array_equal(read_image(exported.with_suffix(".png")), edited.full())


@pytest.mark.parametrize("kind", ["operator masks", "filter arguments"])
def test_a_replay_is_exact_at_full_size(kind, generator, operator_masks, tmp_path):
    composite = generator.integers(0, 256, (611, 1023, 3), dtype=np.uint8)
    mask = generator.uniform(0, 1, (611, 1023)).astype(np.float32)
    operators, filters = OperatorMasks("sgmmh_om", operator_masks), FilterArguments("harmonizer", (0.1, -0.3, 0.2, 0.4, -0.2, 0.3), SIX)
    labels = np.arange(611)[:, None].repeat(1023, axis=1) // 300 * 5
    state = EditorState(composite, operators if kind == "operator masks" else filters, mask, labels)
    state.set(state.names[1], scale=0.3, region=5)

    recipe = export(state, tmp_path / "edited.png")

    assert np.array_equal(replay(recipe, composite), state.full())


def test_a_recipe_survives_being_rewritten_as_json(exported, edited):
    exported.write_text(json.dumps(json.loads(exported.read_text()), sort_keys=True))

    assert np.array_equal(replay(exported, edited.composite), edited.full())


def test_the_same_picture_in_another_file_will_do(exported, edited, tmp_path):
    write_png(tmp_path / "copy.png", edited.composite)

    assert np.array_equal(replay(exported, Image.open(tmp_path / "copy.png")), edited.full())


def test_the_three_files_can_be_moved_together(exported, edited, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for suffix in (".json", ".npz"):
        exported.with_suffix(suffix).rename(tmp_path / "elsewhere" / f"edited{suffix}")

    assert np.array_equal(replay(tmp_path / "elsewhere" / "edited.json", edited.composite), edited.full())


def test_the_same_edits_give_the_same_files(exported, edited, tmp_path):
    again = export(edited, tmp_path / "again" / "edited.png")

    for suffix in (".png", ".npz", ".json"):
        assert again.with_suffix(suffix).read_bytes() == exported.with_suffix(suffix).read_bytes()


def test_arguments_are_numbers_in_the_recipe(composite, mask, tmp_path):
    state = EditorState(composite, FilterArguments("harmonizer", (0.1, -0.3, 0.2, 0.4, -0.2, 0.3), SIX), mask)

    content = json.loads(export(state, tmp_path / "edited.png").read_text())

    assert content["prediction"] == {"filters": list(SIX), "arguments": [0.1, -0.3, 0.2, 0.4, -0.2, 0.3]}
    assert content["method"] == "harmonizer"


def test_a_region_may_be_named_by_a_numpy_number(state, tmp_path):
    state.set(state.names[0], shift=0.1, region=np.uint8(2))

    recipe = export(state, tmp_path / "edited.png")

    assert open_recipe(recipe, state.composite).edits == state.edits


def test_a_composite_by_path_is_refused(exported):
    with pytest.raises(ImageError, match="the composite is a str, expected a PIL picture or an array"):
        replay(exported, "composite.png")


def test_an_opened_recipe_can_be_edited_further(exported, edited):
    opened = open_recipe(exported, edited.composite)

    opened.undo()

    assert opened.get(opened.names[0]) == Change(1.7, -0.05)
    assert opened.get(opened.names[2], 2) == Change()
    assert opened.regions.ids == edited.regions.ids


@pytest.mark.parametrize("other", [lambda picture: picture[:-1], lambda picture: 255 - picture])
def test_another_composite_is_refused(other, exported, edited):
    with pytest.raises(DataError, match=r"edited.json\" belongs to another composite \(72x90, sha256 \w{8}…\) than this one"):
        replay(exported, other(edited.composite))


def test_missing_arrays_are_named(exported, edited):
    exported.with_suffix(".npz").unlink()

    with pytest.raises(DataError, match=r'edited.npz" is missing, which holds the arrays'):
        replay(exported, edited.composite)


def test_a_changed_byte_of_the_arrays_is_found(exported, edited):
    arrays = exported.with_suffix(".npz")
    content = bytearray(arrays.read_bytes())
    content[len(content) // 2] ^= 1
    arrays.write_bytes(content)

    with pytest.raises(DataError, match=r'edited.npz" is damaged or belongs to another recipe'):
        replay(exported, edited.composite)


def test_arrays_are_looked_for_beside_the_recipe_only(exported, edited, tmp_path):
    exported.with_suffix(".npz").rename(tmp_path.parent / "elsewhere.npz")
    change(exported, lambda content: content["arrays"].update(file="../elsewhere.npz"))

    with pytest.raises(DataError, match="is missing"):
        replay(exported, edited.composite)


def test_a_truncated_recipe_is_refused(exported, edited):
    exported.write_text(exported.read_text()[:200])

    with pytest.raises(DataError, match=r'edited.json" is not valid JSON'):
        replay(exported, edited.composite)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": "recipe"}', "3"])
def test_a_foreign_file_is_refused(content, exported, edited):
    exported.write_text(content)

    with pytest.raises(DataError, match="is no recipe of the editor"):
        replay(exported, edited.composite)


def test_another_version_is_refused(exported, edited):
    change(exported, lambda content: content.update(version=2))

    with pytest.raises(DataError, match="has version 2, this harmlib reads 1"):
        replay(exported, edited.composite)


@pytest.mark.parametrize("name", ["method", "edits", "arrays", "picture"])
def test_a_recipe_that_lacks_something_is_refused(name, exported, edited):
    change(exported, lambda content: content.pop(name))

    with pytest.raises(DataError, match=rf'lacks the key "{name}": export the picture again'):
        replay(exported, edited.composite)


@pytest.mark.parametrize(
    "alter",
    [
        lambda content: content["edits"].append({"region": 0, "name": "vignette", "scale": 1, "shift": 0}),
        lambda content: content["edits"].append({"region": 9, "name": content["edits"][0]["name"], "scale": 2, "shift": 0}),
        lambda content: content["edits"].append({"size": 3}),
        lambda content: content["edits"].append(3),
        lambda content: content["edits"][0].update(scale="much"),
        lambda content: content["edits"][0].update(shift=float("nan")),
        lambda content: content["regions"].update(ids=[1]),
        lambda content: content["regions"].pop("ids"),
        lambda content: content.update(kind="submasks"),
        lambda content: content.update(prediction={}),
    ],
)
def test_a_damaged_recipe_gets_one_sentence(alter, exported, edited):
    change(exported, alter)

    with pytest.raises(DataError, match=r'edited.json".*: export the picture again'):
        replay(exported, edited.composite)


def test_a_recipe_changed_by_hand_does_not_pass_for_the_exported_picture(exported, edited):
    change(exported, lambda content: content["edits"][0].update(scale=1.8))

    with pytest.raises(DataError, match=r"gives another picture than was exported: it was changed by hand.*all versions agree"):
        replay(exported, edited.composite)


def test_other_versions_are_named_when_the_picture_differs(exported, edited):
    change(exported, lambda content: content["versions"].update(numpy="1.0"))
    change(exported, lambda content: content["edits"].pop())

    with pytest.raises(DataError, match=r"made with other versions \(numpy 1.0, here "):
        replay(exported, edited.composite)


def test_a_format_that_loses_colors_is_refused(state, tmp_path):
    with pytest.raises(ParameterError, match=r'edited.jpg" does not end in .png'):
        export(state, tmp_path / "edited.jpg")


@pytest.mark.parametrize("name", ["edited.png", "edited.json", "edited.npz"])
def test_an_export_never_replaces_a_foreign_file(name, edited, tmp_path):
    (tmp_path / name).write_bytes(b'{"shapes": []}')

    with pytest.raises(DataError, match="is there and was not exported from here"):
        export(edited, tmp_path / "edited.png")

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b'{"shapes": []}']


def test_an_export_replaces_an_earlier_one_unless_it_was_changed(exported, edited, tmp_path):
    edited.set(edited.names[0], scale=1.2)
    export(edited, tmp_path / "edited.png")
    write_png(tmp_path / "edited.png", 255 - read_image(tmp_path / "edited.png"))

    with pytest.raises(DataError, match="was changed after its export"):
        export(edited, tmp_path / "edited.png")


def test_an_export_that_is_edited_again_is_not_replaced(exported, edited, tmp_path):
    again = EditorState(read_image(tmp_path / "edited.png"), edited.box, edited.mask)
    again.set(again.names[0], scale=2.5)

    with pytest.raises(DataError, match="is the composite: choose another name"):
        export(again, tmp_path / "edited.png")


def test_profile_and_dpi_of_the_composite_go_on(edited, tmp_path):
    state = EditorState(edited.composite, edited.box, edited.mask, kept={"icc_profile": b"a profile", "dpi": (300, 300)})

    export(state, tmp_path / "edited.png")

    with Image.open(tmp_path / "edited.png") as written:
        assert written.info["icc_profile"] == b"a profile"
        assert round(written.info["dpi"][0]) == 300
