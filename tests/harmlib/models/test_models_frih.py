"""FRIH on every kind of foreground, its ablations, and its training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from golden_fill import ellipse, noise8
from torch import Tensor

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.models.frih import pack_submasks

WIDTH = 1 / 16
SIDE = 128
ROW_TOLERANCE = 1e-4
ABLATIONS: dict[str, dict[str, Any]] = {
    "baseline": {"cascade": "none"},
    "globalmask": {"cascade": "global", "fusion": False},
    "submask": {"fusion": False},
    "frih": {},
}


def small(**options: Any) -> Any:
    """Return a narrow model with seeded weights."""
    torch.manual_seed(0)
    return models.create("frih", **{"width": WIDTH, **options})


def patches(colors: int, side: int = SIDE) -> tuple[Tensor, Tensor]:
    """Return a gray picture (1, 3, H, W) with a square foreground of so many far colors in equal bars, and its mask (1, 1, H, W)."""
    corners = torch.tensor([[(code >> bit) % 2 * 200 + 30 for bit in range(3)] for code in range(8)] + [[130, 130, 130], [130, 255, 0]])
    image = torch.full((1, 3, side, side), 90.0)
    mask = torch.zeros(1, 1, side, side)
    mask[..., 20:108, 20:120] = 1
    for bar, columns in enumerate(torch.arange(20, 120).tensor_split(colors)):
        image[0, :, 20:108, columns] = corners[bar].float()[:, None, None]
    return image / 255, mask


def pair(colors: tuple[int, ...] = (2, 3)) -> dict[str, Any]:
    """Return a batch of pictures whose foregrounds have so many colors and are too bright."""
    pictures, masks = (torch.cat(parts) for parts in zip(*(patches(number) for number in colors), strict=True))
    return {"composite": pictures, "target": pictures * (1 - 0.4 * masks), "mask": masks}


def predict(model: Any, composite: Tensor, mask: Tensor) -> Any:
    with torch.inference_mode():
        return model.eval()(composite, mask)


def test_total_loss_is_the_mean_over_pictures_of_both_stages() -> None:
    batch = pair()
    model = small().train()

    losses = model.training_loss(batch)

    with torch.no_grad():
        coarse, encoded = model.base(batch["composite"], batch["mask"])
        rows, image_index = pack_submasks(model.label_submasks(batch["composite"], batch["mask"]))
        refined = model.cascade(coarse[image_index], rows.float(), model.cascade.transferred(encoded), image_index)
    errors = [(refined[row] - batch["target"][image_index[row]])[:, rows[row, 0]].square().sum() / rows[row].sum() for row in range(5)]
    assert losses["refine"].item() == pytest.approx(sum(errors).item() / 2, rel=1e-5)
    assert losses["total"].item() == pytest.approx((losses["coarse"] + losses["refine"]).item(), rel=1e-6)


@pytest.mark.parametrize("name", ABLATIONS)
def test_background_is_the_composites(name: str) -> None:
    batch = pair()

    image = predict(small(**ABLATIONS[name]), batch["composite"], batch["mask"]).image

    assert torch.equal(image * (1 - batch["mask"]), batch["composite"] * (1 - batch["mask"]))


@pytest.mark.parametrize("name", ABLATIONS)
def test_foreground_is_changed(name: str) -> None:
    batch = pair()

    image = predict(small(**ABLATIONS[name]), batch["composite"], batch["mask"]).image

    assert ((image - batch["composite"]).abs() * batch["mask"]).mean() > 0.01


@pytest.mark.parametrize("colors", [1, 4, 10])
def test_every_color_region_is_refined_on_its_own(colors: int) -> None:
    composite, mask = patches(colors)

    prediction = predict(small(), composite, mask)

    labels = prediction["submasks"]
    assert labels.unique().tolist() == list(range(colors + 1))
    assert len(prediction["refined"]) == colors
    for label, refined in enumerate(prediction["refined"], start=1):
        inside = labels[0, 0] == label
        torch.testing.assert_close(prediction.image[0][:, inside], refined[:, inside].clamp(0, 1))


def test_submasks_cover_the_mask_and_nothing_else() -> None:
    composite, mask = noise8(5, SIDE, SIDE), ellipse(SIDE, SIDE, (50, 60), (30, 20))

    prediction = predict(small(), composite, mask)

    assert torch.equal(prediction["submasks"] > 0, mask > 0)


def test_pictures_with_different_numbers_of_submasks_share_one_pass() -> None:
    batch = pair((1, 10, 3))
    model = small().eval()
    passes = []
    model.cascade.register_forward_hook(lambda _module, inputs, _output: passes.append(len(inputs[0])))

    together = predict(model, batch["composite"], batch["mask"])

    assert passes == [14]
    assert together["image_index"].bincount().tolist() == [1, 10, 3]
    for index in range(3):
        alone = predict(model, batch["composite"][index : index + 1], batch["mask"][index : index + 1])
        torch.testing.assert_close(together.image[index], alone.image[0], atol=ROW_TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_empty_mask_gives_the_composite(name: str) -> None:
    composite, _ = patches(3)

    image = predict(small(**ABLATIONS[name]), composite, torch.zeros(1, 1, SIDE, SIDE)).image

    assert torch.equal(image, composite)


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_batch_of_empty_masks_can_be_trained_on(name: str) -> None:
    batch = {**pair(), "mask": torch.zeros(2, 1, SIDE, SIDE)}

    losses = small(**ABLATIONS[name]).train().training_loss(batch)

    losses["total"].backward()
    assert losses["total"].isfinite()


def test_an_empty_mask_beside_a_full_one_changes_nothing_for_it() -> None:
    composite, mask = patches(3)
    model = small()

    image = predict(model, composite.repeat(2, 1, 1, 1), torch.cat([torch.zeros_like(mask), mask])).image

    assert torch.equal(image[:1], composite)
    torch.testing.assert_close(image[1:], predict(model, composite, mask).image, atol=ROW_TOLERANCE, rtol=0)


def test_a_mask_of_one_pixel_changes_one_pixel() -> None:
    composite, mask = patches(3)[0], torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 64, 64] = 1

    image = predict(small(), composite, mask).image

    assert ((image != composite).any(1, keepdim=True) == (mask > 0)).all()


def test_soft_masks_count_from_one_half_on() -> None:
    composite, mask = patches(3)
    soft = 0.5 * mask + 0.3 * (1 - mask)

    image = predict(small(), composite, soft).image

    assert torch.equal(image, predict(small(), composite, mask).image)


def test_stored_submasks_replace_those_that_would_be_computed() -> None:
    batch = pair()
    model = small().train()
    computed = model.training_loss(batch)["total"]
    items = [
        model.labeler((picture * 255).round().byte().permute(1, 2, 0).numpy(), mask[0].numpy() > 0)
        for picture, mask in zip(batch["composite"], batch["mask"], strict=True)
    ]

    for kind in (torch.uint8, torch.float32):
        stored = {**batch, "submasks": torch.from_numpy(np.stack(items))[:, None].to(kind)}
        assert torch.equal(model.training_loss(stored)["total"], computed)
    merged = {**batch, "submasks": batch["mask"]}
    assert not torch.equal(model.training_loss(merged)["refine"], computed)


def test_the_mask_as_it_is_stays_whole_where_a_batch_has_submasks() -> None:
    batch = pair()
    model = small(cascade="global").train()

    split = model.training_loss({**batch, "submasks": batch["mask"] * torch.tensor([1, 2]).repeat(SIDE // 2)})["refine"]

    assert torch.equal(split, model.training_loss(batch)["refine"])


def test_pairs_need_submasks_only_where_colors_split_the_mask() -> None:
    found = {name: small(**options).labeler is not None for name, options in ABLATIONS.items()}

    assert found == {"baseline": False, "globalmask": False, "submask": True, "frih": True}


def test_small_regions_join_a_neighbor_on_request() -> None:
    composite, mask = noise8(5, SIDE, SIDE), ellipse(SIDE, SIDE, (50, 60), (30, 20))

    areas = predict(small(min_area=100), composite, mask)["submasks"].flatten().bincount()

    assert areas[2:].min() >= 100  # label 1, the densest, stays whatever its area


def test_refined_loss_reaches_stage_one_by_its_features_and_by_its_picture() -> None:
    model = small().train()

    model.training_loss(pair())["refine"].backward()

    assert model.base.encoder[0][0].weight.grad.abs().max() > 0
    assert model.base.head.weight.grad.abs().max() > 0


def test_blended_head_starts_near_the_coarse_picture() -> None:
    composite, mask = patches(3)

    errors = [
        (prediction["refined"] - prediction["coarse"]).abs().mean()
        for prediction in (predict(small(blended=blended), composite, mask) for blended in (True, False))
    ]

    assert errors[0] < errors[1]


@pytest.mark.slow
def test_two_pictures_are_learned_by_heart() -> None:
    batch = pair()
    model = small(width=0.25).train()
    optimizer = torch.optim.Adam(model.parameters(), 4e-3)
    history = []

    for _ in range(26):
        losses = model.training_loss(batch)
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
        history.append((losses["coarse"].item(), losses["refine"].item()))

    assert all(last < first / 5 for first, last in zip(history[0], history[-1], strict=True))


def test_unknown_cascade_is_named_with_the_choices() -> None:
    with pytest.raises(ParameterError, match='cascade is "local": choose from submasks, global, none'):
        models.create("frih", cascade="local")


def test_no_gradient_depends_on_the_order_of_threads() -> None:
    nodes, seen = [small().train().training_loss(pair())["total"].grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is not None and node not in seen:
            seen.add(node)
            nodes += [following for following, _ in node.next_functions]

    # The gradient of x[index] adds up rows as threads come; that of index_select in their order.
    assert "IndexBackward0" not in {type(node).__name__ for node in seen}
    assert "IndexSelectBackward0" in {type(node).__name__ for node in seen}


def gradients(max_rows: int, *, own_statistics: bool) -> tuple[Any, dict[str, Tensor], int]:
    """Return a model after one backward pass over 9 submasks, its gradients, and the bytes that autograd kept for it."""
    batch, kept = pair((4, 5)), []
    torch.manual_seed(3)
    model = small(max_rows=max_rows).double().train()
    for norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.train(own_statistics)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.nbytes) or tensor, lambda tensor: tensor):
        losses = model.training_loss({name: value.double() for name, value in batch.items()})
    taken_in = {name: values.clone() for name, values in model.named_buffers()}
    losses["total"].backward()
    assert all(torch.equal(values, taken_in[name]) for name, values in model.named_buffers())
    return model, {name: values.grad for name, values in model.named_parameters() if values.grad is not None}, sum(kept)


@pytest.mark.slow
def test_submasks_in_chunks_have_the_gradients_of_all_at_once_and_take_less_memory() -> None:
    _, whole, needed = gradients(160, own_statistics=False)
    _, chunked, less = gradients(2, own_statistics=False)

    assert whole.keys() == chunked.keys()
    for name, values in whole.items():
        torch.testing.assert_close(chunked[name], values, rtol=1e-9, atol=1e-12, msg=name)
    assert less < needed / 2


@pytest.mark.slow
def test_chunks_have_their_own_batch_statistics_which_are_taken_in_once() -> None:
    once, _, _ = gradients(160, own_statistics=True)
    chunked, _, _ = gradients(3, own_statistics=True)

    shared, own = once.base.encoder[3], chunked.cascade.encoder[3]
    norms = [next(module for module in block.modules() if isinstance(module, torch.nn.BatchNorm2d)) for block in (shared, own)]
    assert [int(norm.num_batches_tracked) for norm in norms] == [1, 3]
    assert norms[1].momentum == norms[0].momentum


@pytest.mark.slow
def test_chunks_show_the_pictures_of_all_at_once() -> None:
    batch = pair((4, 5))
    torch.manual_seed(3)
    whole, chunked = small(), small(max_rows=2)
    chunked.load_state_dict(whole.state_dict())

    first, second = (predict(model, batch["composite"], batch["mask"]).image for model in (whole, chunked))

    torch.testing.assert_close(first, second, rtol=0, atol=1e-5)
