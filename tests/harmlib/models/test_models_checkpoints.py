"""Checkpoint files: what a damaged, foreign or misfit one is told, and the authors' files under their own names."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from golden_fill import noise8, standard_mask

from harmlib import models
from harmlib.errors import CheckpointError
from harmlib.io.files import sha256, write_manifest
from harmlib.models.base import HarmonizationModel

NARROW = 1 / 64


@pytest.fixture
def model() -> HarmonizationModel:
    """A tiny DoveNet with seeded weights."""
    torch.manual_seed(0)
    return models.create("dovenet", width=NARROW).eval()


@pytest.fixture
def checkpoint(model: HarmonizationModel, tmp_path: Path) -> Path:
    """Its checkpoint in a run folder."""
    path = tmp_path / "dovenet-demo" / "checkpoint.pt"
    models.save_checkpoint(model, path)
    return path


def public_file(model: HarmonizationModel, part: str, path: Path, *, prefix: str = "", nest: str = "") -> Path:
    """Write one part of a model under the authors' names."""
    own = model.state_dict()
    state = {prefix + public: own[name].clone() for public, name in model.public_names[part].items()}
    torch.save({nest: state, "epoch": 9} if nest else state, path)
    return path


def test_a_run_folder_and_its_file_load_alike(checkpoint: Path) -> None:
    from_folder, from_file = models.load(checkpoint.parent), models.load(checkpoint)

    assert all(torch.equal(a, b) for a, b in zip(from_folder.parameters(), from_file.parameters(), strict=True))


def test_averaged_weights_load_on_request(model: HarmonizationModel, tmp_path: Path) -> None:
    average = {name: values + 1 for name, values in model.state_dict().items()}
    models.save_checkpoint(model, tmp_path / "checkpoint.pt", ema=average)

    loaded = models.load(tmp_path, ema=True)

    assert torch.equal(loaded.state_dict()["generator.ups.0.bias"], average["generator.ups.0.bias"])


def test_averaged_weights_that_were_not_kept_are_refused(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="keeps no averaged weights"):
        models.load(checkpoint, ema=True)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist: check the path, or train a run"):
        models.load(tmp_path)


@pytest.mark.parametrize("kept", [0, 100, 0.5])
def test_a_truncated_file_is_refused(checkpoint: Path, kept: float) -> None:
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])

    with pytest.raises(CheckpointError, match="no torch file"):
        models.load(checkpoint)


def test_one_flipped_byte_is_noticed(checkpoint: Path) -> None:
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)

    with pytest.raises(CheckpointError, match="check sum"):
        models.load(checkpoint)


def test_a_file_that_its_manifest_does_not_describe_is_refused(checkpoint: Path, model: HarmonizationModel) -> None:
    write_manifest(checkpoint.parent, started=0, outputs={"checkpoint.pt": sha256(checkpoint)})
    models.save_checkpoint(model, checkpoint, step=1)

    with pytest.raises(CheckpointError, match=r"not the file that its manifest\.json describes"):
        models.load(checkpoint)


def test_a_file_with_foreign_objects_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"format": 1, "method": Path}, path)

    with pytest.raises(CheckpointError, match="holds more than weights"):
        models.load(path)


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(pickle.dumps({"weights": [1, 2, 3]}, protocol=2))

    with pytest.raises(CheckpointError, match=r"no torch file|no checkpoint of harmlib"):
        models.load(path)


def test_a_plain_state_dict_is_sent_to_the_other_door(model: HarmonizationModel, tmp_path: Path) -> None:
    path = public_file(model, "generator", tmp_path / "latest_net_G.pth")

    with pytest.raises(CheckpointError, match=r"no checkpoint of harmlib: .* load_public_checkpoint"):
        models.load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "has format 2, this version reads 1"),
        ({"method": "dovenet2"}, 'another version of harmlib .*no method "dovenet2"'),
        ({"options": {"depth": 1}}, 'another version of harmlib .*no option "depth"'),
        ({"options": {"width": 1 / 32}}, r"has other shapes for generator\.downs\.0\.weight \(1x4x4x4 instead of 2x4x4x4\)"),
        ({"method": "sgmmh_om"}, r"lacks .*generator\.ups\.0\.conv2d\.weight.* unexpected"),
    ],
)
def test_a_misfit_checkpoint_is_told_what_differs(checkpoint: Path, changes: dict[str, object], message: str) -> None:
    content = torch.load(checkpoint, weights_only=True)
    options = {"width": NARROW} if changes.get("method") == "sgmmh_om" else content["options"]
    torch.save({**content, "options": options, **changes}, checkpoint)

    with pytest.raises(CheckpointError, match=message):
        models.load(checkpoint)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("nest", ["", "params", "state_dict"])
def test_published_files_load_under_the_authors_names(model: HarmonizationModel, tmp_path: Path, prefix: str, nest: str) -> None:
    paths = [public_file(model, part, tmp_path / f"{part}.pth", prefix=prefix, nest=nest) for part in model.public_names]

    loaded = models.load_public_checkpoint("dovenet", *paths, width=NARROW, norm="instance")

    assert all(torch.equal(values, model.state_dict()[name]) for name, values in loaded.state_dict().items())


def test_a_checkpoint_of_harmonizers_training_script_loads(tmp_path: Path) -> None:
    trained = models.create("harmonizer", width=0.25, size=64)
    names = {ours: public for public, ours in trained.public_names["model"].items()}
    nested = {f"module.model.{names[name]}": values for name, values in trained.state_dict().items()}
    torch.save({"model": nested}, tmp_path / "epoch.pth")

    loaded = models.load_public_checkpoint("harmonizer", tmp_path / "epoch.pth", width=0.25, size=64)

    assert all(torch.equal(values, trained.state_dict()[name]) for name, values in loaded.state_dict().items())


def test_published_weights_of_dovenet_are_batch_norm_by_default(tmp_path: Path) -> None:
    trained = models.create("dovenet", width=NARROW, norm="batch").eval()
    path = public_file(trained, "generator", tmp_path / "latest_net_G.pth")

    loaded = models.load_public_checkpoint("dovenet", path, width=NARROW)

    assert torch.equal(loaded(noise8(1), standard_mask()).image, trained(noise8(1), standard_mask()).image)


def test_published_weights_with_another_norm_are_told_what_is_missing(model: HarmonizationModel, tmp_path: Path) -> None:
    path = public_file(model, "generator", tmp_path / "latest_net_G.pth")

    with pytest.raises(CheckpointError, match=r'generator of "dovenet": it lacks model\.model\.1\.model\.2\.weight.* unexpected'):
        models.load_public_checkpoint("dovenet", path, width=NARROW)


def test_published_weights_of_another_method_are_refused(model: HarmonizationModel, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"backbone.stem.weight": torch.zeros(1)}, path)

    with pytest.raises(CheckpointError, match=r"it lacks .* unexpected backbone\.stem\.weight"):
        models.load_public_checkpoint("dovenet", path, width=NARROW)


def test_a_method_without_published_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='no public weights of "composite" are known'):
        models.load_public_checkpoint("composite", tmp_path / "x.pth")


def rewritten(checkpoint: Path, **changes: object) -> Path:
    """The checkpoint with other content, saved as torch does."""
    content = torch.load(checkpoint, weights_only=True)
    torch.save({**content, **changes}, checkpoint)
    return checkpoint


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weights": {"a": [1.0]}}, r"weights\.a is \[1\.0\], expected Tensor"),
        ({"weights": {3: torch.zeros(1)}}, "weights has the key 3"),
        ({"weights": []}, r"weights is \[\], expected a mapping"),
        ({"ema": 3}, "ema is 3"),
        ({"method": 3}, "method is 3, expected a text"),
        ({"options": {"width": "broad"}}, 'options that "dovenet" cannot have'),
        ({"options": {"width": 1e9}}, "options beyond 10,000"),
        ({"options": {"width": float("nan")}}, "options beyond 10,000"),
        ({"options": {"size": 10_000}}, "works at 10000 pixels, more than 2048"),
        ({"options": {"width": 4}}, "does not fit this model: it has other shapes for"),
    ],
)
def test_another_structure_is_one_sentence(checkpoint: Path, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        models.load(rewritten(checkpoint, **changes))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e25])
def test_a_weight_that_is_no_number_is_named(checkpoint: Path, value: float) -> None:
    weights = torch.load(checkpoint, weights_only=True)["weights"]
    name = next(name for name, values in weights.items() if values.ndim == 4)
    weights[name][0, 0, 0, 0] = value

    with pytest.raises(CheckpointError, match=rf"has NaN, infinite or huge values in {name}"):
        models.load(rewritten(checkpoint, weights=weights))


def test_values_of_another_kind_are_named(checkpoint: Path) -> None:
    weights = torch.load(checkpoint, weights_only=True)["weights"]
    name = next(name for name, values in weights.items() if values.ndim == 4)

    for other in (weights[name].to_sparse(), weights[name].to(torch.complex64), torch.zeros(1).expand(weights[name].shape)):
        with pytest.raises(CheckpointError, match=rf"it has other kinds of values for {name}"):
            models.load(rewritten(checkpoint, weights={**weights, name: other}))


def test_a_packed_file_is_refused_before_it_unfolds(checkpoint: Path) -> None:
    with zipfile.ZipFile(checkpoint) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(checkpoint, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data + bytes(2**24) * name.endswith("/data/0"))

    with pytest.raises(CheckpointError, match="it would unfold to 16 MiB"):
        models.load(checkpoint)
