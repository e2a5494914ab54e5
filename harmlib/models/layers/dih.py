"""The networks of Deep Image Harmonization: encoder, code and decoder, and a parsing decoder beside it (docs/methods/dih.md).

Level l goes from side S/2^l to S/2^(l+1) and back; between the deepest features, 4x4, and the decoder stands a code of one pixel.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import check_choice
from harmlib.models.base import normal_init
from harmlib.models.layers.blocks import Block, scaled_width

CHANNELS = (64, 64, 128, 128, 256, 256)
CODE = 512
CODE_SIDE = 4  # of the deepest features
TENSORFLOW_EPSILON = 1e-3
INIT_STD = 0.01
CODE_INIT_STD = 0.005


class FrozenNorm(nn.Module):
    """Batch norm that never looks at a batch: γ·x/√(1 + eps) + β, as the TensorFlow code calls it, while training too.

    The statistics stay 0 and 1 unless a checkpoint brings others.
    """

    def __init__(self, channels: int, *, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Return the scaled and shifted features, same shape."""
        return functional.batch_norm(features, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


NORMS: dict[str, type[nn.Module]] = {"affine": FrozenNorm, "batch": nn.BatchNorm2d}


class DihNet(nn.Module):
    """Encoder, code and harmonization decoder; skips are added behind the activation, ELU.

    channels: of the encoder's levels; code: its values, None: no layer makes one and the decoder takes 512; width: factor on all.
    norm: affine (``FrozenNorm``) or batch, with ``eps``; bias: whether convolutions have one (the layer of the code always does).
    flat_code: the weights of that layer are a matrix, not a convolution: same numbers under other names.
    residual: the network makes the change of the picture, which is the input's first three channels, and starts with none.
    Input (B, in_channels, S, S), S = ``size``, 256 for six levels; output (B, 3, S, S), no final activation.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        channels: tuple[int, ...] = CHANNELS,
        code: int | None = CODE,
        width: float = 1.0,
        norm: str = "affine",
        eps: float = TENSORFLOW_EPSILON,
        bias: bool = False,
        flat_code: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        check_choice("norm", norm, NORMS)
        self.norm, self.eps, self.bias, self.residual = norm, eps, bias, residual
        self.size = CODE_SIDE * 2 ** len(channels)
        self.channels = [scaled_width(width, number) for number in channels]
        self.code_channels = scaled_width(width, code or CODE)
        sources = [in_channels, *self.channels[:-1]]
        self.encoder = nn.ModuleList(
            self._block(nn.Conv2d(i, o, 4, stride=2, padding=1, bias=bias)) for i, o in zip(sources, self.channels, strict=True)
        )
        self.code: nn.Module | None = None
        if code and flat_code:
            matrix = nn.Linear(CODE_SIDE**2 * self.channels[-1], self.code_channels)
            self.code = nn.Sequential(nn.Flatten(), matrix, nn.Unflatten(1, (-1, 1, 1)))
        elif code:
            self.code = nn.Conv2d(self.channels[-1], self.code_channels, CODE_SIDE)
        self.decoder = self._make_decoder()
        self.output = self._up(self.channels[0], 3)
        self._draw_weights(width)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the raw picture, (B, 3, S, S)."""
        features = self.encode(inputs)
        restored = self.decode(self.to_code(features[-1]), features)
        return restored + inputs[:, :3] if self.residual else restored

    def encode(self, inputs: Tensor) -> list[Tensor]:
        """Return the features of every level, the deepest last, (B, C, 4, 4)."""
        features = []
        for block in self.encoder:
            inputs = block(inputs)  # (B, C_l, S/2^(l+1), S/2^(l+1))
            features.append(inputs)
        return features

    def to_code(self, deepest: Tensor) -> Tensor:
        """Return the code, (B, code, 1, 1), of the deepest features."""
        assert self.code is not None  # made without one: the caller brings the code
        return self.code(deepest)

    def decode(self, code: Tensor, features: list[Tensor]) -> Tensor:
        """Return the raw picture, (B, 3, S, S), from a code, (B, code, 1, 1), and what ``encode`` returned."""
        hidden = code
        for block, skip in zip(reversed(self.decoder), reversed(features), strict=True):
            hidden = block(hidden) + skip
        return self.output(hidden)

    def _make_decoder(self, joined: int = 1) -> nn.ModuleList:
        """Return the block up to every level; all but the deepest take the features of so many decoders, ``joined``."""
        convs = [self._up(joined * i, o) for i, o in zip(self.channels[1:], self.channels[:-1], strict=True)]
        deepest = self._up(self.code_channels, self.channels[-1], padding=0)
        return nn.ModuleList(self._block(conv) for conv in [*convs, deepest])

    def _up(self, in_channels: int, out_channels: int, *, padding: int = 1) -> nn.ConvTranspose2d:
        """Return the up-sampling of a level, by 2; from 1x1 to 4x4 without padding."""
        return nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=padding, bias=self.bias)

    def _block(self, conv: nn.Conv2d | nn.ConvTranspose2d) -> Block:
        """Return a convolution with the norm of this network and ELU."""
        block = Block(conv)
        block[1] = NORMS[self.norm](conv.out_channels, eps=self.eps)
        return block

    def _draw_weights(self, width: float) -> None:
        """Draw N(0, 0.01²), for the code N(0, 0.005²), biases 0, norms 1 and 0, as the TensorFlow code does at width 1.

        A narrow network gets a larger deviation, by 1/√width: signals then fade from level to level as in the full one.
        """
        normal_init(self, INIT_STD / width**0.5)
        if self.code is not None:
            normal_init(self.code, CODE_INIT_STD / width**0.5)
        if self.residual:
            nn.init.zeros_(self.output.weight)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()


class SemanticDihNet(DihNet):
    """A DihNet whose harmonization decoder sees, from 4x4 to S/4, the features of a parsing decoder behind its own.

    classes: of the parsing. crossed: the second block of the parsing decoder gets the harmonization's features, a slip that weights were
    trained with. Other options as of DihNet.
    """

    def __init__(self, in_channels: int, *, classes: int, crossed: bool = False, width: float = 1.0, **options: Any) -> None:
        super().__init__(in_channels, width=width, **options)
        self.crossed = crossed
        self.decoder = self._make_decoder(joined=2)
        self.parser = self._make_decoder()
        self.parsed = self._block(self._up(self.channels[0], self.channels[0]))
        self.labels = nn.Conv2d(self.channels[0], classes, 1, bias=self.bias)
        self._draw_weights(width)

    def decode(self, code: Tensor, features: list[Tensor]) -> Tensor:
        """Return the raw picture, (B, 3, S, S), from a code, (B, code, 1, 1), and what ``encode`` returned."""
        return self.output(self._decode_both(code, features)[0])

    def parse(self, inputs: Tensor) -> Tensor:
        """Return the logits of the parsing, (B, classes, S, S)."""
        features = self.encode(inputs)
        return self.labels(self.parsed(self._decode_both(self.to_code(features[-1]), features)[1]))

    def silent_parameters(self) -> list[str]:
        """Return the names of the parameters that the picture does not depend on: the parsing's last layers."""
        return [name for name, _ in self.named_parameters() if name.startswith(("parser.0.", "parsed.", "labels."))]

    def _decode_both(self, code: Tensor, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the features at S/2 of the harmonization and of the parsing decoder."""
        hidden = parsed = joined = code
        crossing = len(features) - 2 if self.crossed else None
        for level in reversed(range(len(features))):
            source = hidden if level == crossing else parsed
            hidden = self.decoder[level](joined) + features[level]
            parsed = self.parser[level](source) + features[level]
            joined = torch.cat([hidden, parsed], 1)
        return hidden, parsed
