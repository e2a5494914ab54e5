"""The networks of the perceptual threshold classifier (docs/methods/perceptual.md): an encoder down to 15 maps, and a decoder.

The encoder is VGG16 at stride 8 with a main branch behind its last block and a side branch behind each of its first four pools; every
branch ends in three maps. Pools 4 and 5 keep the resolution, and block 5 is dilated by 2 instead.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import ParameterError
from harmlib.models.layers.backbones import VGG16_BLOCKS, vgg16_blocks
from harmlib.models.layers.blocks import Block, initialize, scaled_channels
from harmlib.models.layers.perceptual import IMAGENET_MEAN, IMAGENET_STD

STRIDE = 8
# Blocks whose pool halves the resolution; the convolutions behind a pool that does not are dilated.
HALVING_BLOCKS = 3
DILATED_BLOCK = 4
MAIN_CHANNELS = 512
SIDE_CHANNELS = 128
# Strides that bring pools 1 to 4, at 1/2, 1/4, 1/8 and 1/8 of the picture, to 1/8.
SIDE_STRIDES = (4, 2, 1, 1)
BRANCH_MAPS = 3
BOTTLENECK_CHANNELS = BRANCH_MAPS * (1 + len(SIDE_STRIDES))
DECODER_CHANNELS = (256, 128, 64)
MAIN_DROP = 0.1
# What a dropout of 0.75 leaves of the decoder's 64 channels.
HEAD_CHANNELS = 16


def conv_block(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> Block:
    """Return a convolution with bias, batch norm and ReLU; the output is ceil(size / stride)."""
    return Block(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), activation=nn.ReLU)


class DilatedVGG16(nn.Module):
    """The convolutions of VGG16 at stride 8, without batch norm; width: factor on all channels, which stay multiples of 8."""

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(vgg16_blocks(width=width, dilated=DILATED_BLOCK))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the five pooled features, at 1/2, 1/4 and three times 1/8 of the picture (B, 3, H, W) in [-1, 1]."""
        pooled: list[Tensor] = []
        features = image
        for index, block in enumerate(self.blocks):
            features = pool(block(features), halve=index < HALVING_BLOCKS)
            pooled.append(features)
        return pooled

    def load_imagenet(self, weights: Mapping[str, Tensor]) -> None:
        """Load the convolutions of torchvision's ``vgg16``, with ImageNet's normalization folded into the first one.

        Code: the weights get pictures in [-1, 1] as they are. Here: what they were trained with, (x - mean) / std of x in [0, 1]; only the
        zeros beyond the border then stand for mid-gray instead of ImageNet's mean.
        """
        theirs = [values for name, values in weights.items() if name.startswith("features.")]
        loaded = dict(zip(self.state_dict(), theirs, strict=True))
        first, bias = list(loaded)[:2]
        mean, std = (loaded[first].new_tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        loaded[bias] = loaded[bias] + (loaded[first] * (0.5 - mean) / std).sum((1, 2, 3))
        loaded[first] = loaded[first] * 0.5 / std
        self.load_state_dict(loaded)


def pool(features: Tensor, *, halve: bool) -> Tensor:
    """Return the maxima of 2x2 windows: of every second one, or of all of them.

    All of them, before convolutions dilated by 2, hold what VGG16 computes at every second position: ImageNet weights keep their meaning.
    The column and row of zeros that keep the size are never a maximum of features behind a ReLU.
    """
    if halve:
        return functional.max_pool2d(features, 2)
    return functional.max_pool2d(functional.pad(features, (0, 1, 0, 1)), 2, stride=1)


class DetectorEncoder(nn.Module):
    """Picture to bottleneck: (B, 3, H, W) in [-1, 1] to (B, 15, H/8, W/8), main branch first, then those of pools 1 to 4.

    width: factor on all channels but the maps of the bottleneck; size: side of the pictures, a multiple of 8.
    code_size: how many values the bottleneck of such a picture has, 11,760 at 224.
    """

    def __init__(self, *, width: float = 1.0, size: int = 224) -> None:
        super().__init__()
        if size < STRIDE or size % STRIDE:
            raise ParameterError(f"size is {size}, expected the side of the detector's pictures, a multiple of {STRIDE}")
        self.code_size = BOTTLENECK_CHANNELS * (size // STRIDE) ** 2
        self.frozen = False
        self.backbone = DilatedVGG16(width=width)
        *outputs, deepest = (scaled_channels(width, widths[-1]) for widths in VGG16_BLOCKS)
        main, side = scaled_channels(width, MAIN_CHANNELS), scaled_channels(width, SIDE_CHANNELS)
        self.main = nn.Sequential(
            conv_block(deepest, main, 1),
            nn.Dropout2d(MAIN_DROP),
            conv_block(main, main, 1),
            nn.Dropout2d(MAIN_DROP),
            nn.Conv2d(main, BRANCH_MAPS, 1),
            nn.ReLU(inplace=True),
        )
        self.branches = nn.ModuleList(
            nn.Sequential(conv_block(inputs, side, 3, stride=stride), conv_block(side, side, 1), conv_block(side, BRANCH_MAPS, 1))
            for inputs, stride in zip(outputs, SIDE_STRIDES, strict=True)
        )
        initialize(self)

    def forward(self, image: Tensor) -> Tensor:
        """Return the bottleneck, (B, 15, H/8, W/8); H and W are multiples of 8."""
        *pools, deepest = self.backbone(image)
        sides = [branch(features) for branch, features in zip(self.branches, pools, strict=True)]
        return torch.cat([self.main(deepest), *sides], 1)

    def freeze(self) -> None:
        """Keep training from changing the encoder: no gradients, no dropout, and batch norm with the statistics it has."""
        self.frozen = True
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> DetectorEncoder:
        """Set the training mode; a frozen encoder stays in evaluation mode."""
        return super().train(mode and not self.frozen)


class DetectorDecoder(nn.Sequential):
    """Bottleneck to features of the picture's size: (B, 15, h, w) to (B, channels, 8 h, 8 w), three times doubled by nearest neighbor.

    width: factor on all channels, which stay multiples of 8; channels: 64 at width 1.
    """

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        inputs = BOTTLENECK_CHANNELS
        for base in DECODER_CHANNELS:
            outputs = scaled_channels(width, base)
            self.extend([nn.Upsample(scale_factor=2), conv_block(inputs, outputs, 3), conv_block(outputs, outputs, 1)])
            inputs = outputs
        self.channels = inputs
        initialize(self)


def detector_head(channels: int, maps: int) -> nn.Sequential:
    """Return what turns the decoder's features into logits (B, maps, H, W): channel dropout and a convolution 1x1.

    Code: dropout 0.75. Here: so for its 64 channels; narrower decoders keep 16 too, or all they have, because they learn slowly with fewer.
    """
    drop = max(0.0, 1 - HEAD_CHANNELS / channels)
    return nn.Sequential(nn.Dropout2d(drop), nn.Conv2d(channels, maps, 1))
