"""S²CRNet against the authors' golden numbers (``tests/authors/s2crnet.npz``), its curves and its boxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from authors import assert_agrees, authors
from golden_fill import NARROW, fill_public, noise, noise8, read_list, standard_mask
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.inference.pictures import harmonize
from harmlib.models.layers.backbones import ClassifierFeatures, squeezenet_features, vgg16_features
from harmlib.models.layers.curves import render_curves
from harmlib.models.s2crnet import crop_foreground, relative_l1

# Parameters go up to 7: a few units in the last place, that sums in another order differ by from one processor to the next.
PARAMETER_TOLERANCE, IMAGE_TOLERANCE = 5e-6, 2e-6
# Under fill A the sums of the pieces are about 0, and dividing by them enlarges the rounding.
ILL_CONDITIONED = 3e-5
# By encoder: the golden file's name for it, parameters with and without the way that labels leave idle, multiplications at 256x256.
VARIANTS = {
    "squeezenet": ("squeeze", 1_145_472, 948_480, 605_742_784),
    "vgg16": ("vgg16", 15_334_848, 15_137_856, 40_089_579_840),
}
DISCRIMINATOR_PARAMETERS = 4_316_545


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("s2crnet")


@pytest.fixture(scope="module", params=[(encoder, fill) for encoder in VARIANTS for fill in "AB"], ids="-".join)
def filled(request: pytest.FixtureRequest, public_lists: Path) -> tuple[str, Any, Tensor]:
    """The golden file's prefix of a variant, the full-width model with its weights, and its picture."""
    encoder, fill = request.param
    name = VARIANTS[encoder][0]
    model: Any = models.create("s2crnet", encoder=encoder, label="person").eval()
    fill_public(model, model.public_names["generator"], public_lists / f"s2crnet_{name}.json")
    if fill == "A":
        return f"{name}/A", model, noise(12345)
    with torch.no_grad():
        for values in model.encoder.parameters():
            values *= 1.5 if values.ndim == 4 else 1
        for head in model.heads:
            head.background.bias += 1
    return f"{name}/B", model, blocks(12345)


def blocks(seed: int, side: int = 256) -> Tensor:
    """Return the golden picture of 8x8 even cells, (1, 3, side, side)."""
    cells = np.random.default_rng(seed).uniform(0, 1, (1, 3, 8, 8)).astype(np.float32)
    return functional.interpolate(torch.from_numpy(cells), size=side)


def small(**options: Any) -> Any:
    torch.manual_seed(0)
    return models.create("s2crnet", width=NARROW, **options)


@pytest.mark.slow
def test_curves_agree_with_the_authors(filled: tuple[str, Any, Tensor], golden: Mapping[str, Any]) -> None:
    prefix, model, picture = filled
    pooled: list[Tensor] = []
    hook = model.encoder.register_forward_hook(lambda _module, _inputs, output: pooled.append(output.mean((2, 3))))

    with torch.inference_mode():
        curves = model.predict_curves(picture, standard_mask())

    hook.remove()
    found = {"f_feature": pooled[0][0], "b_feature": pooled[0][1], "param1": curves[0][0], "param2": curves[1][0]}
    for key, values in found.items():
        assert_agrees(values, golden[f"{prefix}/{key}"], atol=PARAMETER_TOLERANCE, rtol=0, err_msg=key)


@pytest.mark.slow
def test_curves_without_label_agree_with_the_authors(
    filled: tuple[str, Any, Tensor], golden: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, model, picture = filled
    monkeypatch.setattr(model, "label", None)

    with torch.inference_mode():
        curves = model.predict_curves(picture, standard_mask())

    for number, pieces in enumerate(curves, 1):
        assert_agrees(pieces[0], golden[f"{prefix}/param{number}_nolabel"], atol=PARAMETER_TOLERANCE, rtol=0)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread, as the authors' numbers were made: two round the resized picture otherwise, and steep curves amplify that."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_both_stages_agree_with_the_authors_at_any_size(filled: tuple[str, Any, Tensor], golden: Mapping[str, Any]) -> None:
    """From the authors' curves, because a rounding of ours would be amplified, too."""
    prefix, model, picture = filled
    curves = [torch.from_numpy(golden[f"{prefix}/param{number}"])[None] for number in (1, 2)]
    large = prefix == "squeeze/B"
    rendered = functional.interpolate(picture, size=320, mode="bilinear", align_corners=False) if large else picture

    with torch.inference_mode():
        stages = model.render(rendered, curves)

    step, tolerance = 1 if large else 4, IMAGE_TOLERANCE if prefix.endswith("B") else ILL_CONDITIONED
    for number, stage in enumerate(stages, 1):
        assert_agrees(stage[0, :, ::step, ::step], golden[f"{prefix}/stage{number}"], atol=tolerance, rtol=0)


def test_curve_function_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    rendered = render_curves(*(torch.from_numpy(golden[f"curve/{key}"]) for key in ("image", "param")))

    assert_agrees(rendered, golden["curve/out"], atol=IMAGE_TOLERANCE, rtol=0)


def test_box_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    box, mask = crop_foreground(blocks(12345), standard_mask())

    assert_agrees(torch.cat([box, mask], 1)[0], golden["squeeze/fore_4ch"], atol=IMAGE_TOLERANCE, rtol=0)


def test_relative_l1_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    found = relative_l1(*(torch.from_numpy(golden[f"loss/{key}"]) for key in ("pred", "target", "mask")))

    assert found.item() == pytest.approx(golden["loss/l1_relative"].item(), rel=1e-6)


def test_discriminator_agrees_with_the_authors(public_lists: Path, golden: Mapping[str, Any]) -> None:
    model: Any = models.create("s2crnet").eval()
    fill_public(model, model.public_names["discriminator"], public_lists / "s2crnet_discriminator.json")

    with torch.inference_mode():
        scores = model.discriminator(blocks(12345, 128))

    assert_agrees(scores[0], golden["disc/out"], atol=IMAGE_TOLERANCE, rtol=0)
    assert (scores - 1).square().mean().item() == pytest.approx(golden["disc/lsgan_real"].item(), rel=1e-5)
    assert scores.square().mean().item() == pytest.approx(golden["disc/lsgan_fake"].item(), rel=1e-4)


@pytest.mark.parametrize("encoder", VARIANTS)
def test_names_and_shapes_are_the_authors(encoder: str, public_lists: Path) -> None:
    with torch.device("meta"):
        model = models.create("s2crnet", encoder=encoder)
    own = model.state_dict()

    lists = {"generator": f"s2crnet_{VARIANTS[encoder][0]}.json", "discriminator": "s2crnet_discriminator.json"}
    for part, names in model.public_names.items():
        shapes = {public: list(own[name].shape) for public, name in names.items() if "num_batches_tracked" not in name}
        assert shapes == read_list(public_lists / lists[part]), part


@pytest.mark.parametrize("encoder", VARIANTS)
def test_parameters_are_the_papers(encoder: str) -> None:
    with torch.device("meta"):
        model: Any = models.create("s2crnet", encoder=encoder, label="person")

    players = model.players()
    count = sum(parameter.numel() for parameter in players["generator"])
    idle = sum(model.get_parameter(name).numel() for name in model.untrained_parameters if name.startswith("heads"))
    assert (count, count - idle) == VARIANTS[encoder][1:3]
    assert sum(parameter.numel() for parameter in players["discriminator"]) == DISCRIMINATOR_PARAMETERS


@pytest.mark.parametrize("encoder", VARIANTS)
def test_curves_cost_the_authors_multiplications(encoder: str) -> None:
    with torch.device("meta"):
        model: Any = models.create("s2crnet", encoder=encoder)
        pictures, label = torch.zeros(2, 3, 256, 256), torch.zeros(1, 5)

        with FlopCounterMode(display=False) as counter:
            foreground, background = model.encoder(pictures).mean((2, 3)).chunk(2)
            for head in model.heads:
                head(foreground, background, label)

    assert counter.get_total_flops() / 2 == VARIANTS[encoder][3]


@pytest.mark.parametrize(("features", "theirs", "layers"), [(squeezenet_features, "squeezenet1_1", 12), (vgg16_features, "vgg16", 30)])
def test_encoders_are_torchvisions_up_to_their_last_layers(features: Any, theirs: str, layers: int) -> None:
    import torchvision.models  # imports half of torch: three seconds

    torch.manual_seed(0)
    with torch.device("meta"):
        expected = torchvision.models.get_model(theirs, weights=None).features[:layers]
    ours: ClassifierFeatures = features(width=1.0)
    expected = expected.to_empty(device="cpu").eval()
    expected.load_state_dict(ours.state_dict())
    picture = noise8(1, 64, 64)

    with torch.inference_mode():
        assert torch.equal(ours(picture), expected(picture))


def test_a_curve_of_known_pieces() -> None:
    values = torch.tensor([-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0]).view(1, 1, 1, -1).expand(1, 3, 1, -1)
    pieces = torch.tensor([[3.0, 1.0], [1.0, 1.0], [4.0, -2.0]])[None]

    rendered = render_curves(values, pieces)[0, :, 0]

    assert rendered[0].tolist() == [0, 0, 0.375, 0.75, 0.875, 1, 1]
    assert rendered[1].tolist() == [0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert rendered[2].tolist() == [0, 0, 1, 2, 1.5, 1, 1]


def test_curves_and_their_gradients_are_those_of_the_sum_of_clamped_pieces() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 8, 8, generator=generator, dtype=torch.float64).requires_grad_()
    pieces = torch.rand(2, 3, 64, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.rand(2, 3, 8, 8, generator=generator, dtype=torch.float64)

    starts = (torch.arange(64) / 64).view(1, 1, 64, 1, 1)
    terms = pieces[..., None, None] * (image[:, :, None] - starts).clamp(0, 1 / 64)
    expected = 64 * terms.sum(2) / pieces.sum(2)[..., None, None]
    found = render_curves(image, pieces)

    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(*(torch.autograd.grad((x * weights).sum(), (image, pieces)) for x in (found, expected)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_box_is_cut_out_of_the_picture_before_it_is_resized() -> None:
    picture = noise8(1, 512, 600)
    mask = torch.zeros(1, 1, 512, 600)
    mask[..., 100:356, 50:306] = 1
    mask[..., 100, 50] = 0.25  # any value above 0 counts

    box, box_mask = crop_foreground(picture, mask)

    assert torch.equal(box, picture[..., 100:356, 50:306])
    assert torch.equal(box_mask, mask[..., 100:356, 50:306])


def test_a_picture_without_foreground_is_its_own_box() -> None:
    box, box_mask = crop_foreground(noise8(1), torch.zeros(1, 1, 256, 256))

    assert torch.equal(box, noise8(1))
    assert not box_mask.any()


def test_encoder_sees_the_foreground_in_its_box_and_the_background_alone() -> None:
    model, picture, mask = small().eval(), noise8(1), standard_mask()
    seen: list[Tensor] = []
    model.encoder.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))

    with torch.inference_mode():
        model(picture, mask)

    box, box_mask = crop_foreground(picture, mask)
    torch.testing.assert_close(seen[0], torch.cat([box * box_mask, picture * (1 - mask)]))


def test_a_large_picture_is_rendered_at_its_own_size(generator: np.random.Generator) -> None:
    model = small().eval()
    for head in model.heads:  # curves that depend on nothing, the first bent by steps of 1 and 3, the second straight
        for layer in (head.foreground, head.background):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        torch.nn.init.ones_(head.background.bias)
    with torch.no_grad():
        model.heads[0].background.bias.view(3, 64)[:, 32:] = 3
    picture = generator.integers(0, 256, (300, 421, 3), dtype=np.uint8)
    mask = np.zeros((300, 421), bool)
    mask[50:200, 100:300] = True

    harmonized = harmonize(model, picture, mask)

    values = picture / 255
    bent = np.where(values < 0.5, values / 2, 0.25 + 1.5 * (values - 0.5))
    assert np.abs(harmonized - np.where(mask[..., None], 255 * bent, picture)).max() <= 0.5 + 1e-4
    assert np.array_equal(harmonized[~mask], picture[~mask])


def test_soft_mask_mixes_curve_and_composite() -> None:
    model, picture, mask = small().eval(), noise8(1), 0.5 * standard_mask()

    with torch.inference_mode():
        second = model.render(picture, model.predict_curves(picture, mask))[1]
        image = model(picture, mask).image

    torch.testing.assert_close(image, (picture + mask * (second - picture)).clamp(0, 1), atol=1e-6, rtol=1e-5)


def test_label_moves_the_curves() -> None:
    found = []
    for label in ("person", "others", "none"):
        with torch.inference_mode():
            found.append(small(label=label).eval()(noise8(1), standard_mask())["curves"])

    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_published_weights_are_found_beside_other_things(tmp_path: Path) -> None:
    trained = small()
    own = trained.state_dict()
    state = {public: own[name] for public, name in trained.public_names["generator"].items()}
    torch.save({"epoch": 50, "arch": "s2crnet", "state_dict": state}, tmp_path / "model_best.pth.tar")

    loaded = models.load_public_checkpoint("s2crnet", tmp_path / "model_best.pth.tar", width=NARROW)

    assert loaded.options["label"] == "others"
    assert all(torch.equal(loaded.state_dict()[name], own[name]) for name in own if name.startswith(("encoder", "heads")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "resnet"}, 'encoder is "resnet": choose from squeezenet, vgg16'),
        ({"label": "car"}, 'label is "car": choose from none, person, animal, food, vehicle, others'),
    ],
)
def test_bad_options_get_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        models.create("s2crnet", **options)
