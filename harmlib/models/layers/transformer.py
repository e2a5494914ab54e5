"""The transformer of HT, D-HT and their relatives: norms behind the blocks, positions on queries and keys only (docs/methods/ht.md).

Tokens are (B, L, C), L row by row of a grid; positions and embeddings (L, C) are the same for all pictures of a batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

LAYERS = 9
HEADS = 2
# Hidden units of the feed-forward network per channel.
EXPANSION = 2
TEMPERATURE = 10_000.0


class FeedForward(nn.Module):
    """The second half of every layer: x becomes LN(x + W2 GELU(W1 x)); dropout behind both layers."""

    def __init__(self, channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear1 = nn.Linear(channels, EXPANSION * channels)
        self.linear2 = nn.Linear(EXPANSION * channels, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens, same shape."""
        hidden = self.dropout(functional.gelu(self.linear1(tokens)))
        return self.norm(tokens + self.dropout(self.linear2(hidden)))


class Attention(nn.Module):
    """Attention with its own addition and norm: x becomes LN(x + attention); dropout on its weights and behind it."""

    def __init__(self, channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = nn.MultiheadAttention(channels, HEADS, dropout=dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor, queries: Tensor, keys: Tensor, values: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return the tokens, same shape (B, L, C); hidden: bool (B, S), True for the keys that nobody sees."""
        attended = self.heads(queries, keys, values, key_padding_mask=hidden, need_weights=False)[0]
        return self.norm(tokens + self.dropout(attended))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward network."""

    def __init__(self, channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.self_attention = Attention(channels, dropout)
        self.feed_forward = FeedForward(channels, dropout)

    def forward(self, tokens: Tensor, positions: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return the tokens, same shape (B, L, C); hidden: as for ``Attention``."""
        placed = tokens + positions
        return self.feed_forward(self.self_attention(tokens, placed, placed, tokens, hidden))


class DecoderLayer(nn.Module):
    """Self-attention, attention on a memory, and feed-forward network."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.self_attention = Attention(channels)
        self.cross_attention = Attention(channels)
        self.feed_forward = FeedForward(channels)

    def forward(self, tokens: Tensor, positions: Tensor, memory: Tensor, placed_memory: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return the tokens, same shape (B, L, C).

        memory: (B, S, C), placed_memory: with its positions; hidden: bool (B, S), True for the positions that nobody sees.
        """
        placed = tokens + positions
        tokens = self.self_attention(tokens, placed, placed, tokens)
        tokens = self.cross_attention(tokens, tokens + positions, placed_memory, memory, hidden)
        return self.feed_forward(tokens)


class TransformerEncoder(nn.Module):
    """Encoder layers, without a norm at the end; the authors have nine."""

    def __init__(self, channels: int, layers: int = LAYERS, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(channels, dropout) for _ in range(layers))

    def forward(self, tokens: Tensor, positions: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return the tokens, same shape (B, L, C); hidden: as for ``Attention``."""
        for layer in self.layers:
            tokens = layer(tokens, positions, hidden)
        return tokens


class TransformerDecoder(nn.Module):
    """Decoder layers and a norm; the authors have nine."""

    def __init__(self, channels: int, layers: int = LAYERS) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(channels) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor, positions: Tensor, memory: Tensor, memory_positions: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return the tokens, same shape (B, L, C); memory: (B, S, C); hidden: as for ``DecoderLayer``."""
        placed_memory = memory + memory_positions
        for layer in self.layers:
            tokens = layer(tokens, positions, memory, placed_memory, hidden)
        return self.norm(tokens)


def sine_positions(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """Return the positions of a grid, (H W, C): first half of the channels for the row, second half for the column.

    Rows and columns count from 1; channel j of a half has the frequency 10000^(-2 ⌊j/2⌋ / half), even ones are sines, odd ones cosines.
    channels: a multiple of 4. The result has the type and device of ``like``.
    """
    half = channels // 2
    frequencies = TEMPERATURE ** (-torch.arange(0, half, 2, dtype=torch.float64, device="cpu") / half)
    phases = [torch.arange(1, length + 1, device="cpu")[:, None] * frequencies for length in (height, width)]
    rows, columns = (torch.stack([phase.sin(), phase.cos()], 2).flatten(1).to(like) for phase in phases)  # (side, half)
    return torch.cat([rows[:, None].expand(-1, width, -1), columns[None].expand(height, -1, -1)], 2).flatten(0, 1)


def to_patches(picture: Tensor, side: int) -> Tensor:
    """Return the patches of a picture (B, C, H, W) as tokens (B, H W / side², side² C): row in the patch, column, channel."""
    grid = picture.unflatten(3, (-1, side)).unflatten(2, (-1, side))  # (B, C, h, side, w, side)
    return grid.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)


def to_tokens(features: Tensor) -> Tensor:
    """Return features (B, C, h, w) as tokens (B, h w, C)."""
    return features.flatten(2).transpose(1, 2)


def to_features(tokens: Tensor, height: int, width: int) -> Tensor:
    """Return tokens (B, h w, C) as features (B, C, h, w)."""
    return tokens.transpose(1, 2).unflatten(2, (height, width))
