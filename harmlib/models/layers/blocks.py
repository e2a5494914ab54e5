"""What the networks of many methods are put together from: a block with its norm, its start, and widths that scale."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import nn

from harmlib.errors import ParameterError

BASE_WIDTH = 64
# Channels of networks that are narrowed evenly stay multiples of it.
CHANNEL_UNIT = 8
# Of the leaky ReLU in encoders and discriminators.
SLOPE = 0.2
MAGNITUDE = 2.0


def scaled_width(width: float, base: int = BASE_WIDTH) -> int:
    """Return the base number of channels at a relative ``width``; raises ParameterError unless 0 < width <= 4."""
    if not 0 < width <= 4:
        raise ParameterError(f"width is {width}, expected a factor above 0, 4 at most, such as 0.25")
    return max(1, round(base * width))


def scaled_channels(width: float, channels: int) -> int:
    """Return a number of channels at a relative ``width``, a multiple of 8; raises ParameterError unless 0 < width <= 4."""
    return CHANNEL_UNIT * scaled_width(width, channels // CHANNEL_UNIT)


class Block(nn.Sequential):
    """A convolution, batch norm unless ``norm`` is False, and ELU or another activation."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, *, norm: bool = True, activation: Callable[..., nn.Module] = nn.ELU) -> None:
        layers = [nn.BatchNorm2d(conv.out_channels)] if norm else []
        super().__init__(conv, *layers, activation(inplace=True))


def down(inputs: int, outputs: int, *, norm: bool = True, padding: int = 1) -> Block:
    """Return the block with a convolution 4x4 that halves height and width (``padding`` 0: halves them and takes 1 away)."""
    return Block(nn.Conv2d(inputs, outputs, 4, stride=2, padding=padding), norm=norm)


def up(inputs: int, outputs: int, *, padding: int = 1) -> Block:
    """Return the block with a transposed convolution 4x4 that undoes ``down``."""
    return Block(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=padding))


def initialize(module: nn.Module, magnitude: float = MAGNITUDE) -> None:
    """Draw the weights of convolutions and linear layers from N(0, 2 magnitude / (fan in + fan out)), biases 0: iDIH's start."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.xavier_normal_(layer.weight, gain=math.sqrt(magnitude))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def silent_biases(module: nn.Module) -> list[str]:
    """Return the names of the biases that get no gradient because the norm right behind them cancels every constant."""
    return [
        f"{name}.0.bias"
        for name, block in module.named_modules()
        if isinstance(block, Block) and isinstance(block[1], nn.BatchNorm2d) and block[0].bias is not None
    ]
