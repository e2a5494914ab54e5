"""The U-Net of iDIH and of FRIH's first stage, with the blending that iSSAM shares (docs/methods/idih.md).

Symbols: E_i are the encoder's features, H/2^i wide; A is the attention that blends the predicted colors with the picture that came in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from harmlib.models.layers.blocks import down, scaled_channels, up
from harmlib.models.layers.gates import MaskedGate

# The first two levels have no norm.
FIRST_NORM = 2
ATTENTION_GAIN = 3.0


def blend(raw: Tensor, image: Tensor, *, residual: bool = False) -> Tensor:
    """Return RGB from the raw output of a head: three channels as they are, a fourth one as iDIH's attention A on ``image``.

    raw: (B, 3, H, W), or (B, 4, H, W) for A image + (1 - A) rgb with A = sigmoid(3 raw_4). residual: raw rgb is the change of ``image``.
    """
    rgb, logits = raw[:, :3], raw[:, 3:]
    if residual:
        rgb = rgb + image
    if not logits.shape[1]:
        return rgb
    attention = torch.sigmoid(ATTENTION_GAIN * logits)
    return attention * image + (1 - attention) * rgb


def start_unchanged(head: nn.Module) -> None:
    """Set what a head gives as RGB to zero, so that a residual network starts by handing its picture through."""
    *_, last = (layer for layer in head.modules() if isinstance(layer, nn.Conv2d))
    for parameter in last.parameters():
        nn.init.zeros_(parameter[:3])


class SplitHead(nn.Module):
    """The head of iDIH and iSSAM: a convolution to RGB and one to the attention's logits."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Conv2d(channels, 1, 1)
        self.rgb = nn.Conv2d(channels, 3, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return RGB and logits, (B, 4, H, W)."""
        return torch.cat([self.rgb(features), self.attention(features)], 1)


class BaseUNet(nn.Module):
    """As many levels down as up, skip connections, and blending with the picture that came in.

    widths: channels of E_1 to the deepest; last: of the last decoder step; width: factor on all of them, which stay multiples of 8.
    added: skip connections are added, not concatenated. bottom_padding: of the deepest convolution and of the one that undoes it.
    gated: decoder steps, counted from 0, with channel attention that sees the mask.
    head: makes the last layer, to RGB and A's logits, from its input channels; FRIH's is one convolution.
    residual: the network makes the change of the picture (``blend``).
    """

    def __init__(
        self,
        widths: Sequence[int],
        last: int,
        *,
        width: float,
        added: bool = False,
        bottom_padding: int = 1,
        gated: Sequence[int] = (),
        head: Callable[[int], nn.Module] = lambda channels: nn.Conv2d(channels, 4, 1),
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.added, self.residual = added, residual
        widths = [scaled_channels(width, channels) for channels in widths]
        paddings = [*[1] * (len(widths) - 1), bottom_padding]
        levels = enumerate(zip([4, *widths[:-1]], widths, paddings, strict=True))
        self.encoder = nn.ModuleList(down(i, o, norm=level >= FIRST_NORM, padding=padding) for level, (i, o, padding) in levels)
        skips = widths[-2::-1]  # of the levels above the deepest
        inputs = [widths[-1], *(skip if added else 2 * skip for skip in skips)]
        outputs = [*skips, scaled_channels(width, last)]
        self.decoder = nn.ModuleList(up(i, o, padding=padding) for i, o, padding in zip(inputs, outputs, paddings[::-1], strict=True))
        self.gates = nn.ModuleDict({str(step): MaskedGate(outputs[step]) for step in gated})
        self.head = head(outputs[-1])

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the picture (B, 3, H, W), on the scale of ``image`` and not clamped, and E_1 to the deepest.

        image: (B, 3, H, W); mask: (B, 1, H, W); H and W are multiples of 2^levels.
        """
        encoded = []
        features = torch.cat([image, mask], 1)
        for block in self.encoder:
            features = block(features)  # (B, C_i, H/2^i, W/2^i)
            encoded.append(features)
        for step, (block, skip) in enumerate(zip(self.decoder, [*encoded[-2::-1], None], strict=True)):
            features = block(features)
            if str(step) in self.gates:
                features = self.gates[str(step)](features, mask)
            if skip is not None:
                features = features + skip if self.added else torch.cat([features, skip], 1)
        return blend(self.head(features), image, residual=self.residual), encoded
