"""LPIPS (Zhang et al. 2018) on VGG16 or AlexNet, when the backbone's weights are on this machine; nothing is ever downloaded.

The linear heads ship with the ``lpips`` package; the ImageNet backbone is torchvision's file in torch's hub cache.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harmlib.errors import ShapeError, check_choice
from harmlib.io.files import sha256

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Backbone:
    """A network whose features are compared.

    title: its name in sentences. file: torchvision's; it ends in the first eight digits of its SHA-256.
    smallest: side in pixels below which its last compared layer would be empty.
    """

    title: str
    file: str
    smallest: int

    @property
    def path(self) -> Path:
        """Where torch's hub cache keeps the file (TORCH_HOME moves it)."""
        import torch

        return Path(torch.hub.get_dir()) / "checkpoints" / self.file


BACKBONES = {
    "vgg": Backbone("VGG16", "vgg16-397923af.pth", 16),
    "alex": Backbone("AlexNet", "alexnet-owt-7be5be79.pth", 31),
}


def why_unavailable(backbone: str = "vgg") -> str:
    """Return the reason why LPIPS cannot be computed here, for the note below a table; empty when it can."""
    if importlib.util.find_spec("lpips") is None:
        return 'LPIPS needs the package "lpips", and it is not installed: pip install "harmlib[lpips]" brings it'
    wanted = BACKBONES[backbone]
    if not wanted.path.exists():
        return f"LPIPS needs the {wanted.title} weights {wanted.file} in torch's hub cache, and they are not there"
    if not sha256(wanted.path).startswith(wanted.file.rpartition("-")[2].removesuffix(".pth")):
        return f"LPIPS needs the {wanted.title} weights, and the file {wanted.file} in torch's hub cache is damaged"
    return ""


def load_network(device: str = "cpu", *, backbone: str = "vgg") -> torch.nn.Module | str:
    """Return the LPIPS network in evaluation mode, or the reason (a sentence) why there is none; backbone: a key of BACKBONES."""
    reason = why_unavailable(backbone)
    if reason:
        return reason
    import lpips

    return lpips.LPIPS(net=backbone, verbose=False).eval().requires_grad_(False).to(device)


def lpips_distance(network: torch.nn.Module, prediction: torch.Tensor, target: torch.Tensor, *, channels: str = "rgb") -> torch.Tensor:
    """Learned perceptual distance, one value per image.

    prediction, target: (B, 3, H, W), RGB in [0, 1], not below the backbone's smallest side (16x16 for VGG16, 31x31 for AlexNet);
    channels: "rgb", or "bgr" as some code bases feed it.
    Returns (B,) float64 on the CPU, 0 for identical pictures.
    Raises ShapeError for small pictures; ParameterError for another channel order.
    """
    import torch

    check_choice("channel order", channels, ("rgb", "bgr"))
    smallest = BACKBONES.get(str(network.pnet_type), BACKBONES["vgg"]).smallest
    if min(prediction.shape[2:]) < smallest:
        raise ShapeError(f"pictures are {prediction.shape[2]}x{prediction.shape[3]}: LPIPS needs at least {smallest}x{smallest} pixels")
    device = next(network.parameters()).device
    pair = [picture.flip(1) if channels == "bgr" else picture for picture in (prediction, target)]
    with torch.inference_mode():
        distance = network(*(2 * picture.float().to(device) - 1 for picture in pair))  # (B, 1, 1, 1), input in [-1, 1]
    return distance.flatten().double().cpu()
