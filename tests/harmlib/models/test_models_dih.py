"""DIH's variants against the authors' golden numbers (``tests/authors/dih.npz``), and the no-reference paper's DIH-M and DIH-NM."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from authors import assert_agrees, authors
from golden_fill import NARROW, fill_a, noise, noise8, read_list, standard_mask
from torch import Tensor

from harmlib import models
from harmlib.errors import ParameterError, ShapeError
from harmlib.models.dih import VARIANTS
from harmlib.models.layers.dih import DihNet

# The note allows 2e-5.
TOLERANCE = 1e-5
LISTS = {"tf256": "dih_tf_wo", "tf256seg": "dih_tf_seg", "pt256": "dih256", "pt256seg": "dih256seg"}
# values of the background in the golden keys; the foreground is 1
BACKGROUNDS = {"m01": 0, "mpm1": -1}
# In float64, a gradient this small beside the largest one is rounding.
ROUNDING = 1e-12


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("dih")


def torch_shapes(list_file: Path) -> dict[str, list[int]]:
    """Return name -> shape of a list; TensorFlow's kernels, which have a slash in their name, in PyTorch's order."""
    return {
        name: [shape[axis] for axis in (3, 2, 0, 1)] if "/" in name and len(shape) == 4 else shape
        for name, shape in read_list(list_file).items()
    }


@lru_cache(maxsize=1)
def filled(variant: str, params: Path) -> Any:
    """Return a full-width variant with the golden weights."""
    model = models.create("dih", variant=variant).eval()
    names = model.public_names["model"]
    shapes = {names[public]: shape for public, shape in torch_shapes(params / f"{LISTS[variant]}.json").items()}
    model.load_state_dict(fill_a(shapes.items()), strict=False)
    return model


def activations(variant: str, params: Path, background: int = 0) -> dict[str, Tensor]:
    """Return the golden picture's layers, its raw output and its parsing if there is one; background: its value in the mask channel."""
    model = filled(variant, params)
    mask = standard_mask() + background * (1 - standard_mask())
    net, inputs = model.harmonizer, torch.cat([model.scale.encode(noise(12345)), mask], 1)
    with torch.inference_mode():
        features = net.encode(inputs)
        code = net.to_code(features[-1])
        found = {"conv5": features[-1], "fc7": code, "deconv5-h": net.decoder[-1](code), "raw": net(inputs)}
        if hasattr(net, "parse"):
            found["seg"] = net.parse(inputs)
    return found


@pytest.mark.parametrize("mask", BACKGROUNDS)
def test_tensorflow_layers_agree_with_the_authors(mask: str, public_lists: Path, golden: Mapping[str, Any]) -> None:
    found = activations("tf256", public_lists, BACKGROUNDS[mask])

    for key in ("conv5", "fc7", "deconv5-h"):
        assert_agrees(found[key][:, ::8], golden[f"tf_wo_{mask}_{key}"], atol=TOLERANCE, err_msg=key)
    stored = golden[f"tf_wo_{mask}_raw"]
    step = 256 // stored.shape[2]
    assert_agrees(found["raw"][:, :, ::step, ::step], stored, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("mask", BACKGROUNDS)
def test_tensorflow_parsing_variant_agrees_with_the_authors(mask: str, public_lists: Path, golden: Mapping[str, Any]) -> None:
    found = activations("tf256seg", public_lists, BACKGROUNDS[mask])

    assert_agrees(found["raw"][:, :, ::2, ::2], golden[f"tf_seg_{mask}_raw"], atol=TOLERANCE)
    assert_agrees(found["seg"][:, ::8, ::8, ::8], golden[f"tf_seg_{mask}_seg"], atol=TOLERANCE)


def test_clipped_picture_agrees_with_the_authors(public_lists: Path, golden: Mapping[str, Any]) -> None:
    model = filled("tf256", public_lists)

    with torch.inference_mode():
        image = 2 * model(noise(12345), standard_mask()).image.double() - 1

    found = [image.mean(), image.std(correction=0), image.min(), image.max(), image.abs().sum()]
    assert_agrees(found, golden["tf_wo_m01_out_stat"], rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_s2am_copy_agrees_with_its_authors(public_lists: Path, golden: Mapping[str, Any]) -> None:
    found = activations("pt256", public_lists)["raw"]

    assert_agrees(found[:, :, ::2, ::2], golden["dih256_out"], atol=TOLERANCE)


@pytest.mark.slow
def test_s2am_copy_with_parsing_keeps_its_crossed_wire(public_lists: Path, golden: Mapping[str, Any]) -> None:
    found = activations("pt256seg", public_lists)

    assert_agrees(found["raw"][:, :, ::2, ::2], golden["dih256seg_out"], atol=TOLERANCE)
    assert_agrees(found["seg"][:, ::2, ::8, ::8], golden["dih256seg_seg"], atol=TOLERANCE)


@pytest.mark.parametrize("variant", LISTS)
def test_names_and_shapes_are_those_of_the_authors_file(variant: str, public_lists: Path) -> None:
    with torch.device("meta"):
        model = models.create("dih", variant=variant)
    own = model.state_dict()

    found = {public: list(own[name].shape) for public, name in model.public_names["model"].items()}

    assert found == torch_shapes(public_lists / f"{LISTS[variant]}.json")


def test_tensorflow_variables_load_from_a_torch_file(tmp_path: Path) -> None:
    model = models.create("dih", width=NARROW).eval()
    own = model.state_dict()
    torch.save({public: own[name] for public, name in model.public_names["model"].items()}, tmp_path / "dih.pt")

    loaded = models.load_public_checkpoint("dih", tmp_path / "dih.pt", width=NARROW)

    with torch.inference_mode():
        assert torch.equal(loaded(noise8(1), standard_mask()).image, model(noise8(1), standard_mask()).image)


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("dih", {}, 8_268_800),
        ("dih", {"variant": "tf256seg"}, 14_502_528),
        ("dih", {"variant": "pt256"}, 22_950_400),
        ("dih", {"variant": "pt256seg"}, 37_572_573),
        ("dih", {"variant": "caffe512"}, 41_769_181),
        ("dih_m", {}, 8_268_800),
        ("dih_nm", {}, 8_267_776),
        ("dih_m", {"variant": "outer"}, 24_919_939),
        ("dih_nm", {"variant": "outer"}, 24_918_915),
    ],
)
def test_network_has_the_published_number_of_parameters(name: str, options: dict[str, str], parameters: int) -> None:
    with torch.device("meta"):
        model = models.create(name, **options)

    assert sum(values.numel() for values in model.parameters()) == parameters


@pytest.mark.parametrize(
    ("variant", "numbers"),
    [
        # the first three channels for a picture of red 1, green 0.5 and blue 0, and the mask's 0 and 1
        ("tf256", (-1, 0, 1, 0, 1)),
        ("tf256seg", (-1, 0, 1, -1, 1)),
        ("pt256", (1, 0.5, 0, 0, 1)),
        ("caffe512", (-104.00699, 127.5 - 116.66877, 255 - 122.67892, -128, 127)),
    ],
)
def test_network_sees_the_numbers_of_its_code(variant: str, numbers: tuple[float, ...]) -> None:
    model = models.create("dih", variant=variant, width=NARROW)
    picture = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1).expand(1, 3, 1, 2)

    found = model.stack(picture, torch.tensor([0.0, 1.0]).view(1, 1, 1, 2))

    assert [*found[0, :3, 0, 0].tolist(), *found[0, 3, 0].tolist()] == pytest.approx(numbers, abs=1e-4)


def test_original_works_at_512() -> None:
    model = models.create("dih", variant="caffe512", width=NARROW).eval()
    torch.nn.init.zeros_(model.harmonizer.output.weight)

    with torch.inference_mode():
        image = model(noise(1, 512, 512), torch.ones(1, 1, 512, 512)).image

    mean_color = torch.tensor([122.67892, 116.66877, 104.00699]) / 255
    np.testing.assert_allclose(image, mean_color.view(1, 3, 1, 1).expand(1, 3, 512, 512), atol=1e-6)


def test_loss_is_that_of_the_clipped_picture(batch: dict[str, Any]) -> None:
    model = models.create("dih", width=NARROW).double()
    exact = {key: batch[key].double() for key in ("composite", "target", "mask")}
    with torch.no_grad():
        model.harmonizer.output.weight *= 1e6  # nearly every value is clipped

    loss = model.training_loss(exact)["total"]

    raw = model.harmonizer(model.stack(exact["composite"], exact["mask"]))
    assert raw.abs().min() < raw.abs().max() > 1
    expected = functional.mse_loss(raw.clamp(-1, 1), 2 * exact["target"].flip(1) - 1)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)


def test_no_gradient_flows_where_the_clip_is_active(batch: dict[str, Any]) -> None:
    model = models.create("dih", width=NARROW)
    with torch.no_grad():
        model.harmonizer.output.weight *= 1e12  # every value is clipped

    model.training_loss(batch)["total"].backward()

    assert all(not values.grad.any() for values in model.parameters())


@pytest.mark.parametrize("name", ["dih_m", "dih_nm"])
def test_perceptual_loss_is_that_of_the_raw_picture(name: str, batch: dict[str, Any]) -> None:
    model = models.create(name, width=NARROW)
    torch.nn.init.zeros_(model.harmonizer.output.weight)  # a gray picture, 0 in [-1, 1]

    loss = model.training_loss(batch)["total"]

    assert loss.item() == pytest.approx((2 * batch["target"] - 1).square().mean().item(), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "options"),
    [*(("dih", {"variant": variant}) for variant in VARIANTS), ("dih", {"norm": "batch"}), ("dih_m", {"variant": "outer"})],
    ids=str,
)
def test_untrained_parameters_are_declared_for_every_variant(name: str, options: dict[str, str]) -> None:
    model = models.create(name, width=NARROW, **options).double().train()
    side = model.working_size
    composite, target = (torch.cat([noise8(seed, side, side), noise8(seed + 1, side, side)]).double() for seed in (1, 3))
    mask = (composite[:, :1] > 0.5).double()

    model.training_loss({"composite": composite, "target": target, "mask": mask})["total"].backward()

    sizes = {key: 0.0 if values.grad is None else values.grad.abs().max().item() for key, values in model.named_parameters()}
    assert {key for key, size in sizes.items() if size < ROUNDING * max(sizes.values())} == model.untrained_parameters


@pytest.mark.parametrize(("norm", "moved"), [("own", False), ("affine", False), ("batch", True)])
def test_statistics_move_in_training_only_with_batch_norm(norm: str, moved: bool, batch: dict[str, Any]) -> None:
    model = models.create("dih", width=NARROW, norm=norm).train()

    model.training_loss(batch)

    assert bool((model.harmonizer.encoder[0][1].running_mean != 0).any()) is moved


@pytest.mark.parametrize(("width", "factor"), [(1.0, 1.0), (0.25, 2.0)])
def test_weights_start_with_the_authors_deviations(width: float, factor: float) -> None:
    torch.manual_seed(0)

    net = models.create("dih", width=width).harmonizer

    assert net.encoder[3][0].weight.std().item() == pytest.approx(0.01 * factor, rel=0.05)
    assert net.code.weight.std().item() == pytest.approx(0.005 * factor, rel=0.05)


@pytest.mark.parametrize(("variant", "start"), [("tf256", 0.0), ("caffe512", 1.0)])
def test_code_bias_starts_where_the_authors_start_it(variant: str, start: float) -> None:
    bias = models.create("dih", variant=variant, width=NARROW).harmonizer.code.bias

    assert bias.unique().tolist() == [start]


def test_network_without_a_code_layer_decodes_a_code_of_512() -> None:
    net = DihNet(3, code=None, width=NARROW)
    features = net.encode(noise(1))

    image = net.decode(torch.zeros(1, net.code_channels, 1, 1), features)

    assert net.code_channels == 512 * NARROW
    assert not any(name.startswith("code") for name in net.state_dict())
    assert image.shape == (1, 3, 256, 256)


@pytest.mark.parametrize(("name", "used"), [("dih_m", True), ("dih_nm", False)])
def test_mask_changes_the_picture_only_where_it_is_used(name: str, used: bool) -> None:
    model = models.create(name, width=NARROW).eval()

    with torch.inference_mode():
        masked, empty = (model(noise8(1), mask).image for mask in (standard_mask(), torch.zeros(1, 1, 256, 256)))

    assert torch.equal(masked, empty) is not used


def test_a_residual_network_adds_what_its_decoder_makes() -> None:
    whole, change = (models.create("dih_m", width=NARROW, residual=residual).eval() for residual in (False, True))
    change.load_state_dict(whole.state_dict())
    composite, mask = noise(1), standard_mask()

    with torch.inference_mode():
        added = change.restore(composite, mask) - whole.restore(composite, mask)

    torch.testing.assert_close(added, whole.scale.encode(composite))


@pytest.mark.parametrize(("name", "options", "side"), [("dih", {}, 256), ("dih", {"variant": "caffe512"}, 512), ("dih_nm", {}, 256)])
def test_another_size_is_refused_with_the_only_one(name: str, options: dict[str, str], side: int) -> None:
    model = models.create(name, width=NARROW, **options)

    with pytest.raises(ShapeError, match=f'^composite is 320x256, "{name}" works at {side}x{side} only: resize it$'):
        model(noise(1, 320, 256), torch.ones(1, 1, 320, 256))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dih", {"variant": "inner"}, 'variant is "inner": choose from tf256, tf256seg, pt256, pt256seg, caffe512'),
        ("dih", {"norm": "instance"}, 'norm is "instance": choose from affine, batch'),
        ("dih_m", {"variant": "tf256"}, 'variant is "tf256": choose from inner, outer'),
    ],
)
def test_wrong_options_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        models.create(name, **options)
