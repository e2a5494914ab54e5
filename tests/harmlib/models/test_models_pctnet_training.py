"""PCT-Net's losses and negatives against the authors' numbers (``tests/authors``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from authors import assert_agrees, authors
from golden_fill import NARROW, block, ellipse, fill_a, fill_public, noise, read_list
from torch import Tensor

from harmlib import models
from harmlib.errors import CheckpointError, ParameterError
from harmlib.models.idih import area_normalized_errors, normalize
from harmlib.models.layers import contrast
from harmlib.models.layers.backbones import VGG16_FILE, vgg16_features
from harmlib.models.layers.pixel_transforms import smoothness

LISTS = {"pctnet": "pctnet_cnn.json", "pctnet_vit": "pctnet_vit.json"}
PREFIXES = {"pctnet": "train/cnn/", "pctnet_vit": "train/vit/"}
SMALLEST_AREA = 1000
SIDE = 64
PHOTOGRAPHS = ((96, 80), (72, 100), (64, 64))
CONTRASTIVE_WEIGHT = 0.01
COLOR_TOLERANCE = 1e-4
LOSS_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-3  # relative, of norms


@dataclass
class Triples:
    """The golden batch, RGB in [0, 1]: three thumbnails, and the photographs that they could be of."""

    composite: Tensor
    target: Tensor
    mask: Tensor
    full: list[dict[str, Tensor]]


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("pctnet")


@pytest.fixture(scope="module")
def triples() -> Triples:
    ellipses = [((32, 32), (18, 12)), ((30, 26), (14, 20)), ((40, 36), (16, 16))]
    target = torch.cat([mixed(510 + n, 520 + n, SIDE, SIDE) for n in range(3)])
    mask = torch.cat([ellipse(SIDE, SIDE, *bounds) for bounds in ellipses])
    full = []
    for n, (height, width) in enumerate(PHOTOGRAPHS):
        real = mixed(530 + n, 540 + n, height, width)
        region = ellipse(height, width, (height // 2, width // 2), (height // 3, width // 4))
        full.append({"composite": recolored(real, region)[0], "target": real[0], "mask": region[0]})
    return Triples(recolored(target, mask), target, mask, full)


@pytest.fixture(scope="module")
def features() -> Any:
    """VGG16 up to its tenth convolution with the golden weights, which are not ImageNet's."""
    network = contrast.vgg16_tenth()
    network.load_state_dict(fill_a([(name, list(values.shape)) for name, values in network.state_dict().items()]))
    return network


def mixed(cells: int, grains: int, height: int, width: int) -> Tensor:
    """Return a golden photograph, (1, 3, H, W)."""
    return 0.7 * block(cells, height, width) + 0.3 * noise(grains, height, width)


def recolored(real: Tensor, mask: Tensor) -> Tensor:
    """Return the golden composites of photographs."""
    shifted = (real * torch.tensor([0.8, 1, 1.15]).view(1, 3, 1, 1) + 0.05).clamp(0, 1)
    return (1 - mask) * real + mask * shifted


def stored_negatives(golden: Mapping[str, Any]) -> Tensor:
    """Return the authors' recolored photographs, (3, 3, 64, 64)."""
    return torch.from_numpy(golden["contrast/transferred"][:, 0])


def test_pixel_loss_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    parts = [[torch.from_numpy(golden[f"loss/pixel/{name}{n}"])[None] for name in ("pred", "target", "mask")] for n in (0, 1)]

    found = torch.cat([area_normalized_errors(*part, SMALLEST_AREA) for part in parts])

    assert_agrees(found, golden["loss/pixel/values"], atol=LOSS_TOLERANCE)


def test_smoothness_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    maps = torch.from_numpy(golden["loss/smooth/params"]).requires_grad_()

    value = smoothness(maps)
    value.backward()

    assert maps.grad is not None
    assert_agrees(value.item(), golden["loss/smooth/value"], atol=LOSS_TOLERANCE)
    assert_agrees(maps.grad, golden["loss/smooth/grad"], atol=1e-8)
    assert smoothness(torch.ones(1, 2, 4, 4)).item() == pytest.approx(1e-3)


def test_recolored_photographs_agree_with_the_authors(golden: Mapping[str, Any], triples: Triples) -> None:
    partners, starts = golden["contrast/refs"][:, 0], golden["contrast/luminance_start"]

    lab = contrast.to_stretched_lab(triples.target)
    quantiles = [contrast.luminance_quantiles(plane / plane.max()) for plane in lab[:, 0]]
    pairs = zip(quantiles, [quantiles[partner] for partner in partners], starts, strict=True)
    curves = [contrast.fit_curve(own, contrast.shifted_quantiles(own, goal), start.tolist()) for own, goal, start in pairs]
    restyled = contrast.restyle(triples.target, torch.from_numpy(partners), torch.from_numpy(starts))

    negatives = triples.mask * (2 * restyled - 1) + (1 - triples.mask) * normalize(triples.target)
    assert_agrees(lab[:, :, ::4, ::4], golden["contrast/lab"], atol=COLOR_TOLERANCE)
    chroma = contrast.transfer_colors(lab[:1], lab[1:2])[0]
    assert_agrees(chroma[:, ::4, ::4], golden["contrast/chroma_01"], atol=COLOR_TOLERANCE)
    for n in (0, 1):
        assert_agrees(quantiles[n], golden[f"contrast/quantiles_{n}"], atol=1e-6)
    assert_agrees(curves, golden["contrast/luminance_solution"], atol=1e-6)
    assert_agrees(negatives, stored_negatives(golden), atol=COLOR_TOLERANCE)


def test_contrastive_loss_agrees_with_the_authors(
    golden: Mapping[str, Any], triples: Triples, features: Callable[[Tensor], Tensor]
) -> None:
    pred = normalize(0.5 * triples.target + 0.5 * triples.composite).requires_grad_()
    negatives = [normalize(triples.composite), stored_negatives(golden)]

    value = contrast.contrastive_loss(features, pred, normalize(triples.target), triples.mask, negatives)
    value.backward()

    assert pred.grad is not None
    assert_agrees(value.item(), golden["contrast/value"], atol=LOSS_TOLERANCE)
    assert_agrees(pred.grad, golden["contrast/grad_pred"], atol=LOSS_TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_losses_and_gradients_of_a_step_agree_with_the_authors(
    name: str, public_lists: Path, golden: Mapping[str, Any], triples: Triples, features: Callable[[Tensor], Tensor]
) -> None:
    model = models.create(name)
    blur = {key: values.clone() for key, values in model.named_buffers() if key.endswith("blur")}
    names, list_file = model.public_names["model"], public_lists / LISTS[name]
    fill_public(model, names, list_file)
    model.load_state_dict(blur, strict=False)
    model.train(name == "pctnet")
    batch = {"composite": triples.composite, "target": triples.target, "mask": triples.mask, "full": triples.full}

    losses = model.training_loss(batch)
    coefficients, blending = model.estimate(triples.composite, triples.mask)
    pred = model.normalize(model.render(triples.composite, coefficients, triples.mask if blending is None else blending))
    real, negatives = model.normalize(triples.target), [model.normalize(triples.composite), stored_negatives(golden)]
    term = contrast.contrastive_loss(features, pred, real, triples.mask, negatives)
    total = losses["total"] + CONTRASTIVE_WEIGHT * term
    total.backward()

    found = [losses["pixel"].item(), term.item(), losses["smoothness"].item(), total.item()]
    assert_agrees(found, golden[f"{PREFIXES[name]}losses"], atol=LOSS_TOLERANCE, rtol=LOSS_TOLERANCE)
    parameters = dict(model.named_parameters())
    trained = [parameters[names[public]] for public in read_list(list_file) if names[public] in parameters]
    norms = [0.0 if parameter.grad is None else parameter.grad.norm().item() for parameter in trained]
    # The biases before batch norm have a gradient of zero, of which the file holds the rounding.
    assert_agrees(norms, golden[f"{PREFIXES[name]}gradnorms"], rtol=GRADIENT_TOLERANCE, atol=1e-6)


def test_a_photograph_of_the_thumbnails_size_has_the_thumbnails_loss(triples: Triples) -> None:
    torch.manual_seed(0)
    model = models.create("pctnet", width=NARROW).eval()
    batch = {"composite": triples.composite, "target": triples.target, "mask": triples.mask}
    full = [{name: values[n] for name, values in batch.items()} for n in range(3)]

    without, with_full = model.training_loss(batch), model.training_loss({**batch, "full": full})

    assert with_full["pixel"].item() == pytest.approx(without["pixel"].item(), rel=1e-6)


def test_partners_are_distinct_others() -> None:
    partners = torch.stack([contrast.draw_partners(5, 4) for _ in range(20)])  # (20, 5, 3)

    assert (partners != torch.arange(5)[:, None]).all()
    assert all(len(set(row)) == 3 for row in partners.flatten(0, 1).tolist())
    assert set(partners[:, 0].flatten().tolist()) == {1, 2, 3, 4}


def test_a_batch_of_two_has_the_composite_as_its_only_negative() -> None:
    assert contrast.draw_negatives(torch.rand(2, 3, 8, 8), torch.ones(2, 1, 8, 8), 4) == []


def test_negatives_keep_the_real_background(triples: Triples) -> None:
    real = normalize(triples.target)

    (negative,) = contrast.draw_negatives(real, triples.mask, 4)

    outside = (triples.mask == 0).expand_as(real)
    assert torch.equal(negative[outside], real[outside])
    assert (negative[~outside] != real[~outside]).float().mean() > 0.9
    assert negative[~outside].abs().max() <= 1


def test_an_even_photograph_does_not_end_a_training() -> None:
    pictures = torch.stack([torch.full((3, 16, 16), 0.4), torch.full((3, 16, 16), 0.4), torch.rand(3, 16, 16)])

    restyled = contrast.restyle(pictures, torch.tensor([1, 2, 0]), torch.full((3, 2), 0.5))

    assert restyled.isfinite().all()


def test_nearly_even_colors_are_moved_but_not_stretched() -> None:
    torch.manual_seed(0)
    own, partner = torch.randn(1, 3, 16, 16), 40 + 0.1 * torch.randn(1, 3, 16, 16)  # all variances are below 7.5

    moved = contrast.transfer_colors(own, partner)

    torch.testing.assert_close(moved - partner.mean((2, 3), keepdim=True), own - own.mean((2, 3), keepdim=True), atol=0.1, rtol=0)


def test_small_differences_of_luminance_are_enlarged() -> None:
    own = np.linspace(0, 0.5, contrast.QUANTILES)

    shifts = [contrast.shifted_quantiles(own, own + difference) - own for difference in (0.0, 0.1, 0.45)]

    np.testing.assert_allclose([shift.max() for shift in shifts], [0, 0.4, 0.45])


@pytest.mark.slow
def test_the_contrastive_term_uses_imagenets_weights_and_says_so(triples: Triples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    contrast.load_features.cache_clear()
    model = models.create("pctnet", width=NARROW, contrastive=True)
    batch = {"composite": triples.composite, "target": triples.target, "mask": triples.mask}
    with pytest.raises(CheckpointError, match=rf"{VGG16_FILE} in torch's hub cache.*contrastive: false"):
        model.training_loss(batch)

    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    weights = {f"features.{name}": values for name, values in vgg16_features(width=1.0).state_dict().items()}
    torch.save(weights, tmp_path / "hub" / "checkpoints" / VGG16_FILE)
    losses = model.training_loss(batch)
    contrast.load_features.cache_clear()

    expected = losses["pixel"] + 0.1 * losses["smoothness"] + CONTRASTIVE_WEIGHT * losses["contrastive"]
    assert losses["total"].item() == pytest.approx(expected.item(), rel=1e-6)
    assert 0 < losses["contrastive"].item() < 2


def test_a_batch_of_one_has_no_negatives() -> None:
    with pytest.raises(ParameterError, match="batch_size 2 at least"):
        contrast.draw_negatives(torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8), 4)
