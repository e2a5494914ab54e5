"""How Harmonizer trains: its losses against the authors' golden numbers, the two halves of a batch, and the ImageNet start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from authors import assert_agrees, authors
from golden_fill import NARROW
from torch import Tensor, nn

from harmlib import models
from harmlib.filters import FILTERS, RANGES, restore, synthesize
from harmlib.models.harmonizer import IMAGENET_FILE, dynamic_denominator, dynamic_loss, dynamic_terms, region_loss

LOSS_TOLERANCE = 1e-5


def small(**options: Any) -> Any:
    """Return a narrow model with seeded weights for pictures of 64 x 64."""
    torch.manual_seed(0)
    return models.create("harmonizer", **{"width": NARROW, "size": 64, **options})


def small_batch(pictures: int) -> dict[str, Tensor]:
    """Return targets of 64 x 64 whose composites are darker inside a soft-edged square."""
    draw = torch.Generator().manual_seed(5)
    target = nn.functional.interpolate(torch.rand(pictures, 3, 8, 8, generator=draw), size=(64, 64), mode="bilinear")
    mask = torch.zeros(pictures, 1, 64, 64)
    mask[..., 16:48, 16:48] = 0.5
    mask[..., 18:46, 18:46] = 1
    return {"target": target, "mask": mask, "composite": target * (1 - 0.4 * mask)}


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("harmonizer")


def test_synthetic_losses_agree_with_the_authors(golden: Mapping[str, Any]) -> None:
    theta = torch.from_numpy(golden["syn/theta"]).requires_grad_()
    composite, mask, real, arguments = (torch.from_numpy(golden[f"syn/{key}"]) for key in ("composite", "mask", "real", "scaled_args"))
    _, targets = synthesize(real, mask, arguments.T)

    losses = torch.stack([region_loss(o, i, mask) for o, i in zip(restore(composite, mask, theta.T), targets, strict=True)])
    total = dynamic_loss(losses)
    total.backward()

    assert total.item() == pytest.approx(golden["loss/fine_total"].item(), abs=LOSS_TOLERANCE)
    assert_agrees(losses.detach(), golden["loss/per_filter_per_sample"], rtol=LOSS_TOLERANCE, atol=LOSS_TOLERANCE)
    assert_agrees(dynamic_denominator(losses), golden["loss/denominator"], rtol=LOSS_TOLERANCE)
    assert_agrees(dynamic_terms(losses).mean(1).detach(), golden["loss/scaled"], atol=LOSS_TOLERANCE)
    assert_agrees(theta.grad, golden["loss/fine_grad_theta"], rtol=LOSS_TOLERANCE, atol=LOSS_TOLERANCE)


def test_coarse_loss_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    theta = torch.from_numpy(golden["coarse/theta"]).requires_grad_()
    composite, real = (torch.from_numpy(golden[f"coarse/{key}"]) for key in ("composite", "real"))
    mask = torch.from_numpy(golden["syn/mask"])

    losses = region_loss(restore(composite, mask, theta.T)[-1], real, mask)
    (10 * losses.mean()).backward()

    assert_agrees(losses.detach(), golden["coarse/per_sample"], rtol=LOSS_TOLERANCE)
    assert_agrees(theta.grad, golden["coarse/grad_theta"], rtol=LOSS_TOLERANCE, atol=LOSS_TOLERANCE)


def test_dynamic_weights_agree_with_the_authors(golden: Mapping[str, Any]) -> None:
    losses = torch.from_numpy(golden["dyn/losses"]).requires_grad_()

    dynamic_loss(losses).backward()

    assert_agrees(dynamic_denominator(losses), golden["dyn/denominator"], rtol=LOSS_TOLERANCE)
    assert_agrees(dynamic_terms(losses).mean(1).detach(), golden["dyn/scaled"], atol=LOSS_TOLERANCE)
    assert_agrees(losses.grad, golden["dyn/grad"], rtol=LOSS_TOLERANCE, atol=LOSS_TOLERANCE)


def test_dynamic_loss_is_one_and_weighs_each_filter_by_what_it_adds() -> None:
    losses = torch.tensor([[1.0], [3.0], [2.0], [6.0]], requires_grad=True)

    total = dynamic_loss(losses)
    total.backward()

    assert total.item() == pytest.approx(1)
    assert losses.grad.flatten().tolist() == pytest.approx([1 / 7, 1 / 7, 0, 1 / 7])  # S = 1 + 2 + 4; the third filter made it better


def test_region_loss_of_one_foreground_pixel() -> None:
    output, target, mask = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5), torch.zeros(1, 1, 2, 2)
    mask[..., 0, 0] = 1

    assert region_loss(output, target, mask).item() == pytest.approx(3 * (0.5 + 10 * 0.25), rel=1e-5)


@pytest.mark.parametrize(("pictures", "first_coarse"), [(1, 0), (2, 1), (3, 1), (4, 2)])
def test_the_coarse_loss_is_that_of_the_second_half(pictures: int, first_coarse: int) -> None:
    model, batch = small().eval(), small_batch(pictures)
    coarse = {key: values[first_coarse:] for key, values in batch.items()}

    with torch.no_grad():
        losses = model.training_loss(batch)
        harmonized = model(coarse["composite"], coarse["mask"]).image

    assert losses["coarse"].item() == pytest.approx(10 * region_loss(harmonized, coarse["target"], coarse["mask"]).mean().item(), rel=1e-4)
    assert losses["total"].item() == pytest.approx((losses["fine"] + losses["coarse"]).item())


def test_the_first_half_of_a_batch_makes_its_own_composites() -> None:
    model, batch = small().eval(), small_batch(4)
    other = {**batch, "composite": torch.cat([torch.rand(2, 3, 64, 64), batch["composite"][2:]])}

    losses = []
    for given in (batch, other):
        torch.manual_seed(1)
        losses.append(model.training_loss(given)["total"])

    assert losses[0] == losses[1]


def test_made_composites_change_the_foreground_only() -> None:
    model, batch = small(), small_batch(2)

    made, targets = model._synthesize(batch["target"], batch["mask"])

    difference = (made - targets[-1]).abs().sum(1, keepdim=True)
    assert difference[batch["mask"] == 0].max() < 1e-6
    assert all(picture.max() > 0.01 for picture in difference)


def test_pictures_of_a_batch_are_jittered_apart() -> None:
    target = small_batch(1)["target"].expand(2, -1, -1, -1)

    _, targets = small()._synthesize(target, torch.ones(2, 1, 64, 64))

    assert (targets[-1][0] - targets[-1][1]).abs().max() > 0.005


def test_arguments_of_made_composites_are_uniform_over_the_filters_range() -> None:
    target, mask = torch.full((400, 3, 4, 4), 0.5), torch.ones(400, 1, 4, 4)

    made, targets = small(filters="shadow")._synthesize(target, mask)

    arguments = 1 - (made.log() / targets[-1].log()).mean((1, 2, 3))  # shadow is a power of 1 - x
    assert arguments.abs().max().item() == pytest.approx(RANGES["shadow"], abs=0.02)
    assert arguments.mean().item() == pytest.approx(0, abs=0.04)
    assert arguments.std().item() == pytest.approx(RANGES["shadow"] / 3**0.5, rel=0.1)


@pytest.mark.parametrize(("choice", "learns"), [("code", False), ("straight_through", True)])
def test_contrast_above_zero_learns_by_the_straight_through_gradient_only(choice: str, learns: bool) -> None:
    model = small(filters="contrast", contrast_grad=choice).train()
    last = model.regressor.headers[0][1]
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, 0.3)

    model.training_loss(small_batch(2))["total"].backward()

    assert (last.bias.grad.item() != 0) == learns


def test_fine_loss_is_one_with_dynamic_weights_and_the_plain_sum_without() -> None:
    losses = {}
    for dynamic in (True, False):
        model = small(dynamic_loss=dynamic, filters="brightness").train()
        losses[dynamic] = model.training_loss(small_batch(2))

    assert losses[True]["fine"].item() == pytest.approx(1)
    assert losses[False]["fine"].item() == pytest.approx(losses[True]["fine_last"].item())


def test_every_head_of_eight_filters_learns() -> None:
    model = small(filters="+".join(FILTERS)).train()

    model.training_loss(small_batch(4))["total"].backward()

    assert all(hidden.weight.grad.abs().max() > 0 for hidden, _ in model.regressor.headers)


def test_one_seed_repeats_a_step() -> None:
    gradients = []
    for _ in range(2):
        model = small().train()
        model.training_loss(small_batch(5))["total"].backward()
        gradients.append(model.backbone.stem_foreground.conv.weight.grad)

    assert torch.equal(*gradients)


@pytest.mark.slow
def test_forty_steps_at_the_papers_rate_take_most_of_the_loss_away() -> None:
    model, batch = small(width=0.25).train(), small_batch(8)
    optimizer = torch.optim.Adam(model.parameters(), lr=model.training_recipe.learning_rate)

    for _ in range(40):
        optimizer.zero_grad()
        model.training_loss(batch)["total"].backward()
        optimizer.step()

    # In evaluation mode: the running statistics of the norms must be usable this early (0.07 to 0.12 of the loss with other seeds).
    with torch.inference_mode():
        harmonized = model.eval()(batch["composite"], batch["mask"]).image
    left, before = (region_loss(image, batch["target"], batch["mask"]).mean() for image in (harmonized, batch["composite"]))
    assert left < 0.25 * before


@pytest.fixture
def imagenet_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the ImageNet weights belong; the folder is there, the file is not."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / IMAGENET_FILE
    path.parent.mkdir(parents=True)
    return path


def test_imagenet_weights_are_taken_from_the_cache(imagenet_file: Path) -> None:
    from torchvision.models import efficientnet_b0  # imports half of torch: three seconds

    theirs = efficientnet_b0(weights=None).state_dict()
    torch.save(theirs, imagenet_file)
    model = models.create("harmonizer", pretrained=True)

    assert model.initialize() == "imagenet (torchvision)"
    assert torch.equal(model.backbone.head.conv.weight, theirs["features.8.0.weight"])


@pytest.mark.usefixtures("imagenet_file")
def test_a_run_that_started_from_imagenet_loads_without_its_file(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    models.save_checkpoint(models.create("harmonizer", pretrained=True), tmp_path / "checkpoint.pt")

    models.load(tmp_path)

    assert not recwarn.list
