"""LPIPS (Zhang et al. 2018) on VGG16, when the backbone's weights are on this machine; nothing is ever downloaded.

The linear heads ship with the ``lpips`` package; the ImageNet backbone is torchvision's file in torch's hub cache.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from harmlib.errors import ParameterError, ShapeError
from harmlib.io.files import sha256

if TYPE_CHECKING:
    import torch

# torchvision names its files by the first eight digits of their SHA-256.
BACKBONE_DIGEST = "397923af"
BACKBONE_FILE = f"vgg16-{BACKBONE_DIGEST}.pth"
# Four halvings lie between the picture and VGG16's last compared layer.
SMALLEST_SIDE = 16


def backbone_path() -> Path:
    """Return where torch's hub cache keeps the VGG16 weights (TORCH_HOME moves it)."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / BACKBONE_FILE


def why_unavailable() -> str:
    """Return the reason why LPIPS cannot be computed here, for the note below a table; empty when it can."""
    if importlib.util.find_spec("lpips") is None:
        return 'LPIPS needs the package "lpips", and it is not installed: pip install "harmlib[lpips]" brings it'
    path = backbone_path()
    if not path.exists():
        return f"LPIPS needs the VGG16 weights {BACKBONE_FILE} in torch's hub cache, and they are not there"
    if not sha256(path).startswith(BACKBONE_DIGEST):
        return f"LPIPS needs the VGG16 weights, and the file {BACKBONE_FILE} in torch's hub cache is damaged"
    return ""


def load_network(device: str = "cpu") -> torch.nn.Module | str:
    """Return the LPIPS network in evaluation mode, or the reason (a sentence) why there is none."""
    reason = why_unavailable()
    if reason:
        return reason
    import lpips

    return lpips.LPIPS(net="vgg", verbose=False).eval().requires_grad_(False).to(device)


def lpips_distance(network: torch.nn.Module, prediction: torch.Tensor, target: torch.Tensor, *, channels: str = "rgb") -> torch.Tensor:
    """Learned perceptual distance, one value per image.

    prediction, target: (B, 3, H, W), RGB in [0, 1], at least 16x16; channels: "rgb", or "bgr" as some code bases feed it.
    Returns (B,) float64 on the CPU, 0 for identical pictures.
    Raises ShapeError for small pictures; ParameterError for another channel order.
    """
    import torch

    if channels not in ("rgb", "bgr"):
        raise ParameterError(f'channel order "{channels}" is unknown: choose rgb or bgr')
    if min(prediction.shape[2:]) < SMALLEST_SIDE:
        raise ShapeError(
            f"pictures are {prediction.shape[2]}x{prediction.shape[3]}: LPIPS needs at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels"
        )
    device = next(network.parameters()).device
    pair = [picture.flip(1) if channels == "bgr" else picture for picture in (prediction, target)]
    with torch.inference_mode():
        distance = network(*(2 * picture.float().to(device) - 1 for picture in pair))  # (B, 1, 1, 1), input in [-1, 1]
    return distance.flatten().double().cpu()
