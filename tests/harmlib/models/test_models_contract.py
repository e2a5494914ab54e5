"""Every registered method keeps the contract of ``HarmonizationModel``; a new method is covered by registering it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from golden_fill import GOLDEN, NARROW, ellipse, narrow, noise8, own_golden, picture_side, training_batch

from harmlib import models
from harmlib.errors import CheckpointError, MaskError, ParameterError, ShapeError
from harmlib.inference.pictures import harmonize
from harmlib.inference.render import render_picture
from harmlib.models.base import HarmonizationModel

METHODS = models.list_models()
TRAINABLE = [name for name in METHODS if models.describe(name).trainable]
PRETRAINED = [name for name in METHODS if "pretrained" in models.describe(name).options]
# In float64, a gradient this small beside the largest one of its loss is rounding.
ROUNDING = 1e-12


def small(name: str) -> HarmonizationModel:
    """Return a narrow model with seeded fresh weights."""
    torch.manual_seed(0)
    return models.create(name, **narrow(name))


class Pass(NamedTuple):
    """A method in evaluation mode, what it made of the batch and of its first picture alone, and its inputs afterwards."""

    model: HarmonizationModel
    images: torch.Tensor
    alone: torch.Tensor
    extras: frozenset[str]
    composite: torch.Tensor
    mask: torch.Tensor


@cache
def forward(name: str) -> Pass:
    """Return a method's forward pass, for tests that ask it and change nothing."""
    model, given = small(name).eval(), training_batch(picture_side(name))
    with torch.inference_mode():
        images, alone = model(given["composite"], given["mask"]).image, model(given["composite"][:1], given["mask"][:1])
        return Pass(model, images, alone.image, frozenset(alone.extras), given["composite"], given["mask"])


def gradient_side(name: str) -> int:
    """Return the side of the pictures that gradients are asked for: at 64 the deepest levels of some networks see a single pixel."""
    return max(128, picture_side(name))


def gradient_sizes(model: HarmonizationModel, batch: dict[str, Any]) -> dict[str, float]:
    """Return the largest gradient of every parameter in one step, relative to the largest of its loss.

    The terms of a loss count one by one: those of a hinge can cancel each other exactly on a bias.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    sizes = dict.fromkeys(names.values(), 0.0)
    for player, losses in model.training_losses(batch):
        parameters = model.players()[player]
        for value in (value for value in losses.values() if value.requires_grad):
            gradients = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
            found = [0.0 if gradient is None else gradient.abs().max().item() for gradient in gradients]
            for parameter, size in zip(parameters, found, strict=True):
                sizes[names[id(parameter)]] = max(sizes[names[id(parameter)]], size / max(found))
    return sizes


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_harmonized_picture_has_the_composites_shape_and_range(name: str) -> None:
    images = forward(name).images

    assert images.shape == (2, 3, picture_side(name), picture_side(name))
    assert images.dtype == torch.float32
    assert images.isfinite().all()
    assert images.min() >= 0
    assert images.max() <= 1


@pytest.mark.parametrize("name", METHODS)
def test_pictures_of_a_batch_do_not_touch_each_other(name: str) -> None:
    together, alone = forward(name).images[:1], forward(name).alone

    assert (together - alone).abs().mean() < 1e-4  # truncation to 8 bit may move a few pixels by one level


@pytest.mark.parametrize("name", METHODS)
def test_inputs_are_not_changed(name: str) -> None:
    batch = training_batch(picture_side(name))

    assert torch.equal(forward(name).composite, batch["composite"])
    assert torch.equal(forward(name).mask, batch["mask"])


@pytest.mark.parametrize("name", METHODS)
def test_a_background_that_is_promised_to_stay_does_so_at_every_size(name: str) -> None:
    model, images, _, _, composites, masks = forward(name)
    full, region = noise8(5, 300, 400), ellipse(300, 400, (100, 150), (60, 40))

    with torch.inference_mode():
        enlarged = model.upscale(model(composites[:1], masks[:1]), full, region) if model.working_size else full

    for image, composite, mask in ((images, composites, masks), (enlarged, full, region)):
        assert not model.keeps_background or torch.equal(image * (1 - mask), composite * (1 - mask))


@pytest.mark.parametrize("name", METHODS)
def test_editor_is_offered_what_it_can_edit(name: str) -> None:
    assert models.describe(name).editable == bool({"operator_masks", "arguments"} & forward(name).extras)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINABLE)
def test_every_parameter_gets_a_gradient_unless_declared_untrained(name: str) -> None:
    model = small(name).double().train()
    batch = training_batch(gradient_side(name))
    for module in model.modules():
        # Stochastic depth and whole channels: chance must not decide what a step reaches.
        if hasattr(module, "drop"):
            module.drop = 0.0
        if isinstance(module, torch.nn.Dropout2d):
            module.p = 0.0
    exact = {key: value.double() if isinstance(value, torch.Tensor) else value for key, value in batch.items()}

    sizes = gradient_sizes(model, exact)

    silent = {parameter for parameter, size in sizes.items() if size < ROUNDING}
    assert silent == set(model.untrained_parameters)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(("dih", {"variant": variant}) for variant in ("tf256", "pt256", "pt256seg")),
        *((name, {}) for name in ("dih_m", "dih_nm", "ptc_dih", "ptc_att_dih", "dovenet", "idih", "frih")),
        *(("frih", {"cascade": cascade, "fusion": False}) for cascade in ("submasks", "global", "none")),
        ("frih", {"blended": True}),
    ],
)
def test_a_residual_network_starts_from_the_composite_and_learns(name: str, options: dict[str, Any]) -> None:
    model, given = models.create(name, width=NARROW, residual=True, **options), training_batch(gradient_side(name))

    with torch.inference_mode():
        start = model.eval()(given["composite"], given["mask"]).image
    torch.testing.assert_close(start, given["composite"])
    rates = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(2):  # the first one reaches the last layer alone
        rates.zero_grad()
        model.train().training_loss(given)["total"].backward()
        rates.step()
    first = next(parameter for player in model.players().values() for parameter in player)
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


@pytest.mark.parametrize("name", TRAINABLE)
def test_players_own_every_trainable_parameter_once(name: str) -> None:
    model = small(name)

    owned = [id(parameter) for parameters in model.players().values() for parameter in parameters]

    assert sorted(owned) == sorted(id(parameter) for parameter in model.parameters() if parameter.requires_grad)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        *((name, "discriminator", "generator") for name in ("dovenet", "rainnet")),
        *((name, "generator", "discriminator") for name in ("s2am", "s2crnet", "sgmmh_omgan")),
    ],
)
def test_players_take_turns_and_leave_no_gradient_on_each_other(name: str, first: str, second: str, batch: dict[str, Any]) -> None:
    model, turns = models.create(name, width=NARROW, **({"gan": True} if name == "s2am" else {})), []

    for player, losses in model.training_losses(batch):
        model.zero_grad()
        losses["total"].backward()
        reached = {owner for owner, group in model.players().items() if any(parameter.grad is not None for parameter in group)}
        turns.append((player, reached))

    assert turns == [(first, {first}), (second, {second})]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINABLE)
def test_losses_of_every_player_are_finite_scalars(name: str) -> None:
    model, given = small(name).train(), training_batch(gradient_side(name))

    losses = {f"{player}/{key}": value for player, group in model.training_losses(given) for key, value in group.items()}

    assert all(value.shape == () and value.isfinite() for value in losses.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adfm", "dht", "ht", "iih", "pctnet", "s2am"])  # config/paper.yaml trains these so
def test_mixed_precision_moves_losses_by_less_than_a_hundredth(name: str) -> None:
    model, totals = small(name).train(), []

    for mixed in (False, True):
        torch.manual_seed(0)  # dropout
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            totals.append([losses["total"].item() for _, losses in model.training_losses(training_batch(gradient_side(name)))])

    assert totals[1] == pytest.approx(totals[0], rel=0.01)


@pytest.mark.parametrize("name", TRAINABLE)
def test_recipe_says_how_the_paper_trains(name: str) -> None:
    recipe = forward(name).model.training_recipe

    assert recipe is not None
    assert recipe.learning_rate > 0
    assert recipe.iterations > 0


@pytest.mark.parametrize("name", [name for name in METHODS if "width" in models.describe(name).options])
def test_a_width_of_zero_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="width is 0, expected a factor above 0"):
        models.create(name, width=0)


@pytest.mark.parametrize("name", PRETRAINED)
def test_pretrained_weights_are_for_full_width_only(name: str) -> None:
    with pytest.raises(ParameterError, match=r"pretrained weights are for width 1, and width is 0\.5"):
        models.create(name, pretrained=True, width=0.5)


@pytest.mark.parametrize("name", METHODS)
def test_a_training_starts_from_random_weights_unless_told_otherwise(name: str) -> None:
    assert forward(name).model.initialize() == "random"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ImageNet weights belong; the folder is there, nothing is in it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", PRETRAINED)
def test_missing_imagenet_weights_leave_random_ones_with_a_warning(name: str) -> None:
    model = models.create(name, pretrained=True)
    before = {key: values.clone() for key, values in model.state_dict().items()}

    with pytest.warns(UserWarning, match=f'{model.imagenet_file} are not in .* "{name}" starts from random weights: put the file there'):
        start = model.initialize()

    assert start == "random"
    assert all(torch.equal(values, before[key]) for key, values in model.state_dict().items())


@pytest.mark.parametrize("name", PRETRAINED)
def test_damaged_imagenet_weights_are_refused(name: str, hub: Path) -> None:
    with torch.device("meta"):
        model = models.create(name, pretrained=True)
    assert model.imagenet_file is not None
    (hub / model.imagenet_file).write_bytes(b"half of it")

    with pytest.raises(CheckpointError, match=model.imagenet_file):
        model.initialize()


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_saved_model_loads_with_the_same_output(name: str, tmp_path: Path) -> None:
    model, _, alone, _, composites, masks = forward(name)
    models.save_checkpoint(model, tmp_path / "checkpoint.pt", step=3)

    loaded = models.load(tmp_path)

    with torch.inference_mode():
        assert torch.equal(loaded(composites[:1], masks[:1]).image, alone)
    assert (loaded.name, loaded.options) == (name, model.options)


@pytest.mark.parametrize("name", METHODS)
def test_a_mask_is_demanded_exactly_where_one_is_needed(name: str) -> None:
    model = forward(name).model

    if model.needs_mask:
        with pytest.raises(MaskError, match=f'"{name}" needs a mask'):
            model(noise8(1))
    else:
        assert model(noise8(1)).image.shape == (1, 3, 256, 256)


@pytest.mark.parametrize("name", METHODS)
def test_registry_and_model_agree_on_needing_a_mask(name: str) -> None:
    assert models.describe(name).needs_mask == forward(name).model.needs_mask


@pytest.mark.parametrize("name", METHODS)
def test_a_mask_of_another_size_is_refused(name: str) -> None:
    with pytest.raises(ShapeError, match="mask is"):
        forward(name).model(noise8(1), torch.ones(1, 1, 128, 256))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (37, 300)])
@pytest.mark.parametrize("name", METHODS)
def test_any_size_comes_back_in_its_size(name: str, size: tuple[int, int], generator: np.random.Generator) -> None:
    composite = generator.integers(0, 256, (*size, 3), dtype=np.uint8)

    harmonized, _ = render_picture(forward(name).model, composite, np.ones(size, bool))

    assert harmonized.shape == composite.shape
    assert harmonized.dtype == np.uint8


@pytest.mark.parametrize("name", [name for name in METHODS if not models.describe(name).needs_mask])
def test_a_mask_changes_nothing_for_a_method_without_one(name: str, photo_array: np.ndarray) -> None:
    model, shape = forward(name).model, photo_array.shape[:2]

    alone, *others = (render_picture(model, photo_array, mask)[0] for mask in (None, np.zeros(shape, bool), np.eye(*shape)))

    assert all(np.array_equal(other, alone) for other in others)


@pytest.mark.parametrize("name", [name for name in METHODS if models.describe(name).needs_mask])
def test_an_empty_mask_returns_the_composite_with_a_warning(name: str, photo_array: np.ndarray) -> None:
    with pytest.warns(UserWarning, match="mask is empty"):
        harmonized = harmonize(forward(name).model, photo_array, np.zeros(photo_array.shape[:2], bool))

    assert np.array_equal(harmonized, photo_array)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_output_equals_the_stored_one(name: str) -> None:
    """Our own numbers: made by ``tests/helpers/golden_fill.py`` after the method agreed with the authors' golden file."""
    stored = np.load(GOLDEN / f"model_{name}.npz")

    found = own_golden(name)

    assert set(found) == set(stored.files)
    for key, values in stored.items():
        # Methods that quantize may move one 8-bit level where a value sits on the border.
        tolerance = 1.001 / 255 if key == "image_slice" else 1e-4
        np.testing.assert_allclose(found[key], values, atol=tolerance, rtol=1e-4, err_msg=key)
