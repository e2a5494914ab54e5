"""Weight fill A and the inputs with which the authors' numbers (``tests/authors``) were made, and our own small golden outputs.

``python tests/helpers/golden_fill.py sgmmh_om`` writes ``tests/harmlib/golden/model_sgmmh_om.npz`` again; do so only when a number must
move.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import eigsh
from torch import nn

GOLDEN = Path(__file__).resolve().parents[1] / "harmlib" / "golden"
NARROW = 1 / 16


def fill_a(parameters: Iterable[tuple[str, list[int]]]) -> dict[str, torch.Tensor]:
    """Return tensors for (name, shape) in state-dict order; batch counters are left out and not counted."""
    counted = [(name, shape) for name, shape in parameters if not name.endswith("num_batches_tracked")]
    return {name: torch.from_numpy(_draw(index, name, tuple(shape)).astype(np.float32)) for index, (name, shape) in enumerate(counted)}


def _draw(index: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    noise = np.random.default_rng(index).standard_normal(shape)
    if name.endswith("running_var"):
        return 1 + 0.1 * np.abs(noise)
    if len(shape) >= 2:
        return noise * np.sqrt(1 / np.prod(shape[1:]))
    return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise


def read_list(list_file: Path) -> dict[str, list[int]]:
    """Return name -> shape from one of the authors' parameter lists."""
    return dict(json.loads(list_file.read_text()))


@lru_cache(maxsize=2)  # what neighboring tests fill again, a second each time; of the largest 0.2 GB each
def _fill_list(list_file: Path) -> dict[str, torch.Tensor]:
    """Return the golden weights of one of the authors' parameter lists."""
    return fill_a(read_list(list_file).items())


def fill_public(model: nn.Module, names: Mapping[str, str], list_file: Path) -> None:
    """Give one part of a model the golden weights; names: authors' name -> ours, list_file: the authors' parameter list."""
    filled = _fill_list(list_file)
    assert filled.keys() == {name for name in names if not name.endswith("num_batches_tracked")}
    model.load_state_dict({names[name]: values for name, values in filled.items()}, strict=False)
    settle_spectral_norms(model)


def authors_model(name: str, files: Mapping[str, Path], **options: object) -> Any:
    """Return a method at full width, in evaluation mode, with the golden weights in some of its parts; the others hold ones.

    files: part -> the authors' parameter list.
    """
    from harmlib import models
    from harmlib.models.registry import without_values

    with without_values():  # to draw all of its weights first takes up to a second
        model = models.create(name, **options)
    for values in model.to_empty(device="cpu").state_dict().values():
        values.fill_(1)
    for part, file in files.items():
        fill_public(model, model.public_names[part], file)
    return model.eval()


def settle_spectral_norms(model: nn.Module) -> None:
    """Replace the vectors of every spectral norm by the leading singular vectors, as the golden files do."""
    for module in model.modules():
        if hasattr(module, "weight_u"):
            matrix = module.weight_orig.detach().flatten(1).double().numpy()
            # Lanczos for the largest one only: a full decomposition of every layer takes a minute.
            left = eigsh(matrix @ matrix.T, k=1, v0=np.ones(len(matrix)))[1][:, 0] if len(matrix) > 1 else np.ones(1)
            right = left @ matrix
            module.weight_u.copy_(torch.from_numpy(left))
            module.weight_v.copy_(torch.from_numpy(right / np.linalg.norm(right)))


def noise(seed: int, height: int = 256, width: int = 256) -> torch.Tensor:
    """Return the golden picture of a seed, (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 1, (1, 3, height, width)).astype(np.float32))


def block(seed: int, height: int = 256, width: int = 256) -> torch.Tensor:
    """Return the golden picture of 8x8 even cells, (1, 3, H, W) in [0, 1]."""
    cells = np.random.default_rng(seed).uniform(0, 1, (1, 3, 8, 8)).astype(np.float32)
    rows, columns = -(-height // 8), -(-width // 8)
    return torch.from_numpy(cells.repeat(rows, 2).repeat(columns, 3)[:, :, :height, :width].copy())


def noise8(seed: int, height: int = 256, width: int = 256) -> torch.Tensor:
    """Return the golden picture of a seed, rounded to 8 bit in float64, (1, 3, H, W) in [0, 1]."""
    levels = np.round(255 * np.random.default_rng(seed).uniform(0, 1, (1, 3, height, width)))
    return torch.from_numpy(levels.astype(np.float32)) / 255


def ellipse(height: int, width: int, center: tuple[float, float], radii: tuple[float, float]) -> torch.Tensor:
    """Return the golden mask, (1, 1, H, W)."""
    rows, columns = np.mgrid[:height, :width]
    inside = ((rows - center[0]) / radii[0]) ** 2 + ((columns - center[1]) / radii[1]) ** 2 <= 1
    return torch.from_numpy(inside.astype(np.float32))[None, None]


def standard_mask() -> torch.Tensor:
    """Return ellipse(256, 256, 128, 128, 70, 50)."""
    return ellipse(256, 256, (128, 128), (70, 50))


def training_batch(side: int = 256) -> dict[str, Any]:
    """Return two composites with their targets, as the training loop gives them; side: 256 or a part of it.

    The small mask in a corner leaves windows without foreground at every level.
    """
    scale = side / 256
    shapes = [((128, 128), (70, 50)), ((40, 40), (20, 20))]
    mask = torch.cat([ellipse(side, side, (y * scale, x * scale), (high * scale, wide * scale)) for (y, x), (high, wide) in shapes])
    return {
        "id": ["a_1_0", "b_1_0"],
        "composite": torch.cat([noise8(1, side, side), noise8(2, side, side)]),
        "target": torch.cat([noise8(3, side, side), noise8(4, side, side)]),
        "mask": mask,
        # What a detector learns from: a region that became darker and one that became brighter.
        "regions": mask * torch.tensor([1.0, 2.0]).view(2, 1, 1, 1),
        "stops": torch.tensor([-1.5, 0.8]),
    }


def narrow(name: str, width: float = NARROW) -> dict[str, Any]:
    """Return the options that make a method narrow, where it has widths."""
    from harmlib import models

    return {"width": width} if "width" in models.describe(name).options else {}


@cache
def picture_side(name: str) -> int:
    """Return the side of the smallest pictures that a method takes, 64, 128 or 256: at 64, D-HT takes a tenth of the time."""
    from harmlib import models
    from harmlib.errors import ShapeError

    model = models.create(name, **narrow(name)).eval()
    for side in (64, 128):
        with contextlib.suppress(ShapeError), torch.inference_mode():
            model(noise8(1, side, side), torch.ones(1, 1, side, side))
            return side
    return 256


def narrow_model(name: str, **options: object) -> nn.Module:
    """Return a method at width 1/16 (where it has widths) with fill A in our own state-dict order, in evaluation mode."""
    from harmlib import models

    model = models.create(name, **narrow(name), **options)
    shapes = [(key, list(values.shape)) for key, values in model.state_dict().items()]
    model.load_state_dict(fill_a(shapes), strict=False)
    settle_spectral_norms(model)
    return model.eval()


def own_golden(name: str) -> dict[str, np.ndarray]:
    """Return what the small golden file of a method holds: a slice and the statistics of its picture and of every extra."""
    with torch.inference_mode():
        prediction = narrow_model(name)(noise8(12345), standard_mask())
    stored = {}
    for key, values in {"image": prediction.image, **prediction.extras}.items():
        values = values.double().numpy()
        stored[f"{key}_slice"] = values[:, :, ::16, ::16].astype(np.float32) if values.ndim == 4 else values
        stored[f"{key}_stat"] = np.array([values.mean(), values.std(), values.min(), values.max(), np.abs(values).mean()])
    return stored


if __name__ == "__main__":
    for method in sys.argv[1:]:
        np.savez_compressed(GOLDEN / f"model_{method}.npz", **own_golden(method))
