"""Weights, states of training, caches and videos."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.fuzz.common import PLAN, Target, each, is_picture, picture
from benchmarks.fuzz.mutations import STRANGE, mutate_bytes, mutate_json, mutate_value
from harmlib import models

# Besides, what only torch files can hold.
TENSORS = (
    *(torch.tensor(float("nan")), torch.full((2, 2), float("inf")), torch.zeros(0), torch.zeros(3, dtype=torch.int64)),
    *(torch.zeros(2, 2).to_sparse(), torch.zeros(3, dtype=torch.complex64), torch.zeros(1, dtype=torch.bool)),
    torch.zeros(1).expand(10**6, 10**6),
)


def model() -> Any:
    """Return a tiny method with weights that follow from a seed."""
    torch.manual_seed(0)
    return models.create(PLAN.method, **PLAN.options)


def write_checkpoints(folder: Path) -> None:
    """Write a checkpoint, the same as its authors would, and a released file."""
    from harmlib.models.released import write_released

    tiny = model()
    models.save_checkpoint(tiny, folder / "checkpoint.pt", step=3)
    theirs = models.create(PLAN.method, **PLAN.options, **models.describe(PLAN.method).public_options)
    own = theirs.state_dict()
    torch.save({public: own[name].clone() for public, name in theirs.public_names["generator"].items()}, folder / "public.pth")
    write_released(tiny, "tiny", {}, released=folder)


def change_checkpoint(path: Path, draw: random.Random) -> None:
    """Damage bytes, or the structure inside; a released file's check sum is then written anew."""
    if path.suffix == ".json":
        path.write_bytes(mutate_json(path.read_bytes(), draw))
    elif path.suffix in (".pt", ".pth") and draw.random() < 0.5:
        torch.save(mutate_value(torch.load(path, weights_only=True), draw, (*STRANGE, *TENSORS)), path)
    else:
        path.write_bytes(mutate_bytes(path.read_bytes(), draw))
    card = path.with_suffix(".json")
    if path.suffix == ".safetensors":
        content = json.loads(card.read_text())
        content["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        card.write_text(json.dumps(content))


def read_checkpoints(folder: Path) -> None:
    """Load all three, as users do."""
    from harmlib.models.released import load_file

    found = [
        load_file(folder / "checkpoint.pt"),
        load_file(folder / "tiny.safetensors"),
        models.load_public_checkpoint(PLAN.method, folder / "public.pth", **PLAN.options),
    ]
    assert all(values.isfinite().all() for one in found for values in one.state_dict().values())


def write_resume(folder: Path) -> None:
    """Write the state of a run."""
    from harmlib.training.loop import make_fabric, prepare

    state = prepare(model(), PLAN, 1, make_fabric(PLAN))
    for parameter in state.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    for optimizer in state.optimizers.values():
        optimizer.step()
    state.step, state.history = 2, [{"step": 1, "seconds": 0.5, "learning_rate": 0.001, "model_total": 3.5}]
    state.save(folder)


def read_resume(folder: Path) -> None:
    """Take it up, and take another step."""
    from harmlib.training.loop import make_fabric, prepare

    state = prepare(model(), PLAN, 1, make_fabric(PLAN))
    state.resume(folder)
    for parameter in state.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    for optimizer in state.optimizers.values():
        optimizer.step()
    assert all(values.isfinite().all() for values in state.model.state_dict().values())


def write_caches(folder: Path) -> None:
    """Write resized photographs, packed pairs, a pool of composites, and what detect leaves."""
    from miniature import write_folder_source, write_iharmony4_tree

    write_folder_source(folder / "mini")
    write_iharmony4_tree(folder / "tree")
    read_caches(folder)
    np.save(folder / "probabilities.npy", np.zeros((4, 5, 3), np.float32))


def read_caches(folder: Path) -> None:
    """Read them, or make them where they are not there."""
    from harmlib.commands.detect import _is_result
    from harmlib.data.datasets import ResizedSource
    from harmlib.data.packed import PackedPairs, PairResizer
    from harmlib.data.pairs import read_pairs
    from harmlib.data.pool import CompositePool
    from harmlib.data.sources import open_source

    source = open_source("folder", folder / "mini", no_object=0)
    source.name = "mini"
    photos = ResizedSource(source, "train", folder / "cache", size=32)
    for photo in photos.ids("train"):
        assert is_picture(photos.load(photo).image)
    pairs = read_pairs(folder / "tree", "train")
    packed = PackedPairs(pairs, folder / "cache", "identity", PairResizer(32, antialias=True, soft_masks=False))
    assert all(is_picture(packed[number]["composite"]) for number in range(len(pairs)))
    pool = CompositePool(photos, "sgmmh", draws=1, seed=1, cache=folder / "cache", workers=1)
    for photo in pool.ids:
        assert is_picture(pool.read(photo, 0)["composite"])
        pool.recipes(photo)
    _is_result(folder / "probabilities.npy")


def write_videos(folder: Path) -> None:
    """Write videos of several kinds, one with sound."""
    from miniature_video import write_foreign

    frames = [picture(number) for number in range(4)]
    write_foreign(folder / "a.mp4", frames, sound=("aac", 48000))
    write_foreign(folder / "b.mkv", frames)
    write_foreign(folder / "c.avi", frames)
    write_foreign(folder / "d.mov", frames, options={"movflags": "faststart"})


def read_videos(folder: Path) -> None:
    """Read every frame."""
    from harmlib.video import read_info, read_timed_frames

    def read(path: Path) -> bool:
        info = read_info(path)
        return all(is_picture(frame) and frame.shape[:2] == (info.height, info.width) for frame, _ in read_timed_frames(path, limit=50))

    each(folder, read, bool)


NETWORKS = {
    "checkpoint": Target(write_checkpoints, read_checkpoints, ("*.pt", "*.pth", "*.safetensors", "*.json"), change=change_checkpoint),
    "resume": Target(write_resume, read_resume, ("resume.pt",), change=change_checkpoint),
    "caches": Target(write_caches, read_caches, ("cache/*.npy", "cache/*/*.npz", "*.npy")),
    "video": Target(write_videos, read_videos, ("*.*",)),
}
