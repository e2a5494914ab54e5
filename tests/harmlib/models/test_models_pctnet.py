"""PCT-Net against the authors' numbers (``tests/authors``): networks, transforms and predicted pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from authors import assert_agrees, authors
from golden_fill import NARROW, block, ellipse, fill_public, noise, noise8, read_list, standard_mask
from torch import Tensor

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.inference.pictures import harmonize
from harmlib.inference.thumbnails import sample_bilinear
from harmlib.models.idih import normalize
from harmlib.models.layers.pixel_transforms import CNN_TRANSFORMS, VIT_TRANSFORMS, apply_transform, enlarge
from harmlib.models.pctnet import PctNet

METHODS = ("pctnet", "pctnet_vit")
LISTS = {"pctnet": "pctnet_cnn.json", "pctnet_vit": "pctnet_vit.json"}
PARAMETERS = {
    ("pctnet", "affine"): 2_185_736,
    ("pctnet", "symmetric"): 2_185_637,
    ("pctnet", "polynomial"): 2_186_231,
    ("pctnet", "identity"): 2_185_439,
    ("pctnet_vit", "affine"): 4_809_896,
    ("pctnet_vit", "symmetric"): 4_785_200,
    ("pctnet_vit", "polynomial"): 4_871_951,
    ("pctnet_vit", "mul"): 4_772_879,
}
# The authors' names -> ours; what the golden file calls "linear" is in none of their configurations.
TRANSFORMS = {
    "linear_affine": CNN_TRANSFORMS["affine"],
    "sym_affine": CNN_TRANSFORMS["symmetric"],
    "sym": VIT_TRANSFORMS["symmetric"],
    "polynomial": CNN_TRANSFORMS["polynomial_coded"],
    "identity": CNN_TRANSFORMS["identity"],
    "mul": CNN_TRANSFORMS["mul"],
    "add": CNN_TRANSFORMS["add"],
}
STARTABLE = [("pctnet", "affine"), ("pctnet", "symmetric"), *(("pctnet_vit", each) for each in ("affine", "polynomial", "mul", "add"))]
THUMBNAIL_TOLERANCE = 1e-4
PHOTOGRAPH_TOLERANCE = 2e-4
PICTURE_TOLERANCE = 1e-2  # of 255
TRANSFORM_TOLERANCE = 2e-6
# Golden case -> method, picture, and the step of the slices of both results.
CASES = {
    "cnn/A": ("pctnet", noise, 4, 5),
    "cnn/B": ("pctnet", block, 2, 3),
    "vit/A": ("pctnet_vit", noise, 4, 5),
    "vit/A2": ("pctnet_vit", block, 2, 3),
}
PREDICTED = {"cnn": "cnn/B", "vit": "vit/A"}


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("pctnet")


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, public_lists: Path, golden: Mapping[str, Any]) -> tuple[str, dict[str, Tensor]]:
    """A golden case: its name, and all that our method gives for it, by the golden file's names."""
    name, picture, *_ = CASES[request.param]
    return request.param, run_watched(filled(request.param, public_lists, golden), picture, name)


def filled(case: str, public_lists: Path, golden: Mapping[str, Any]) -> Any:
    """Return the full-width method with the weights of a golden case; the blur keeps its kernel."""
    name = CASES[case][0]
    model = models.create(name, keep_background=False).eval() if name == "pctnet" else models.create(name).eval()
    blur = {key: values.clone() for key, values in model.named_buffers() if key.endswith("blur")}
    names, list_file = model.public_names["model"], public_lists / LISTS[name]
    fill_public(model, names, list_file)
    model.load_state_dict(blur, strict=False)
    if case == "cnn/B":
        statistics = {public: shape for public, shape in read_list(list_file).items() if "running_" in public}
        parts = torch.from_numpy(golden["cnn/B/bn_vector"]).split([shape[0] for shape in statistics.values()])
        model.load_state_dict({names[public]: values for public, values in zip(statistics, parts, strict=True)}, strict=False)
    return model


def run_watched(model: Any, picture: Any, name: str) -> dict[str, Tensor]:
    """Return the outputs of the parts and both results, on the network's scale; thumbnail and photograph are independent pictures."""
    found: dict[str, Tensor] = {}
    hooks = [
        part.register_forward_hook(lambda _module, _inputs, output, key=key: found.__setitem__(key, output.clone()))
        for key, part in watched_parts(model.network, name).items()
    ]
    thumbnail, mask = picture(12345), standard_mask()
    photograph, photograph_mask = picture(12346, 320, 480), ellipse(320, 480, (150, 260), (90, 110))
    with torch.inference_mode():
        coefficients, blending = model.estimate(thumbnail, mask)
        large = enlarge(coefficients, (320, 480))
        weights = photograph_mask if blending is None else enlarge(blending, (320, 480))
        found |= {
            "params": coefficients,
            "params_fullres": large,
            "output_lowres": model.normalize(model.render(thumbnail, coefficients, mask if blending is None else blending)),
            "output_fullres": model.normalize(model.render(photograph, large, weights)),
        }
    for hook in hooks:
        hook.remove()
    return {**found, **({} if blending is None else {"attention": blending})}


def watched_parts(network: Any, name: str) -> dict[str, Any]:
    """Return the parts of a network by the golden file's names."""
    if name == "pctnet_vit":
        layers = network.transformer.layers
        return {"embedding": network.embedding, "tokens1": layers[0], "tokens9": layers[8], "dec": network.decoder}
    trunk = network.trunk
    levels = {f"enc{level}": layer for level, layer in enumerate(trunk.encoder)}
    steps = {f"dec{step}": layer for step, layer in enumerate(trunk.merges)}
    return {**levels, **steps, "ssam": trunk.attention, "att_logit": trunk.head.attention}


@pytest.mark.slow
def test_coefficients_and_both_pictures_agree_with_the_authors(case: tuple[str, dict[str, Tensor]], golden: Mapping[str, Any]) -> None:
    name, found = case
    small, large = CASES[name][2:]
    compared = {
        "params_slice": (found["params"][0, :, ::8, ::8], THUMBNAIL_TOLERANCE),
        "params_chmean": (found["params"].mean((0, 2, 3)), THUMBNAIL_TOLERANCE),
        "output_lowres": (found["output_lowres"][0, :, ::small, ::small], THUMBNAIL_TOLERANCE),
        "params_fullres_slice": (found["params_fullres"][0, :, ::16, ::16], PHOTOGRAPH_TOLERANCE),
        "output_fullres": (found["output_fullres"][0, :, ::large, ::large], PHOTOGRAPH_TOLERANCE),
        "output_fullres_patch": (found["output_fullres"][0, :, 52:84, 236:268], PHOTOGRAPH_TOLERANCE),
    }

    for key, (values, tolerance) in compared.items():
        assert_agrees(values, golden[f"{name}/{key}"], atol=tolerance, rtol=0, err_msg=key)


def test_every_part_agrees_with_the_authors(case: tuple[str, dict[str, Tensor]], golden: Mapping[str, Any]) -> None:
    name, found = case
    if name.startswith("vit"):
        squashed = torch.tanh(found["dec"])
        parts = {key: found[key][0, ::64, ::8] for key in ("embedding", "tokens1", "tokens9")}
        parts |= {"dec_slice": squashed[0, :, ::8, ::8], "dec_chmean": squashed.mean((0, 2, 3))}
    else:
        means = [key for key in found if key.startswith(("enc", "dec", "ssam", "att_logit"))]
        parts = {f"{key}_chmean": found[key].mean((0, 2, 3)) for key in means}
        parts |= {"attention_slice": found["attention"][0, 0, ::4, ::4]}

    for key, values in parts.items():
        assert_agrees(values, golden[f"{name}/{key}"], atol=THUMBNAIL_TOLERANCE, rtol=0, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("network", PREDICTED)
def test_predicted_pictures_agree_with_the_authors(network: str, public_lists: Path, golden: Mapping[str, Any]) -> None:
    model = filled(PREDICTED[network], public_lists, golden)
    image, mask = golden["predict/image"], golden["predict/mask"].astype(np.float32) / 255
    small = torch.from_numpy(golden["predict/image_lowres"]).permute(2, 0, 1)[None] / 255
    top, left = golden["predict/patch_origin"]

    with torch.inference_mode():
        prediction = model(small, torch.from_numpy(golden["predict/mask_lowres"])[None, None])
        full = model.upscale(prediction, torch.from_numpy(image).permute(2, 0, 1)[None] / 255, torch.from_numpy(mask)[None, None])

    thumbnail, photograph = (255 * values[0].permute(1, 2, 0).numpy() for values in (prediction.image, full))
    prefix = f"{network}/predict/"
    assert_agrees(thumbnail[::4, ::4], golden[f"{prefix}lowres"], atol=PICTURE_TOLERANCE, rtol=0)
    assert_agrees(photograph[::4, ::4], golden[f"{prefix}fullres"], atol=PICTURE_TOLERANCE, rtol=0)
    patch = photograph[top : top + 32, left : left + 32]
    assert_agrees(patch, golden[f"{prefix}fullres_patch"], atol=PICTURE_TOLERANCE, rtol=0)


def test_thumbnails_are_the_authors(golden: Mapping[str, Any]) -> None:
    image, mask = golden["predict/image"], golden["predict/mask"].astype(np.float32) / 255

    assert np.abs(sample_bilinear(image, (256, 256)) - golden["predict/image_lowres"]).max() <= 1  # theirs is rounded to 8 bit
    assert_agrees(sample_bilinear(mask, (256, 256)), golden["predict/mask_lowres"], atol=1e-4)


@pytest.mark.parametrize("public", TRANSFORMS)
def test_transforms_agree_with_the_authors(public: str, golden: Mapping[str, Any]) -> None:
    transform = TRANSFORMS[public]
    colors, coefficients = (torch.from_numpy(golden[f"pct/{part}"]) for part in ("input", "params"))

    found = apply_transform(transform, colors, coefficients[:, : transform.coefficients])

    raw, clamped = golden[f"pct/{public}_raw"], golden[f"pct/{public}_clamped_normalized"]
    assert_agrees(found, raw.clip(0, 1) if transform.clamped else raw, atol=TRANSFORM_TOLERANCE)
    np.testing.assert_allclose(normalize(found.clamp(0, 1)), clamped, atol=5 * TRANSFORM_TOLERANCE)  # 1 / std is up to 4.5


@pytest.mark.parametrize("name", METHODS)
def test_names_and_shapes_are_the_authors(name: str, public_lists: Path) -> None:
    with torch.device("meta"):
        model = models.create(name)
    own, names = model.state_dict(), model.public_names["model"]

    found = {public: list(own[ours].shape) for public, ours in names.items() if "num_batches" not in public}

    assert found == read_list(public_lists / LISTS[name])
    assert set(names.values()) == set(own)


@pytest.mark.parametrize(("name", "transform"), PARAMETERS)
def test_every_transform_has_the_authors_number_of_parameters(name: str, transform: str) -> None:
    with torch.device("meta"):
        model = models.create(name, transform=transform)

    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name, transform]


def test_a_file_with_the_authors_names_loads(public_lists: Path, tmp_path: Path) -> None:
    names = read_list(public_lists / LISTS["pctnet"])
    torch.save({name: torch.full(shape, 0.5) for name, shape in names.items()}, tmp_path / "PCTNet_CNN.pth")

    model = models.load_public_checkpoint("pctnet", tmp_path / "PCTNet_CNN.pth")

    assert all((values == 0.5).all() for name, values in model.state_dict().items() if "num_batches" not in name)


def test_the_intended_polynomial_reads_green() -> None:
    colors, coefficients = torch.zeros(1, 3, 1, 1), torch.ones(1, 27, 1, 1)
    colors[:, 1] = 0.5

    intended, coded = (apply_transform(CNN_TRANSFORMS[name], colors, coefficients) for name in ("polynomial", "polynomial_coded"))

    assert intended.flatten().tolist() == [0.75] * 3  # G + G²
    assert coded.flatten().tolist() == [0.0] * 3


@pytest.mark.parametrize(("name", "transform"), STARTABLE)
def test_identity_start_changes_nothing(name: str, transform: str) -> None:
    model = models.create(name, width=NARROW, transform=transform, init="identity").eval()

    with torch.inference_mode():
        image = model(noise8(1), standard_mask()).image

    torch.testing.assert_close(image, noise8(1), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("name", "transform"), [("pctnet", "mul"), ("pctnet", "polynomial"), ("pctnet_vit", "identity")])
def test_a_transform_that_cannot_change_nothing_is_told(name: str, transform: str) -> None:
    with pytest.raises(ParameterError, match=f'transform "{transform}" cannot start as "change nothing"'):
        models.create(name, width=NARROW, transform=transform, init="identity")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transform": "cubic"}, 'transform is "cubic": choose from affine, symmetric'),
        ({"init": "zero"}, 'init is "zero": choose from authors, identity'),
    ],
)
def test_wrong_options_are_told_what_is_expected(name: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        models.create(name, width=NARROW, **options)


def test_fresh_weights_have_the_authors_deviations() -> None:
    torch.manual_seed(0)
    weight = models.create("pctnet", width=0.5).network.trunk.encoder[3][1][0].weight
    vit = models.create("pctnet_vit", width=0.5).network

    fans = weight[0].numel() + weight[:, 0].numel()
    assert weight.std().item() == pytest.approx(math.sqrt(4 / fans), rel=0.02)
    assert vit.transformer.layers[3].self_attention.heads.out_proj.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert vit.transformer.layers[3].self_attention.heads.in_proj_weight.std().item() > 0.04


def test_the_transformer_does_not_know_where_a_patch_lies() -> None:
    model = models.create("pctnet_vit", width=NARROW).eval()
    picture, mask = torch.rand(1, 3, 16, 24), torch.rand(1, 1, 16, 24)

    with torch.inference_mode():
        here = model.estimate(picture, mask)[0]
        moved = model.estimate(*(values.roll((4, 8), (2, 3)) for values in (picture, mask)))[0]

    torch.testing.assert_close(moved, here.roll((4, 8), (2, 3)))


def test_dropout_is_for_training_only() -> None:
    model = models.create("pctnet_vit", width=NARROW, layers=1, dropout=0.1)
    assert isinstance(model, PctNet)
    picture, mask = torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16)

    with torch.inference_mode():
        training = [model.train().estimate(picture, mask)[0] for _ in range(2)]
        testing = [model.eval().estimate(picture, mask)[0] for _ in range(2)]

    assert not torch.equal(*training)
    assert torch.equal(*testing)


def test_the_thumbnail_is_as_large_as_asked_for():
    photograph = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    model = models.create("pctnet", width=1 / 8, size=32, init="identity").eval()

    assert np.array_equal(harmonize(model, photograph, np.ones((40, 56), bool)), photograph)
    assert model.working_size == 32
    with pytest.raises(ParameterError, match="size is 36: choose a multiple of 8"):
        models.create("pctnet", size=36)
