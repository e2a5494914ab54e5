"""Perceptual terms on backbones whose weights must already be on disk: nothing here downloads."""

from __future__ import annotations

import functools

from torch import Tensor, nn

from harmlib.errors import CheckpointError
from harmlib.models.checkpoints import load_weights
from harmlib.models.layers.imagenet import hub_path, read_weights

VGG19_FILE = "vgg19-dcbb9e9d.pth"  # torchvision's name, in torch's hub cache
CONV5_4 = 34  # index of conv5_4 in torchvision's VGG19 features
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
ADVICE = 'put the file there, or train with perceptual="none"'


def lpips_term(pred: Tensor, target: Tensor) -> Tensor:
    """Return the mean LPIPS (VGG16) of two batches (B, 3, H, W), RGB in [-1, 1], with a gradient.

    Raises CheckpointError when the VGG16 weights are not on disk.
    """
    return _lpips(str(pred.device))(pred, target).mean()


def vgg19_term(pred: Tensor, target: Tensor) -> Tensor:
    """Return the L1 distance of VGG19 features before the ReLU of conv5_4; pred, target: (B, 3, H, W).

    Raises CheckpointError when the VGG19 weights are not on disk.
    """
    features = _vgg19(str(pred.device))
    mean, std = (pred.new_tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (features((pred - mean) / std) - features((target - mean) / std)).abs().mean()


@functools.cache
def _lpips(device: str) -> nn.Module:
    """Return the LPIPS network on a device, its parameters frozen."""
    from harmlib.metrics.lpips import load_network

    network = load_network(device)
    if isinstance(network, str):
        raise CheckpointError(f"{network}: {ADVICE}")
    return network


@functools.cache
def _vgg19(device: str) -> nn.Module:
    """Return VGG19 up to conv5_4 on a device, its parameters frozen."""
    from torchvision.models import vgg19

    network = vgg19(weights=None)
    load_weights(network, read_weights(VGG19_FILE, "VGG19", ADVICE), f'"{hub_path(VGG19_FILE)}"')
    return network.features[: CONV5_4 + 1].requires_grad_(False).eval().to(device)
