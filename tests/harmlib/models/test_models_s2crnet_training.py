"""How S²CRNet is trained: what its losses are, who learns from them, and where its encoder starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from golden_fill import NARROW, ellipse, noise8

from harmlib import models
from harmlib.models.s2crnet import ENCODERS, relative_l1


def small(**options: Any) -> Any:
    torch.manual_seed(0)
    return models.create("s2crnet", width=NARROW, **options)


@pytest.mark.parametrize("label", ["none", "food"])
def test_the_way_that_is_not_taken_gets_no_gradient(label: str, batch: dict[str, Any]) -> None:
    model = small(label=label).train()

    model.training_loss(batch)["total"].backward()

    idle = {name for name, parameter in model.named_parameters() if name.startswith("heads") and parameter.grad is None}
    assert idle == {name for name in model.untrained_parameters if name.startswith("heads")}
    assert {name.split(".")[2] for name in idle} == ({"label", "labeled"} if label == "none" else {"foreground"})


def test_relative_l1_counts_errors_of_three_channels_per_masked_pixel() -> None:
    target = torch.zeros(2, 3, 2, 2)
    pred = torch.full((2, 3, 2, 2), 0.5)
    mask = torch.ones(2, 1, 2, 2)
    mask[1, :, 0] = 0
    pred[1] *= 2

    assert relative_l1(pred, target, mask).item() == pytest.approx((1.5 + 3) / 2, rel=1e-6)


def test_generator_is_judged_by_its_second_stage_everywhere(batch: dict[str, Any]) -> None:
    model = small().eval()

    with torch.inference_mode():
        losses = model.training_loss(batch)
        first, second = model.render(batch["composite"], model.predict_curves(batch["composite"], batch["mask"]))
        expected = {
            "l1_stage1": relative_l1(first, batch["target"], batch["mask"]),
            "l1_stage2": relative_l1(second, batch["target"], batch["mask"]),
            "adversarial": 0.01 * (model.discriminator(second) - 1).square().mean(),
        }

    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-5), name
    assert losses["total"].item() == pytest.approx(sum(value.item() for value in expected.values()), rel=1e-5)


def test_generator_steps_first_and_the_discriminator_leaves_it_alone(batch: dict[str, Any]) -> None:
    model = small().train()
    found = []

    for player, losses in model.training_losses(batch):
        model.zero_grad()
        losses["total"].backward()
        moved = {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.grad is not None}
        found.append((player, moved))

    assert found == [("generator", {"encoder", "heads"}), ("discriminator", {"discriminator"})]


@pytest.mark.slow
def test_curves_learn_a_darkening_within_seconds() -> None:
    model = small().train()
    optimizers = {player: torch.optim.Adam(parameters, 1e-3) for player, parameters in model.players().items()}
    target, mask = noise8(1, 128, 128), ellipse(128, 128, (64, 64), (40, 30))
    batch = {"composite": target * (1 - 0.5 * mask), "target": target, "mask": mask}
    errors = []

    for _ in range(30):
        for player, losses in model.training_losses(batch):
            optimizers[player].zero_grad()
            losses["total"].backward()
            optimizers[player].step()
            errors += [losses["l1_stage2"].item()] if player == "generator" else []

    assert errors[-1] < 0.5 * relative_l1(batch["composite"], target, mask).item()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ImageNet weights belong; the folder is there, nothing is in it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("encoder", ENCODERS)
def test_imagenet_weights_are_taken_from_the_cache(encoder: str, hub: Path) -> None:
    model = models.create("s2crnet", encoder=encoder, pretrained=True)
    values = {f"features.{name}": torch.full_like(tensor, 0.5) for name, tensor in model.encoder.state_dict().items()}
    torch.save({**values, "features.12.squeeze.weight": torch.zeros(1)}, hub / ENCODERS[encoder][1])

    assert model.initialize() == "imagenet (torchvision)"

    assert all((tensor == 0.5).all() for tensor in model.encoder.state_dict().values())
