"""PCT-Net's two networks, from a thumbnail and its mask to the coefficients of every pixel (Guerreiro et al. 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harmlib.models.base import normal_init
from harmlib.models.layers.blocks import initialize, scaled_channels
from harmlib.models.layers.idih import ATTENTION_GAIN
from harmlib.models.layers.ssam import WIDTHS, SsamUNet
from harmlib.models.layers.transformer import TransformerEncoder, to_features, to_patches

CHANNELS = 256
PATCH = 4
INIT_STD = 0.02


class CoefficientUNet(nn.Module):
    """iSSAM's U-Net with a third head; its RGB head is in the authors' file and idle.

    coefficients: P, of a pixel; width: factor on all channels, which stay multiples of 8.
    """

    def __init__(self, coefficients: int, *, width: float) -> None:
        super().__init__()
        self.trunk = SsamUNet(width=width)
        self.coefficients = nn.Conv2d(scaled_channels(width, WIDTHS[0]), coefficients, 1)
        initialize(self)

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return θ (B, P, H, W) and the blending map A (B, 1, H, W) in (0, 1).

        image: (B, 3, H, W), normalized; mask: (B, 1, H, W) in [0, 1]; H and W are multiples of 8.
        """
        features = self.trunk.decode(image, mask)
        return self.coefficients(features), torch.sigmoid(ATTENTION_GAIN * self.trunk.head.attention(features))

    def silent_parameters(self) -> list[str]:
        """Return iSSAM's head for RGB, which nothing reads."""
        return ["trunk.head.rgb.weight", "trunk.head.rgb.bias"]


class CoefficientTransformer(nn.Module):
    """HT's encoder on the pixels of patches 4x4, without positions: it knows of a patch what is in it, not where it lies.

    coefficients: P, of a pixel; width: factor on the 256 channels, which stay multiples of 8.
    """

    def __init__(self, coefficients: int, *, width: float, layers: int, dropout: float) -> None:
        super().__init__()
        channels = scaled_channels(width, CHANNELS)
        self.embedding = nn.Linear(4 * PATCH**2, channels)
        self.transformer = TransformerEncoder(channels, layers, dropout)
        self.decoder = nn.ConvTranspose2d(channels, coefficients, PATCH, stride=PATCH)
        self.coefficients = nn.Conv2d(coefficients, coefficients, 1)
        normal_init(self, INIT_STD)

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        """Return θ (B, P, H, W) and no blending map.

        image: (B, 3, H, W) in [0, 1]; mask: (B, 1, H, W) in [0, 1]; H and W are multiples of 4, where the authors' code needs squares.
        """
        tokens = self.embedding(to_patches(torch.cat([image, mask], 1), PATCH))  # (B, H W / 16, C)
        tokens = self.transformer(tokens, tokens.new_zeros(1))
        features = torch.tanh(self.decoder(to_features(tokens, image.shape[2] // PATCH, image.shape[3] // PATCH)))
        return self.coefficients(features), None
