"""Harmonizer's network against the authors' golden numbers (``tests/authors/harmonizer.npz``), and its way to full size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from authors import assert_agrees, authors
from golden_fill import NARROW, ellipse, fill_public, noise, read_list, standard_mask
from torch import Tensor, nn

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.filters import FILTERS, SIX, restore

PARAMETERS = 4_726_882
MULTIPLICATIONS = 507_493_824
ARGUMENT_TOLERANCE = 5e-6
PICTURE_TOLERANCE = 1e-5
HALF_TOLERANCE = 1e-3
# Features of the encoder are not in the note: as far as float32 agrees.
FEATURE_TOLERANCE = 3e-5
# The authors' encoder after these blocks is "enc2x" ... "enc16x"; "enc32x" is after the head.
STEPS = {"enc2x": 0, "enc4x": 2, "enc8x": 4, "enc16x": 10}


def block(seed: int) -> Tensor:
    """Return the golden picture of 8 x 8 random cells, (1, 3, 256, 256)."""
    cells = np.random.default_rng(seed).uniform(0, 1, (1, 3, 8, 8)).astype(np.float32)
    return torch.from_numpy(np.kron(cells, np.ones((32, 32), np.float32)))


def small(**options: Any) -> Any:
    """Return a narrow model with seeded weights for pictures of 64 x 64."""
    torch.manual_seed(0)
    return models.create("harmonizer", **{"width": NARROW, "size": 64, **options})


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("harmonizer")


@pytest.fixture(scope="module", params=["A", "B", "B2"])
def case(request: pytest.FixtureRequest, public_lists: Path, golden: Mapping[str, Any]) -> tuple[str, dict[str, Tensor]]:
    """Name of a golden case (weight fill and picture), and everything that our network gives for it."""
    list_file = public_lists / "harmonizer.json"
    model = models.create("harmonizer").eval()
    names = model.public_names["model"]
    fill_public(model, names, list_file)
    if request.param != "A":
        statistics = {name: shape for name, shape in read_list(list_file).items() if "running_" in name}
        parts = torch.from_numpy(golden["B/bn_vector"]).split([shape[0] for shape in statistics.values()])
        model.load_state_dict({names[name]: values for name, values in zip(statistics, parts, strict=True)}, strict=False)
    composite = {"A": noise(12345), "B": block(12345), "B2": 0.5 * block(12345) + 0.25 * noise(12346)}[request.param]
    return request.param, run_watched(model, composite, standard_mask())


def run_watched(model: Any, composite: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Return the outputs of the parts that the golden file has, by its names."""
    backbone, regressor = model.backbone, model.regressor
    parts = {"fg": backbone.stem_foreground, "bg": backbone.stem_background, "enc32x": backbone.head, "pooled": backbone}
    parts |= {"reg_f": regressor.f, "reg_g": regressor.g} | {step: backbone.blocks[index] for step, index in STEPS.items()}
    found: dict[str, Tensor] = {}
    hooks = [
        part.register_forward_hook(lambda _module, _inputs, output, key=key: found.__setitem__(key, output[0]))
        for key, part in parts.items()
    ]
    with torch.inference_mode():
        prediction = model(composite, mask)
        outputs = torch.cat(restore(composite, mask, prediction["arguments"], model.filters))
    for hook in hooks:
        hook.remove()
    return {**found, "arguments": prediction["arguments"][0], "final": prediction.image[0], "outputs": outputs}


def test_arguments_agree_with_the_authors(case: tuple[str, dict[str, Tensor]], golden: Mapping[str, Any]) -> None:
    name, found = case

    assert_agrees(found["arguments"], golden[f"{name}/arguments"], atol=ARGUMENT_TOLERANCE)


def test_harmonized_picture_agrees_with_the_authors(case: tuple[str, dict[str, Tensor]], golden: Mapping[str, Any]) -> None:
    name, found = case

    assert_agrees(found["final"], golden[f"{name}/final"], atol=PICTURE_TOLERANCE)
    if name == "B":
        assert_agrees(found["outputs"], golden["B/outputs"], atol=HALF_TOLERANCE)


def test_every_part_of_the_network_agrees_with_the_authors(case: tuple[str, dict[str, Tensor]], golden: Mapping[str, Any]) -> None:
    name, found = case
    stems = torch.cat([found["fg"], found["bg"]])
    computed = {
        **{key: found[key] for key in ("pooled", "reg_f", "reg_g")},
        **{f"{step}_chmean": found[step].mean((1, 2)) for step in (*STEPS, "enc32x")},
        "stem_mean_std": torch.stack([stems.mean((1, 2)), stems.std((1, 2))], 1),
        "enc2x_slice": found["enc2x"][:, 40:44, 60:64],
        "enc32x_slice": found["enc32x"][:16],
    }

    for key, values in computed.items():
        assert_agrees(values, golden[f"{name}/{key}"], atol=FEATURE_TOLERANCE, err_msg=key)


def test_parameters_are_the_authors(public_lists: Path) -> None:
    model = models.create("harmonizer")
    own, names = model.state_dict(), model.public_names["model"]

    found = {public: list(own[name].shape) for public, name in names.items() if not name.endswith("num_batches_tracked")}

    assert found == read_list(public_lists / "harmonizer.json")
    assert set(names.values()) == set(own)


def test_size_is_the_published_one() -> None:
    model = models.create("harmonizer").eval()
    counts = []

    def count(layer: nn.Conv2d | nn.Linear, _inputs: Any, output: Tensor) -> None:
        counts.append(layer.weight.numel() * output.numel() // layer.weight.shape[0])

    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        model.predict_arguments(noise(1), standard_mask())

    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS
    assert sum(counts) == MULTIPLICATIONS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": "temperature+blur"}, r'filters are "temperature\+blur": choose from temperature, tint'),
        ({"filters": "shadow+brightness"}, "in this order"),
        ({"contrast_grad": "none"}, 'contrast_grad is "none": choose from code, straight_through'),
        ({"size": 32}, "size is 32, expected the side of a thumbnail, 64 at least"),
    ],
)
def test_wrong_options_are_told_what_is_expected(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(**options)


def test_identity_start_changes_nothing_that_is_seen_and_every_filter_learns() -> None:
    model = models.create("harmonizer", width=NARROW, size=64, init="identity").eval()
    composite, mask = noise(1, 64, 64), ellipse(64, 64, (32, 32), (20, 15))

    prediction = model(composite, mask)
    # Of the picture itself: a filter may have no gradient where its argument starts.
    prediction.image[:, 0].sum().backward()

    assert (255 * (prediction.image - composite)).abs().max() < 1
    assert all(header[1].weight.grad.abs().sum() > 0 for header in model.regressor.headers)


@pytest.mark.parametrize("filters", [("brightness", "shadow"), SIX[:4], FILTERS])
def test_every_selection_of_filters_gets_one_argument_each(filters: tuple[str, ...]) -> None:
    model = small(filters="+".join(filters)).eval()

    arguments = model(torch.rand(2, 3, 64, 64), torch.ones(2, 1, 64, 64))["arguments"]

    assert model.filters == filters
    assert arguments.shape == (2, len(filters))


@pytest.mark.parametrize("cascade", [True, False])
def test_an_argument_depends_on_the_one_before_in_a_cascade_only(cascade: bool) -> None:
    regressor = small(cascade=cascade).regressor
    features = torch.ones(1, regressor.f.in_features)
    before = regressor(features)[0]

    nn.init.zeros_(regressor.headers[2][0].weight)

    changed = (regressor(features)[0] != before).tolist()
    assert changed == [False, False, True, cascade, cascade, cascade]


def test_both_regressors_have_the_same_parameters() -> None:
    shapes = [{name: values.shape for name, values in small(cascade=cascade).state_dict().items()} for cascade in (True, False)]

    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("size", [(64, 64), (97, 201), (1, 1)])
def test_full_size_pictures_get_the_thumbnails_arguments(size: tuple[int, int]) -> None:
    model = small().eval()
    composite, mask = torch.rand(1, 3, *size), torch.rand(1, 1, *size)

    with torch.inference_mode():
        prediction = model(torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64))
        full = model.upscale(prediction, composite, mask)

    torch.testing.assert_close(full, restore(composite, mask, prediction["arguments"])[-1], atol=1e-4, rtol=0)


def test_bytes_at_full_size_agree_with_tensors(photo_array: np.ndarray) -> None:
    model = small().eval()
    mask = np.linspace(0, 1, photo_array[..., 0].size, dtype=np.float32).reshape(photo_array.shape[:2])

    with torch.inference_mode():
        prediction = model(torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64))
        found = model.upscale_picture(prediction, photo_array, mask)
        expected = super(type(model), model).upscale_picture(prediction, photo_array, mask)

    assert np.abs(found.astype(int) - expected).max() <= 1


def test_thumbnails_are_sampled_without_antialiasing() -> None:
    model = small().eval()
    seen = []
    model.backbone.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    stripes = (torch.arange(256) % 4 == 0).float().expand(1, 3, 256, 256)  # one column of four, which no sample at 64 x 64 touches

    model.predict_arguments(stripes, torch.ones(1, 1, 256, 256))

    assert torch.equal(seen[0], torch.zeros(1, 3, 64, 64))


def test_soft_masks_blend() -> None:
    model, composite, half = small().eval(), torch.rand(1, 3, 64, 64), torch.full((1, 1, 64, 64), 0.5)

    with torch.inference_mode():
        prediction = model(composite, half)

    inside = restore(composite, torch.ones_like(half), prediction["arguments"])[-1]
    torch.testing.assert_close(prediction.image, (inside + composite) / 2)
