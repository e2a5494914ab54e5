"""iSSAM's U-Net with one spatial-separated attention module (docs/methods/idih.md).

Double convolutions, pooling down, bilinear up-sampling; the attention stands where the finest skip connection comes in.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.layers.blocks import Block, scaled_channels
from harmlib.models.layers.gates import ChannelGate
from harmlib.models.layers.idih import FIRST_NORM, SplitHead, blend

WIDTHS = (32, 64, 128, 256)
SIZE_MULTIPLE = 2 ** (len(WIDTHS) - 1)
BLUR_SIDE = 7
BLUR_SIGMA = 1.0


def conv_block(inputs: int, outputs: int, *, norm: bool = True, bias: bool = True) -> Block:
    """Return the block with a convolution 3x3 and ReLU."""
    return Block(nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias), norm=norm, activation=nn.ReLU)


def double_conv(inputs: int, outputs: int, *, norm: bool = True) -> nn.Sequential:
    """Return two blocks with convolutions 3x3."""
    return nn.Sequential(conv_block(inputs, outputs, norm=norm), conv_block(outputs, outputs, norm=norm))


class SpatialAttention(nn.Module):
    """Treats foreground and background separately: m' (Λ(G_f(x)) + G_m(x)) + (1 - m') G_b(x), m' = the blurred mask.

    gate: makes G_b, G_f and G_m from the channels; learner: Λ, keeps the shape.
    blur: Gaussian (1, 1, S, S), never trained. Code: iSSAM's authors start from a random one, and their checkpoints keep that kernel.
    """

    blur: Tensor

    def __init__(self, channels: int, *, learner: nn.Module, blur: Tensor, gate: Callable[[int], nn.Module] = ChannelGate) -> None:
        super().__init__()
        self.background = gate(channels)
        self.foreground = gate(channels)
        self.mix = gate(channels)
        self.learner = learner
        self.register_buffer("blur", blur)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return the features, same shape (B, C, H, W); mask: (B, 1, H, W), of the size that ``soften`` takes."""
        soft = self.soften(mask, features)
        foreground = self.learner(self.foreground(features)) + self.mix(features)
        return soft * foreground + (1 - soft) * self.background(features)

    def soften(self, mask: Tensor, features: Tensor) -> Tensor:
        """Return m' (B, 1, H, W) for a mask of the size of the features."""
        return functional.conv2d(mask, self.blur, padding=self.blur.shape[-1] // 2)


def gaussian_kernel(side: int, sigma: float) -> Tensor:
    """Return the kernel (1, 1, side, side) of sum 1."""
    offsets = torch.arange(side, device="cpu") - side // 2
    line = torch.exp(-0.5 * (offsets / sigma).square())
    plane = torch.outer(line, line)
    return (plane / plane.sum())[None, None].to(torch.get_default_device())


class SsamUNet(nn.Module):
    """Four levels; input a picture (B, 3, H, W) and its mask, output the blended picture.

    width: factor on all channels, which stay multiples of 8.
    """

    def __init__(self, *, width: float) -> None:
        super().__init__()
        widths = [scaled_channels(width, channels) for channels in WIDTHS]
        levels = enumerate(zip([4, *widths[:-1]], widths, strict=True))
        self.encoder = nn.ModuleList(double_conv(inputs, outputs, norm=level >= FIRST_NORM) for level, (inputs, outputs) in levels)
        climb = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.ups = nn.ModuleList(conv_block(inputs, outputs, norm=False) for inputs, outputs in climb)
        outer, inner = 2 * widths[0], widths[0]
        learner = nn.Sequential(conv_block(outer, inner, bias=False), conv_block(inner, outer, bias=False))
        self.attention = SpatialAttention(outer, learner=learner, blur=gaussian_kernel(BLUR_SIDE, BLUR_SIGMA))
        self.merges = nn.ModuleList(double_conv(2 * outputs, outputs) for _, outputs in climb)
        self.head = SplitHead(widths[0])

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the picture (B, 3, H, W), on the scale of ``image`` and not clamped; H and W are multiples of 8."""
        return blend(self.head(self.decode(image, mask)), image)

    def decode(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the last features (B, C, H, W), those that the head reads; inputs as for ``forward``."""
        encoded = [self.encoder[0](torch.cat([image, mask], 1))]
        for blocks in self.encoder[1:]:
            encoded.append(blocks(functional.max_pool2d(encoded[-1], 2)))
        features, *skips = encoded[::-1]  # (B, C, H/8, W/8) up to (B, C, H, W)
        for up, merge, skip in zip(self.ups, self.merges, skips, strict=True):
            raised = up(functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=True))
            joined = torch.cat([skip, raised], 1)
            features = merge(self.attention(joined, mask) if skip is skips[-1] else joined)
        return features
