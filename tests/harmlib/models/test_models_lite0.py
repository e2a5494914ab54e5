"""Harmonizer's labelled variant: EfficientNet-Lite0 with a package's ImageNet weights, features averaged on both sides of the mask."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from golden_fill import NARROW, noise8, standard_mask

from harmlib import models
from harmlib.errors import CheckpointError, ParameterError
from harmlib.models import checkpoints
from harmlib.models.layers.efficientnet import FILE, PACKAGE, TwoStemLite0, pool_inside_and_outside, start_from_package

MODULE = PACKAGE.replace("-", "_")
SPEC = importlib.util.find_spec(MODULE)
needs_package = pytest.mark.skipif(SPEC is None, reason=f"needs the optional package {PACKAGE}")

# The published classifier less its last layer, and a kernel 3x3 for the mask beside each of the 32 of the stem.
PARAMETERS = 4_652_008 - 1001 * 1280 + 280 + 32 * 9
# Features of noise8(12345) from PyPI's efficientnet-lite-pytorch 0.1.0 with the same weights: mean, standard deviation, maximum, and
# every 107th.
MOMENTS = [0.13746, 0.46705, 5.35214]
SAMPLES = [0.99435, 0.0, 0.0, 0.01752, 0.04612, 0.00959, 0.72593, 0.0, 0.0, 0.0, 0.38406, 1.47036]


def lite(**options: Any) -> Any:
    """Return a narrow model with seeded weights for pictures of 64 x 64."""
    torch.manual_seed(0)
    return models.create("harmonizer", **{"width": NARROW, "size": 64, "backbone": "lite0", "pooling": "inside_outside", **options})


@pytest.fixture(scope="module")
def imagenet() -> TwoStemLite0:
    """The encoder with the package's weights, in evaluation mode."""
    backbone = TwoStemLite0()
    start_from_package(backbone, "harmonizer")
    return backbone.eval()


@needs_package
def test_features_are_the_published_networks(imagenet: TwoStemLite0) -> None:
    with torch.inference_mode():
        features = imagenet(noise8(12345), standard_mask())[0]

    assert [features.mean(), features.std(correction=0), features.max()] == pytest.approx(MOMENTS, abs=3e-5)
    assert features[::107].tolist() == pytest.approx(SAMPLES, abs=3e-5)


@needs_package
def test_every_published_tensor_but_the_last_layer_has_a_place(imagenet: TwoStemLite0) -> None:
    assert SPEC is not None
    assert SPEC.origin is not None
    theirs = checkpoints.read_file(Path(SPEC.origin).parent / "models" / FILE)
    own = imagenet.state_dict()

    names = {public.removeprefix("backbone."): name for public, name in imagenet.public_names().items() if "stem_" not in name}

    assert {*names} == {name for name in theirs if not name.startswith(("_fc.", "_conv_stem.", "_bn0."))}
    assert all(torch.equal(own[name], theirs[public]) for public, name in names.items())
    stems = torch.cat([own["stem_foreground.conv.weight"], own["stem_background.conv.weight"]])
    assert torch.equal(stems[:, :3], theirs["_conv_stem.weight"])


@needs_package
def test_at_the_start_the_mask_is_not_looked_at(imagenet: TwoStemLite0) -> None:
    with torch.inference_mode():
        found = [imagenet(noise8(1, 64, 64), mask) for mask in (torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64))]

    assert torch.equal(*found)


@needs_package
def test_a_training_starts_from_the_package() -> None:
    model: Any = models.create("harmonizer", backbone="lite0", pretrained=True)

    assert model.initialize() == f"imagenet ({PACKAGE})"
    assert not model.backbone.stem_foreground.conv.weight[:, 3].any()


def test_without_the_package_weights_stay_random_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, MODULE, None)
    model = models.create("harmonizer", backbone="lite0", pretrained=True)
    before = {name: values.clone() for name, values in model.state_dict().items()}

    with pytest.warns(UserWarning, match=f'{PACKAGE} is not installed, so "harmonizer" starts from random weights: install it'):
        start = model.initialize()

    assert start == "random"
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


def test_another_file_in_the_packages_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / MODULE / "models" / FILE
    file.parent.mkdir(parents=True)
    (tmp_path / MODULE / "__init__.py").touch()
    torch.save(TwoStemLite0(width=NARROW).state_dict(), file)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(CheckpointError, match=f'{FILE}" is missing or not the published file: install {PACKAGE} again'):
        models.create("harmonizer", backbone="lite0", pretrained=True).initialize()


def test_the_encoder_has_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in TwoStemLite0().parameters()) == PARAMETERS


def test_features_end_at_six() -> None:
    backbone = TwoStemLite0(width=NARROW).eval()
    torch.nn.init.constant_(backbone.head.norm.bias, 100)

    features = backbone(torch.rand(2, 3, 33, 47), torch.ones(2, 1, 33, 47))

    torch.testing.assert_close(features, torch.full((2, backbone.channels), 6.0))


def test_gray_is_the_zero_of_the_pictures() -> None:
    backbone = TwoStemLite0(width=NARROW).eval()
    seen: list[torch.Tensor] = []
    backbone.stem_foreground.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))

    backbone(torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(1, 3, 64, 64), torch.ones(1, 1, 64, 64))

    assert seen[0][0, :, 0, 0].tolist() == [-1, 0, 1, 1]


def test_features_are_averaged_inside_and_outside() -> None:
    features = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2, :2] = 1  # all of the first feature's cell
    mask[..., 0, 2] = 1  # a quarter of the second's

    pooled = pool_inside_and_outside(features, mask)

    inside, outside = (1 + 0.25 * 2) / 1.25, (0.75 * 2 + 3 + 4) / 2.75
    assert pooled.tolist()[0] == pytest.approx([inside, outside], rel=1e-5)


def test_a_side_without_area_gives_zeros() -> None:
    pooled = pool_inside_and_outside(torch.full((1, 2, 4, 4), 5.0), torch.ones(1, 1, 64, 64))

    assert pooled.tolist()[0] == pytest.approx([5, 5, 0, 0], rel=1e-5)


def test_every_parameter_learns_but_the_declared_ones(batch: dict[str, Any]) -> None:
    model = lite().double().train()
    for block in model.backbone.blocks:
        block.drop = 0.0  # stochastic depth: chance must not decide what a step reaches
    losses = model.training_loss({key: value.double() if isinstance(value, torch.Tensor) else value for key, value in batch.items()})

    losses["total"].backward()

    sizes = {name: parameter.grad.abs().max().item() for name, parameter in model.named_parameters()}
    assert {name for name, size in sizes.items() if size < 1e-12 * max(sizes.values())} == set(model.untrained_parameters)


def test_a_saved_variant_loads_with_the_same_arguments(tmp_path: Path) -> None:
    model, picture, mask = lite().eval(), noise8(1, 64, 64), noise8(2, 64, 64)[:, :1]
    models.save_checkpoint(model, tmp_path / "checkpoint.pt")

    loaded = models.load(tmp_path)

    with torch.inference_mode():
        assert torch.equal(loaded(picture, mask)["arguments"], model(picture, mask)["arguments"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "lite1"}, 'backbone is "lite1": choose from b0, lite0'),
        ({"pooling": "inside"}, 'pooling is "inside": choose from global, inside_outside'),
        ({"init": "zero"}, 'init is "zero": choose from random, identity'),
    ],
)
def test_wrong_options_are_told_what_there_is(options: dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        lite(**options)
