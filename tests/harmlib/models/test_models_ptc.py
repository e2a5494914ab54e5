"""The perceptual threshold classifier: its networks against VGG16 and the paper's counts, its losses, and its two steps of training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden_fill import NARROW, noise8
from torch import nn

from harmlib import models
from harmlib.errors import ParameterError, ShapeError
from harmlib.inference.render import render_picture
from harmlib.models.base import to_signed
from harmlib.models.layers.backbones import VGG16_FILE
from harmlib.models.layers.detector import DetectorDecoder, DetectorEncoder, DilatedVGG16, detector_head
from harmlib.models.layers.perceptual import IMAGENET_MEAN, IMAGENET_STD
from harmlib.models.ptc import class_labels, focal_loss

SIDE = 64


def small(name: str = "ptc", **options: Any) -> Any:
    """Return a narrow model with seeded weights."""
    torch.manual_seed(0)
    return models.create(name, **{"width": NARROW, "size": SIDE, **options})


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def vgg_features() -> nn.Sequential:
    """Return the convolutions and pools of torchvision's VGG16, seeded."""
    from torchvision.models.vgg import cfgs, make_layers  # imports half of torch: three seconds

    torch.manual_seed(3)
    return make_layers(cfgs["D"]).eval()


def as_published(features: nn.Sequential) -> dict[str, torch.Tensor]:
    """Return the tensors under the names of torchvision's file, the classifier's included."""
    weights = {f"features.{name}": values for name, values in features.state_dict().items()}
    return {**weights, "classifier.6.bias": torch.zeros(1000)}


def step(model: Any, batch: dict[str, Any]) -> None:
    """Take one step of Adam, with dropout and batch norm in training mode."""
    model.train()
    optimizer = torch.optim.Adam(model.players()["model"], 1e-2)
    model.training_loss(batch)["total"].backward()
    optimizer.step()


def changed_tensors(model: Any, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, values in model.state_dict().items() if not torch.equal(values, before[name])}


def test_every_part_has_the_papers_number_of_parameters() -> None:
    with torch.device("meta"):
        model: Any = models.create("ptc")

    encoder = model.encoder
    parts = [encoder.backbone, encoder.branches, encoder.main, encoder, model.decoder, model.head, model]
    assert [count(part) for part in parts] == [14_714_688, 1_176_100, 528_899, 16_419_687, 491_904, 195, 16_911_786]


def test_bottleneck_of_a_picture_has_15_maps_at_an_eighth() -> None:
    with torch.device("meta"):
        encoder = DetectorEncoder()
        bottleneck = encoder(torch.zeros(1, 3, 224, 224))

    assert bottleneck.shape == (1, 15, 28, 28)
    assert encoder.code_size == bottleneck.numel() == 11_760


def test_decoder_comes_back_to_the_picture_with_its_channels() -> None:
    decoder = DetectorDecoder(width=0.25)

    features = decoder(torch.rand(1, 15, 3, 5))

    assert features.shape == (1, decoder.channels, 24, 40)
    assert decoder.channels == 16


@pytest.mark.parametrize(("channels", "drop"), [(64, 0.75), (32, 0.5), (16, 0.0), (8, 0.0)])
def test_head_keeps_sixteen_channels_at_any_width(channels: int, drop: float) -> None:
    head: Any = detector_head(channels, 3)

    assert head[0].p == drop


def test_dilated_backbone_computes_vgg16_at_every_second_place() -> None:
    theirs, ours = vgg_features(), DilatedVGG16()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    picture = noise8(1, SIDE, SIDE)

    with torch.inference_mode():
        expected = theirs[:-1](picture)  # without the last pool, (1, 512, 4, 4)
        found = ours.blocks[-1](ours(picture)[3])  # behind pool 4, (1, 512, 8, 8)

    torch.testing.assert_close(found[..., ::2, ::2], expected)


def test_imagenet_weights_see_the_normalization_they_were_trained_with() -> None:
    theirs, ours = vgg_features(), DilatedVGG16()
    picture = noise8(1, 16, 16)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))

    ours.load_imagenet(as_published(theirs))

    with torch.inference_mode():
        expected, found = theirs[0]((picture - mean) / std), ours.blocks[0][0](to_signed(picture))
    torch.testing.assert_close(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1], atol=1e-5, rtol=1e-5)


def test_probabilities_of_the_classes_sum_to_one() -> None:
    with torch.inference_mode():
        probabilities = small().eval()(noise8(1, SIDE, SIDE))["probabilities"]

    assert probabilities.shape == (1, 3, SIDE, SIDE)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(1, SIDE, SIDE))


@pytest.mark.parametrize(("name", "extra"), [("ptc", "probabilities"), ("ptc_aet", "response")])
def test_a_mask_changes_nothing(name: str, extra: str) -> None:
    model, picture = small(name).eval(), noise8(1, SIDE, SIDE)

    with torch.inference_mode():
        without, with_mask = model(picture)[extra], model(picture, torch.ones(1, 1, SIDE, SIDE))[extra]

    assert torch.equal(without, with_mask)


@pytest.mark.parametrize("name", ["ptc", "ptc_aet"])
def test_pictures_come_back_untouched_at_any_size(name: str, generator: np.random.Generator) -> None:
    picture = generator.integers(0, 256, (70, 93, 3), dtype=np.uint8)

    assert np.array_equal(render_picture(small(name).eval(), picture, None)[0], picture)


def test_classes_are_those_of_the_regions() -> None:
    regions = torch.tensor([[0.0, 1, 2, 3]]).view(1, 1, 2, 2)

    assert class_labels(regions).tolist() == [[[2, 0], [1, 2]]]


def test_focal_loss_of_known_probabilities() -> None:
    probabilities = torch.tensor([[0.9, 0.05, 0.05], [0.25, 0.5, 0.25]], dtype=torch.float64)
    logits = probabilities.log().T.reshape(1, 3, 1, 2)

    loss = focal_loss(logits, torch.tensor([[[0, 1]]]))

    expected = -0.25 * (0.1**4 * math.log(0.9) + 0.5**4 * math.log(0.5)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-10)


def test_focal_loss_without_focus_is_the_cross_entropy() -> None:
    logits, labels = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))

    assert focal_loss(logits, labels, alpha=1, gamma=0).item() == pytest.approx(nn.functional.cross_entropy(logits, labels).item())


def test_a_pixel_that_is_certain_and_wrong_still_learns() -> None:
    logits = torch.tensor([-200.0, 200.0, 0.0]).view(1, 3, 1, 1).requires_grad_()

    focal_loss(logits, torch.zeros(1, 1, 1, dtype=torch.int64)).backward()

    assert logits.grad is not None
    assert logits.grad.flatten().tolist() == pytest.approx([-0.25, 0.25, 0.0])


def test_training_loss_is_the_focal_loss_of_the_regions(batch: dict[str, Any]) -> None:
    model = small().eval()
    labels = torch.full((2, 256, 256), 2)
    labels[0][batch["mask"][0, 0] > 0] = 0
    labels[1][batch["mask"][1, 0] > 0] = 1

    losses = model.training_loss(batch)

    with torch.no_grad():
        assert losses["total"].item() == pytest.approx(focal_loss(model.logits(batch["composite"]), labels).item())


def test_pretraining_loss_is_the_squared_error_of_the_masked_stops(batch: dict[str, Any]) -> None:
    model = small("ptc_aet")
    nn.init.zeros_(model.shift.weight)
    nn.init.constant_(model.shift.bias, 0.5)

    loss = model.training_loss(batch)["total"]

    inside = batch["mask"].mean((1, 2, 3))
    expected = inside * (batch["stops"] - 0.5) ** 2 + (1 - inside) * 0.25
    assert loss.item() == pytest.approx(expected.mean().item(), rel=1e-5)


def test_pretraining_sees_which_of_two_pictures_was_shifted() -> None:
    model, first, second = small("ptc_aet").eval(), noise8(1, SIDE, SIDE), noise8(2, SIDE, SIDE)

    with torch.inference_mode():
        there, back = model.predict_shift(first, second), model.predict_shift(second, first)

    assert there.shape == (1, 1, SIDE, SIDE)
    assert not torch.allclose(there, back)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_pretrained_parts_fit_the_classifier(part: str) -> None:
    pretraining, classifier = small("ptc_aet"), small()

    assert getattr(classifier, part).load_state_dict(getattr(pretraining, part).state_dict())


def test_frozen_encoder_stays_as_it_is_while_the_rest_learns(batch: dict[str, Any]) -> None:
    model = small(frozen_encoder=True)
    before = {name: values.clone() for name, values in model.state_dict().items()}

    step(model, batch)

    changed = changed_tensors(model, before)
    assert not any(name.startswith("encoder.") for name in changed)
    assert {"decoder.1.0.weight", "decoder.1.1.running_mean", "head.1.weight"} <= changed


def test_frozen_encoder_counts_as_untrained() -> None:
    model = small(frozen_encoder=True)

    encoder = {name for name, _ in model.named_parameters() if name.startswith("encoder.")}
    assert encoder <= model.untrained_parameters
    assert model.untrained_parameters - encoder < small().untrained_parameters


@pytest.mark.slow
def test_both_directions_are_learnt_from_one_picture_within_seconds() -> None:
    """A gray picture with a square that is darker, or brighter: what a constant answer cannot tell apart."""
    mask = torch.zeros(2, 1, SIDE, SIDE)
    mask[..., 16:48, 16:48] = 1
    shift = torch.tensor([-0.3, 0.3]).view(2, 1, 1, 1)
    composite = (0.5 + shift * mask).expand(2, 3, SIDE, SIDE)
    batch = {"composite": composite, "regions": mask * torch.tensor([1.0, 2.0]).view(2, 1, 1, 1)}
    model = small().train()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model.training_loss(batch)["total"].backward()
        optimizer.step()

    with torch.inference_mode():
        inside = (model.eval()(composite)["probabilities"] * mask).sum((2, 3)) / mask.sum((2, 3))

    assert inside.argmax(1).tolist() == [0, 1]


@pytest.mark.parametrize(("name", "key"), [("ptc", "regions"), ("ptc_aet", "stops")])
def test_pairs_without_exposure_shifts_are_refused(name: str, key: str, batch: dict[str, Any]) -> None:
    pairs = {entry: values for entry, values in batch.items() if entry != key}

    with pytest.raises(ParameterError, match=f'"{name}" learns from exposure shifts, and its pairs bring no "{key}"'):
        small(name).training_loss(pairs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 100}, "size is 100, expected the side of the detector's pictures, a multiple of 8"),
        ({"size": 0}, "size is 0"),
    ],
)
@pytest.mark.parametrize("name", ["ptc", "ptc_aet"])
def test_bad_options_get_one_sentence(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(name, **options)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="composite is 60x64"):
        small()(torch.zeros(1, 3, 60, 64))


@pytest.fixture
def imagenet_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the ImageNet weights belong; the folder is there, the file is not."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / VGG16_FILE
    path.parent.mkdir(parents=True)
    return path


def test_imagenet_weights_are_taken_from_the_cache(imagenet_file: Path) -> None:
    weights = as_published(vgg_features())
    torch.save(weights, imagenet_file)
    model: Any = models.create("ptc", pretrained=True)

    assert model.initialize() == "imagenet (torchvision)"
    assert torch.equal(model.encoder.backbone.blocks[4][4].weight, weights["features.28.weight"])


def test_gamma_is_the_exponent_of_the_loss(batch: dict[str, Any]) -> None:
    plain, focal = (small(gamma=gamma).eval().training_loss(batch)["total"] for gamma in (0.0, 4.0))

    assert focal < 0.5 * plain


def test_a_gamma_below_0_is_refused() -> None:
    with pytest.raises(ParameterError, match="gamma is -1, expected the focal loss's exponent"):
        models.create("ptc", gamma=-1)
