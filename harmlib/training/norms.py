"""Running statistics of batch norms that belong to the weights as they are (Wu and Johnson 2021, "precise BN").

While a network learns quickly, the moving averages of its batch norms lag behind its weights, and a validation in evaluation mode
judges a network that never existed.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from harmlib.models.base import Batch, HarmonizationModel


@torch.no_grad()
def recompute_statistics(model: HarmonizationModel, batches: Iterable[Batch]) -> int:
    """Give the model's batch norms the mean statistics of ``batches`` under its present weights; return how many it has.

    A norm that the model keeps in evaluation mode (a frozen part), or that its forward pass does not reach (a discriminator's), keeps
    what it had. Everything else, dropout for one, runs in evaluation mode; the model is left in training mode.
    batches: as ``Visits`` give them, "composite" (B, 3, H, W) and "mask" (B, 1, H, W), on the model's device.
    """
    model.train()
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.training and module.track_running_stats]
    if not norms:
        return 0
    before = [(norm.momentum, {name: value.clone() for name, value in norm.named_buffers()}) for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
        norm.train()
    for batch in batches:
        model(batch["composite"], batch["mask"] if model.needs_mask else None)
    for norm, (momentum, buffers) in zip(norms, before, strict=True):
        norm.momentum = momentum
        if not norm.num_batches_tracked:
            for name, value in norm.named_buffers():
                value.copy_(buffers[name])
    model.train()
    return len(norms)
