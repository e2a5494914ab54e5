"""Released weights: there and back in half precision, damage refused, and which weights a name means."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import pytest
import torch
from golden_fill import noise8, standard_mask
from safetensors.torch import load_file as load_tensors
from safetensors.torch import save_file as save_tensors

from harmlib import models
from harmlib.errors import CheckpointError, ParameterError
from harmlib.models.base import HarmonizationModel
from harmlib.models.released import load_file, load_released, read_card, resolve, write_released

NARROW = 1 / 64


def fresh(name: str = "dovenet", seed: int = 0) -> HarmonizationModel:
    """Return a narrow model with seeded weights."""
    torch.manual_seed(seed)
    return models.create(name, width=NARROW).eval()


def rewrite(folder: Path, name: str, weights: dict[str, torch.Tensor]) -> None:
    """Put other weights under a card that describes them."""
    save_tensors(weights, folder / f"{name}.safetensors")
    card = json.loads((folder / f"{name}.json").read_text())
    card["sha256"] = hashlib.sha256((folder / f"{name}.safetensors").read_bytes()).hexdigest()
    (folder / f"{name}.json").write_text(json.dumps(card))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of released weights with a tiny DoveNet, called after its method."""
    write_released(fresh(), "dovenet", {"notes": "a test"}, released=tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["dovenet", "harmonizer", "s2crnet", "ptc"])
def test_released_weights_come_back_in_float32_within_half_precision(name: str, tmp_path: Path) -> None:
    model = fresh(name)
    write_released(model, "mine", {}, released=tmp_path)

    loaded = load_released("mine", released=tmp_path)

    assert not loaded.training
    assert (loaded.name, loaded.options) == (name, model.options)
    assert {values.dtype for values in loaded.parameters()} == {torch.float32}
    judges = {id(values) for values in model.players().get("discriminator", [])}
    pairs = zip(model.named_parameters(), loaded.parameters(), strict=True)
    assert all(torch.equal(own.half().float(), values) for (_, own), values in pairs if id(own) not in judges)
    with torch.inference_mode():
        apart = (loaded(noise8(1), standard_mask()).image - model(noise8(1), standard_mask()).image).abs()
    assert apart.mean() < 2e-3


@pytest.mark.parametrize("name", [name for name in models.list_models() if models.describe(name).trainable])
def test_only_discriminators_are_left_out(name: str, tmp_path: Path) -> None:
    model = models.create(name, **({"width": NARROW} if "width" in models.describe(name).options else {}))
    judges = {id(values) for values in model.players().get("discriminator", [])}

    kept = set(load_tensors(write_released(model, "mine", {}, released=tmp_path)))

    assert {key for key, values in model.named_parameters() if id(values) not in judges} <= kept
    assert not any(key in kept for key, values in model.named_parameters() if id(values) in judges)


def test_counters_stay_integers_and_statistics_stay_exact(tmp_path: Path) -> None:
    model = fresh("harmonizer")
    model.backbone.train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.num_batches_tracked.fill_(70_000)  # beyond half precision's largest number
            module.running_var.fill_(1e-9)  # below its smallest
    write_released(model, "mine", {}, released=tmp_path)

    loaded = load_released("mine", released=tmp_path)

    buffers = dict(loaded.named_buffers())
    assert {buffers[key].item() for key in buffers if key.endswith("num_batches_tracked")} == {70_000}
    assert all((buffers[key] == 1e-9).all() for key in buffers if key.endswith("running_var"))


def test_the_card_tells_what_the_file_is(folder: Path) -> None:
    card = read_card("dovenet", released=folder)

    data = (folder / "dovenet.safetensors").read_bytes()
    assert (card["method"], card["notes"], card["bytes"]) == ("dovenet", "a test", len(data))
    assert card["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("index", [0, 10, 300, -1])
def test_a_flipped_byte_is_refused(index: int, folder: Path) -> None:
    data = bytearray((folder / "dovenet.safetensors").read_bytes())
    data[index] ^= 1
    (folder / "dovenet.safetensors").write_bytes(data)

    with pytest.raises(CheckpointError, match="is not the file that its card describes"):
        load_released("dovenet", released=folder)


def test_a_name_that_is_not_there_is_told_what_is(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='there are no released weights "dovnet": choose from dovenet'):
        load_released("dovnet", released=folder)
    with pytest.raises(CheckpointError, match="choose from none yet"):
        load_released("dovenet", released=tmp_path / "empty")


def test_a_card_without_its_file_is_refused(folder: Path) -> None:
    (folder / "dovenet.safetensors").unlink()

    with pytest.raises(CheckpointError, match="is missing beside its card"):
        load_released("dovenet", released=folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"method": "dovenet"}'])
def test_a_damaged_card_is_one_sentence(text: str, folder: Path) -> None:
    (folder / "dovenet.json").write_text(text)

    with pytest.raises(CheckpointError, match=r"dovenet\.json"):
        load_released("dovenet", released=folder)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(value: float, folder: Path) -> None:
    weights = load_tensors(folder / "dovenet.safetensors")
    next(iter(weights.values())).view(-1)[0] = value
    rewrite(folder, "dovenet", weights)

    with pytest.raises(CheckpointError, match="has NaN, infinite or huge values"):
        load_released("dovenet", released=folder)


def test_a_file_that_lacks_a_tensor_is_refused(folder: Path) -> None:
    weights = load_tensors(folder / "dovenet.safetensors")
    rewrite(folder, "dovenet", dict(list(weights.items())[1:]))

    with pytest.raises(CheckpointError, match="does not fit this model"):
        load_released("dovenet", released=folder)


def test_weights_too_large_for_half_precision_are_not_written(tmp_path: Path) -> None:
    model = fresh()
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] = 70_000

    with pytest.raises(CheckpointError, match='"mine" in half precision has NaN, infinite or huge values'):
        write_released(model, "mine", {}, released=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r'the name is "\.\./mine"'):
        write_released(fresh(), "../mine", {}, released=tmp_path)


def test_given_weights_come_before_the_released_ones(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = fresh(seed=1)
    models.save_checkpoint(own, folder / "run" / "checkpoint.pt")

    with caplog.at_level(logging.INFO):
        released, given = (resolve("dovenet", weights, released=folder) for weights in (None, folder / "run"))

    with torch.inference_mode():
        assert torch.equal(given(noise8(1), standard_mask()).image, own(noise8(1), standard_mask()).image)
        assert not torch.equal(released(noise8(1), standard_mask()).image, own(noise8(1), standard_mask()).image)
    assert "dovenet uses the released weights dovenet" in caplog.text
    assert f"dovenet uses the weights {folder / 'run'}" in caplog.text


def test_a_released_file_elsewhere_is_given_by_its_path(folder: Path, tmp_path: Path) -> None:
    by_name, by_path = (
        load_released("dovenet", released=folder),
        resolve("dovenet", folder / "dovenet.safetensors", released=tmp_path / "no"),
    )

    pairs = zip(by_name.generator.parameters(), by_path.generator.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert load_file(folder / "dovenet.safetensors").name == "dovenet"


def test_a_name_without_weights_is_told_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'no released weights of "frih": train a run .*or use "reinhard_lab"'):
        resolve("frih", released=tmp_path)
    with pytest.raises(CheckpointError, match=r'no released weights of "ptc_dih_twostage": .*file$'):
        resolve("ptc_dih_twostage", released=tmp_path)


def test_methods_without_parameters_need_no_weights(tmp_path: Path) -> None:
    assert resolve("reinhard_lab", released=tmp_path).name == "reinhard_lab"


def test_a_model_is_handed_through_and_takes_no_weights_beside_it(tmp_path: Path) -> None:
    model = fresh()

    assert resolve(model) is model
    with pytest.raises(ParameterError, match='weights were given beside a model of "dovenet"'):
        resolve(model, tmp_path)


def test_weights_of_another_method_are_refused(folder: Path) -> None:
    with pytest.raises(CheckpointError, match='holds the method "dovenet", not "frih"'):
        resolve("frih", folder / "dovenet.safetensors")


@pytest.mark.parametrize("value", [torch.nan, -torch.inf])
def test_runs_and_published_files_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    model = models.create("dovenet", norm="batch", width=NARROW)
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] = value
    models.save_checkpoint(model, tmp_path / "checkpoint.pt")
    public = {public: model.state_dict()[own] for public, own in model.public_names["generator"].items()}
    torch.save(public, tmp_path / "netG.pth")

    with pytest.raises(CheckpointError, match="has NaN, infinite or huge values in generator"):
        models.load(tmp_path)
    with pytest.raises(CheckpointError, match="has NaN, infinite or huge values in"):
        models.load_public_checkpoint("dovenet", tmp_path / "netG.pth", width=NARROW)
