"""PCT-Net's contrastive term: a result should be closer to the real photograph than to other versions of it (after Hang et al. 2022).

Symbols: F are VGG16's features up to the ReLU behind its tenth convolution, (B, 512, H/8, W/8); f, f⁺, f⁻_k those of the foregrounds of
result, real photograph and negatives, b those of the real background; D is the mean absolute difference over the whole batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from harmlib.errors import CheckpointError, ParameterError
from harmlib.models import checkpoints
from harmlib.models.layers.backbones import VGG16_FILE, vgg16_features
from harmlib.models.layers.perceptual import IMAGENET_MEAN, IMAGENET_STD
from harmlib.models.layers.restyle import restyle

# Layers up to that ReLU, as torchvision counts them.
DEPTH = 23
EPSILON = 1e-8
ADVICE = "put the file there, or train without the term (contrastive: false)"

Features = Callable[[Tensor], Tensor]


def contrastive_loss(features: Features, pred: Tensor, real: Tensor, mask: Tensor, negatives: Sequence[Tensor]) -> Tensor:
    """Return l₁ + l₂, the ratio D(·, ⁺) / (D(·, ⁺) + Σ_k D(·, ⁻_k)) of styles f and of consistencies c = fᵀ b.

    features: F. pred, real, every negative: (B, 3, H, W), on the network's scale; mask: (B, 1, H, W) in [0, 1].
    c holds products between the positions of foreground and background, (B, hw, hw), summed over the channels and not scaled.
    The distances to the negatives are constants: nothing is pushed away from them, they only weigh the pull to the real photograph.
    """
    style = features(pred * mask)
    with torch.no_grad():
        positive, background = features(real * mask), features(real * (1 - mask)).flatten(2)
        others = [features(negative * mask) for negative in negatives]
        apart = torch.stack([_distance(style, other) for other in others]).sum()
    products = _products(style, background)
    with torch.no_grad():
        products_apart = torch.stack([_distance(products, _products(other, background)) for other in others]).sum()
    return _ratio(_distance(style, positive), apart) + _ratio(_distance(products, _products(positive, background)), products_apart)


def _products(foreground: Tensor, background: Tensor) -> Tensor:
    """Return c (B, hw, hw); foreground: (B, C, h, w), background: (B, C, hw)."""
    return foreground.flatten(2).transpose(1, 2) @ background


def _distance(first: Tensor, second: Tensor) -> Tensor:
    """Return D."""
    return (first - second).abs().mean()


def _ratio(near: Tensor, apart: Tensor) -> Tensor:
    """Return how near the positive is, in [0, 1]."""
    return near / (near + apart + EPSILON)


def draw_negatives(real: Tensor, mask: Tensor, count: int) -> list[Tensor]:
    """Return up to ``count`` other appearances of every real foreground, (N, 3, H, W) each: those of ``draw_partners``.

    real: (N, 3, H, W), on the network's scale; mask: (N, 1, H, W) in [0, 1]. Draws from torch's global generator.
    """
    mean, std = (real.new_tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    negatives = []
    # Code: the scale [-1, 1] beside the network's, and ImageNet's statistics for both networks. Here: the same.
    with torch.no_grad(), torch.autocast(real.device.type, enabled=False):
        for partners in draw_partners(len(real), count).T:
            restyled = restyle(real * std + mean, partners, torch.rand(len(real), 2, dtype=torch.float64))
            negatives.append(mask * (2 * restyled - 1) + (1 - mask) * real)
    return negatives


def draw_partners(pictures: int, count: int) -> Tensor:
    """Return distinct others for each of N pictures, (N, K): K is ``count``, N - 2 at most.

    Raises ParameterError for a batch of one, in which nothing can be compared.
    """
    if pictures < 2:
        raise ParameterError("the contrastive term compares pictures of a batch, and this one has one: train with batch_size 2 at least")
    orders = torch.stack([torch.randperm(pictures - 1)[: min(count, pictures - 2)] for _ in range(pictures)])
    return (orders + torch.arange(1, pictures + 1)[:, None]) % pictures


def vgg16_tenth() -> nn.Sequential:
    """Return F with random weights, without gradients of their own, in evaluation mode."""
    return nn.Sequential(*list(vgg16_features(width=1.0))[:DEPTH]).requires_grad_(False).eval()


@functools.cache
def load_features(device: str) -> nn.Sequential:
    """Return F with ImageNet's weights on a device; raises CheckpointError when they are not in torch's hub cache, or damaged."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / VGG16_FILE
    if not path.is_file():
        reason = f"the contrastive term needs the weights {VGG16_FILE} in torch's hub cache, and they are not there"
        raise CheckpointError(f"{reason}: {ADVICE}")
    weights, network = checkpoints.read_file(path), vgg16_tenth()
    network.load_state_dict({name: weights[f"features.{name}"] for name in network.state_dict()})
    return network.to(device)
