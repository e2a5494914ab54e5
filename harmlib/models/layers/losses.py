"""Losses of more than one method, as functions on tensors; a mean is over the batch and everything else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

CHARBONNIER_EPSILON = 1e-12  # under the root, in the authors' code; the Sg-MMH paper says "very small"
GRADIENT_EPSILON = 1e-16


@contextlib.contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Build a graph through ``module`` in which its parameters get no gradient; they are trainable again afterwards."""
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


def charbonnier(pred: Tensor, target: Tensor) -> Tensor:
    """Return the mean of sqrt((pred - target)² + 1e-12), a smooth L1. Source: Sg-MMH, equation 3."""
    return ((pred - target).square() + CHARBONNIER_EPSILON).sqrt().mean()


def relativistic_generator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return ½[ℓ(C_r − mean C_f, 0) + ℓ(C_f − mean C_r, 1)], ℓ = binary cross-entropy on logits.

    The real scores are constants here; the gradient also flows through mean C_f. Source: Sg-MMH, equation 6.
    """
    real_scores = real_scores.detach()
    real_looks_fake = _cross_entropy(real_scores - fake_scores.mean(), 0.0)
    fake_looks_real = _cross_entropy(fake_scores - real_scores.mean(), 1.0)
    return 0.5 * (real_looks_fake + fake_looks_real)


def relativistic_discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return ½[ℓ(C_r − mean C_f, 1) + ℓ(C_f − mean C_r, 0)], the means taken as constants. Source: Sg-MMH, equation 5."""
    real = _cross_entropy(real_scores - fake_scores.detach().mean(), 1.0)
    fake = _cross_entropy(fake_scores - real_scores.detach().mean(), 0.0)
    return 0.5 * (real + fake)


def hinge_loss(scores: Tensor, *, real: bool) -> Tensor:
    """Return the discriminator's mean of relu(1 − s) for real pictures, of relu(1 + s) for generated ones."""
    return functional.relu(1 - scores if real else 1 + scores).mean()


def gradient_penalty(score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
    """Return the mean of (‖∇ score‖₂ − 1)² at alpha·real + (1 − alpha)·fake.

    real, fake: (B, C, H, W); alpha: (B, 1, 1, 1) in [0, 1]. Gradients flow into the discriminator only.
    """
    mixed = (alpha * real + (1 - alpha) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(mixed).sum(), mixed, create_graph=True)
    norm = (gradient.flatten(1) + GRADIENT_EPSILON).norm(dim=1)  # (B,)
    return (norm - 1).square().mean()


def _cross_entropy(logits: Tensor, label: float) -> Tensor:
    """Return the mean binary cross-entropy of logits against one label."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))
