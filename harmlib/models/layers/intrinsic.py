"""Blocks of IIH: light transfer between the regions, and features replaced by those of matching background (docs/methods/iih.md)."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.layers.blocks import SLOPE, scaled_channels
from harmlib.models.layers.picture import WIDTHS, ConvBlock, PictureEncoder, SampleNorm

# Numbers that describe the light of one region.
LIGHTS = 8
COLORS = 3
RATIO_EPSILON = 1e-8
AREA_EPSILON = 1e-8
MATCHING_CHANNELS = (32, 64, 128, 256)
MATCHING_BLOCKS = 6
# Factor on the covariances before softmax.
SHARPNESS = 10.0
# Side and stride of the patches that replace each other, and how many of them cover a position.
PATCH, PATCH_STRIDE = 4, 2
COVERS = (PATCH // PATCH_STRIDE) ** 2


class ResidualBlock(nn.Sequential):
    """Two convolutions 3x3 with norm, the first with LeakyReLU, added to what came in."""

    def __init__(self, channels: int) -> None:
        first, second = (
            ConvBlock(channels, channels, 3, padding=1, norm=SampleNorm, activation=activation) for activation in (None, nn.Identity())
        )
        super().__init__(first, second)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features, same shape (B, C, h, w)."""
        return features + super().forward(features)


class LightEncoder(nn.Module):
    """Eight numbers for the light on the foreground and eight for the background; width: factor on the channels."""

    def __init__(self, *, width: float) -> None:
        super().__init__()
        self.encoder = PictureEncoder(width=width, norm=nn.Identity)
        self.code = nn.Linear(scaled_channels(width, WIDTHS[-1]), LIGHTS)

    def forward(self, inputs: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the light of both regions, (B, 8) each; inputs: (B, 4, H, W), mask: (B, 1, H/4, W/4) in [0, 1]."""
        features = self.encoder(inputs)
        foreground, background = (
            (features * region).sum((2, 3)) / (region.sum((2, 3)) + AREA_EPSILON)  # (B, C)
            for region in (mask, 1 - mask)
        )
        return self.code(foreground), self.code(background)


class LightTransfer(nn.Module):
    """Foreground features as the background's light would show them: three color parts, each scaled, and a shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.code = nn.Linear(LIGHTS, (1 + COLORS) * channels)
        self.colors = ConvBlock(channels, COLORS * channels, 3, padding=1, norm=functools.partial(nn.GroupNorm, COLORS))

    def forward(self, features: Tensor, mask: Tensor, lights: tuple[Tensor, Tensor]) -> Tensor:
        """Return features (B, C, h, w), changed inside the mask (B, 1, h, w); lights: of foreground and background, (B, 8) each."""
        (intensity, color), (target_intensity, target_color) = (self._read(light) for light in lights)
        ratio = target_color / (color + RATIO_EPSILON)  # (B, 3, C)
        parts = self.colors(features).unflatten(1, (COLORS, -1))  # (B, 3, C, h, w)
        lit = (parts * ratio[..., None, None]).sum(1) + (target_intensity - intensity)[..., None, None]
        return features * (1 - mask) + lit * mask

    def _read(self, light: Tensor) -> tuple[Tensor, Tensor]:
        """Return intensity (B, C) and shares of the colors (B, 3, C)."""
        values = functional.leaky_relu(self.code(light), SLOPE).unflatten(1, (1 + COLORS, -1))
        return values[:, 0], values[:, 1:].softmax(1)


class LightTransferBlock(nn.Module):
    """Two convolutions, a light transfer behind each, added to what came in; both halves share one norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(ConvBlock(channels, channels, 3, padding=1, activation=nn.Identity()) for _ in range(2))
        self.transfers = nn.ModuleList(LightTransfer(channels) for _ in range(2))
        self.norm = SampleNorm(channels)

    def forward(self, features: Tensor, mask: Tensor, lights: tuple[Tensor, Tensor]) -> Tensor:
        """Return the features, same shape (B, C, h, w); mask, lights: as for ``LightTransfer``."""
        hidden = functional.leaky_relu(self._half(0, features, mask, lights), SLOPE)
        return features + self._half(1, hidden, mask, lights)

    def _half(self, index: int, features: Tensor, mask: Tensor, lights: tuple[Tensor, Tensor]) -> Tensor:
        """Return the features behind one convolution, light transfer and norm."""
        return self.norm(self.transfers[index](self.convs[index](features), mask, lights))


class MatchingEncoder(nn.Sequential):
    """Picture and mask (B, 4, H, W) to the features that are matched, (B, 256, H/8, W/8) in (-1, 1); width: factor on the channels."""

    def __init__(self, *, width: float) -> None:
        channels = scaled_channels(width, MATCHING_CHANNELS[-1])
        super().__init__(
            PictureEncoder(width=width, widths=MATCHING_CHANNELS, norm=SampleNorm),
            nn.Sequential(*(ResidualBlock(channels) for _ in range(MATCHING_BLOCKS))),
            ConvBlock(channels, channels, 3, padding=1, activation=nn.Tanh()),
        )


def matching_scores(features: Tensor, mask: Tensor) -> Tensor:
    """Return how well each background position fits each foreground position, (B, hw [background], hw [foreground]), sum 1 over the former.

    features: (B, C, h, w); mask: (B, 1, h, w) in [0, 1]. Positions of the other region are zeros on either side, none is left out.
    """
    foreground, background = ((features * region).flatten(2) for region in (mask, 1 - mask))  # (B, C, hw)
    foreground, background = (x - x.mean(1, keepdim=True) for x in (foreground, background))
    covariance = background.transpose(1, 2) @ foreground / (features.shape[1] - 1)
    return torch.softmax(SHARPNESS * covariance, 1)


class Recomposition(nn.Module):
    """Every patch becomes the mean of all patches, weighed by the scores; a convolution joins the result to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = ConvBlock(2 * channels, channels, 3, padding=1, activation=nn.ReLU())

    def forward(self, features: Tensor, scores: Tensor) -> Tensor:
        """Return features (B, C, 2h, 2w); scores: (B, hw, hw), as ``matching_scores`` returns them."""
        patches = functional.unfold(features, PATCH, padding=1, stride=PATCH_STRIDE)  # (B, 16 C, hw)
        composed = functional.fold(patches @ scores, features.shape[2:], PATCH, padding=1, stride=PATCH_STRIDE) / COVERS
        return features + self.join(torch.cat([features, composed], 1))
