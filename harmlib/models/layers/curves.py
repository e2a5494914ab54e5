"""Color curves of straight pieces, and what finds them from features of foreground and background (docs/methods/s2crnet.md)."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

COLORS = 3
PIECES = 64
LABEL_CHANNELS = (32, 64)
SUM_EPSILON = 1e-30


def render_curves(image: Tensor, pieces: Tensor) -> Tensor:
    """Return R(v) = L / (Σ p + 1e-30) Σ p_j clamp(v - j/L, 0, 1/L) of every value; 0 stays 0 and 1 stays 1, what lies beyond becomes them.

    image: (B, 3, H, W); pieces: p, (B, 3, L), the rise of every piece, of either sign: values may leave [0, 1].
    Values look their piece up, which is the same sum with L times fewer terms.
    """
    count = pieces.shape[2]
    rises = pieces / (pieces.sum(2, keepdim=True) + SUM_EPSILON)
    starts = functional.pad(rises.cumsum(2), (1, 0))  # (B, 3, L + 1)
    positions = image.flatten(2).clamp(0, 1) * count  # (B, 3, HW)
    piece = positions.detach().long().clamp(max=count - 1)
    return (starts.gather(2, piece) + rises.gather(2, piece) * (positions - piece)).view_as(image)


class CurveHead(nn.Module):
    """The pieces of three curves: a linear map of the background's features plus one of the foreground's.

    The latter also sees the foreground's class, where one is told; both ways have weights of their own.
    """

    def __init__(self, channels: int, labels: int) -> None:
        super().__init__()
        hidden, embedded = LABEL_CHANNELS
        self.foreground = nn.Linear(channels, COLORS * PIECES)
        self.background = nn.Linear(channels, COLORS * PIECES)
        self.label = nn.Sequential(nn.Linear(labels, hidden), nn.ReLU(), nn.Linear(hidden, embedded))
        self.labeled = nn.Linear(channels + embedded, COLORS * PIECES)

    def forward(self, foreground: Tensor, background: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the pieces (B, 3, 64); foreground, background: (B, C); label: one-hot (B, labels), or None."""
        found = self.foreground(foreground) if label is None else self.labeled(torch.cat([foreground, self.label(label)], 1))
        return (self.background(background) + found).unflatten(1, (COLORS, PIECES))
