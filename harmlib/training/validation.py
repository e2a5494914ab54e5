"""Validation errors to select weights by: over several hundred pairs at training size, by source too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from harmlib.data.packed import PackedPairs
from harmlib.io.images import to_tensor
from harmlib.models.base import HarmonizationModel, paste

BATCH = 16
SMALLEST_ERROR = 1e-2  # of a picture, in squared levels: below, it is the same to the eye, and its logarithm says nothing


class Validation:
    """The errors of a model on packed validation pairs, called with the model in evaluation mode.

    pairs: the pairs at the model's working size. sources: the source of each.
    """

    def __init__(self, pairs: PackedPairs, sources: Sequence[str]) -> None:
        self._pairs, self._sources = pairs, np.array(sources)

    @torch.inference_mode()
    def __call__(self, model: HarmonizationModel) -> dict[str, float]:
        """Return errors in squared 8-bit levels, the background pasted where the model takes a mask.

        "val_error": the mean; "val_robust": the geometric mean, which one bad picture does not decide; "val_composite": the composites' own
        mean; "val_<source>": each source's.
        """
        device = next(model.parameters()).device
        errors: list[float] = []
        untouched: list[float] = []
        for start in range(0, len(self._sources), BATCH):
            arrays = [self._pairs[index] for index in range(start, min(start + BATCH, len(self._sources)))]
            composite, target = (torch.stack([to_tensor(pair[name]) for pair in arrays]).to(device) for name in ("composite", "target"))
            mask = torch.stack([torch.from_numpy(pair["mask"][None]) for pair in arrays]).to(device)
            harmonized = model(composite, mask if model.needs_mask else None).image.float().clamp(0, 1)
            if model.needs_mask:
                harmonized = paste(harmonized, composite, mask)
            errors += (255 * (harmonized - target)).square().mean((1, 2, 3)).tolist()
            untouched += (255 * (composite - target)).square().mean((1, 2, 3)).tolist()
        values = np.array(errors)
        by_source = {f"val_{name}": float(values[self._sources == name].mean()) for name in dict.fromkeys(self._sources.tolist())}
        robust = float(np.exp(np.log(np.maximum(values, SMALLEST_ERROR)).mean()))
        return {"val_error": float(values.mean()), "val_robust": robust, "val_composite": float(np.mean(untouched)), **by_source}
