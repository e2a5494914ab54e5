"""FRIH's light cascade of stage two with its fusion prediction, and the widths of both stages (FRIH, equations 3 to 5).

Symbols of the paper: E_i encoder of stage one, ET_i its transferred features, EC_i encoder of the cascade, F_j fused features, DC_j decoder
of the cascade. Level i is H/2^i wide; decoder step j = 1..7 starts at level 8 - j. The paper prints depths, kernels and the numbers of
parameters; widths, norms, activations and the blending are chosen here so that these numbers come out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from harmlib.models.base import resize_to
from harmlib.models.layers.blocks import Block, down, scaled_channels, up
from harmlib.models.layers.idih import blend

BASE_WIDTHS = (64, 64, 128, 128, 256, 256, 384)
BASE_LAST_WIDTH = 24
CASCADE_WIDTHS = (16, 32, 32, 64, 64, 128, 128)
FUSION_WIDTH = 32
SIZE_MULTIPLE = 2 ** len(BASE_WIDTHS)
# Decoder steps whose features are an eighth of the picture or less: convolved before they are upsampled.
DEEP_STEPS = 4


class FusionConv(nn.Conv2d):
    """The convolution 3x3 of the features of all decoder steps, upsampled bilinearly to the last one's size and concatenated.

    Both operations are linear, so the deep features are convolved at their own size and the 352 channels (92 MB a row) are never built:
    a quarter of the multiplications, equal up to rounding.
    """

    def __init__(self, widths: Sequence[int], outputs: int) -> None:
        super().__init__(sum(widths), outputs, 3, padding=1)
        self.deep_widths = tuple(widths[:DEEP_STEPS])

    def forward(self, steps: Sequence[Tensor]) -> Tensor:  # type: ignore[override]
        """Return (R, outputs, H, W); steps: DC_1..DC_7, the last one (R, C, H, W)."""
        shallow = torch.cat([resize_to(features, steps[-1]) for features in steps[DEEP_STEPS:]], 1)
        *deep_weights, weight = self.weight.split([*self.deep_widths, shallow.shape[1]], 1)
        result = functional.conv2d(shallow, weight, self.bias, padding=1)
        return result + _convolve_upsampled(steps[:DEEP_STEPS], deep_weights, result.shape[2:])


def _convolve_upsampled(steps: Sequence[Tensor], weights: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """Return the sum of convolutions 3x3 of features upsampled bilinearly to ``size``, (R, outputs, H, W).

    Per tap (i, j) of the kernel: mix the channels, upsample the columns shifted by j, then the rows shifted by i.
    """
    rows, row_taps = [], []
    for features, weight in zip(steps, weights, strict=True):
        taps = weight.permute(0, 2, 3, 1).flatten(0, 2)[..., None, None]  # (outputs 3 3, C, 1, 1)
        mixed = functional.conv2d(features, taps).unflatten(1, (-1, 3, 3))  # (R, outputs, i, j, h, w)
        columns = torch.einsum("roijhw,jwx->roihx", mixed, _shifted_upsampling(features.shape[3], size[1], features))
        rows.append(columns.flatten(2, 3))  # (R, outputs, 3 h, W)
        row_taps.append(_shifted_upsampling(features.shape[2], size[0], features).flatten(0, 1))  # (3 h, H)
    return torch.cat(row_taps).T @ torch.cat(rows, 2)


def _shifted_upsampling(length: int, size: int, like: Tensor) -> Tensor:
    """Return the matrices (3, length, size) that upsample linearly and then read the sample before, at and after each one, 0 outside."""
    unit = torch.eye(length, dtype=like.dtype, device=like.device)
    padded = functional.pad(functional.interpolate(unit[None], size=size, mode="linear", align_corners=False)[0], (1, 1))
    return padded.unfold(1, size, 1).transpose(0, 1)


class Cascade(nn.Module):
    """Stage two: refines the coarse picture inside one submask per row of its batch.

    width: factor on all channels, which stay multiples of 8.
    fusion: the head sees all decoder steps (the fusion prediction module), or the last one only.
    blended: the head mixes its colors with the coarse picture's, as stage one does with the composite's. residual: as of ``BaseUNet``.
    """

    def __init__(self, *, width: float, fusion: bool, blended: bool, residual: bool = False) -> None:
        super().__init__()
        self.residual = residual
        base, widths = ([scaled_channels(width, channels) for channels in table] for table in (BASE_WIDTHS, CASCADE_WIDTHS))
        self.encoder = nn.ModuleList(down(inputs, outputs) for inputs, outputs in zip([4, *widths[:-1]], widths, strict=True))
        self.transfer = nn.ModuleList(_transfer(inputs, outputs) for inputs, outputs in zip(base, widths, strict=True))
        climb = widths[::-1]  # of levels 7 to 1
        sources = [2, *[3] * (len(climb) - 1)]  # DC_0 is absent
        self.fuse = nn.ModuleList(Block(nn.Conv2d(n * w, w, 1), norm=False) for n, w in zip(sources, climb, strict=True))
        outputs = [*climb[1:], climb[-1]]
        self.decoder = nn.ModuleList(up(channels, output) for channels, output in zip(climb, outputs, strict=True))
        self.fusion = fusion
        colors = 4 if blended else 3
        self.head = _fusion_head(outputs, scaled_channels(width, FUSION_WIDTH), colors) if fusion else nn.Conv2d(outputs[-1], colors, 1)

    def transferred(self, encoded: Sequence[Tensor]) -> list[Tensor]:
        """Return ET_1..ET_7 of the B pictures from E_1..E_7; they are the same for all submasks of a picture."""
        return [block(values) for block, values in zip(self.transfer, encoded, strict=True)]

    def forward(self, coarse: Tensor, submasks: Tensor, transferred: Sequence[Tensor], image_index: Tensor) -> Tensor:
        """Return the refined pictures (R, 3, H, W), one per submask, not clamped.

        coarse: (R, 3, H, W), of each submask's picture; submasks: (R, 1, H, W) in {0, 1}; transferred: ET_1..ET_7 of the B pictures;
        image_index: (R,), the picture of each submask.
        """
        own = []
        features = torch.cat([coarse, submasks], 1)
        for block in self.encoder:
            features = block(features)  # (R, w_i, H/2^i, W/2^i)
            own.append(features)
        # Not values[image_index]: its gradient adds up rows in the order in which threads come, and no run would repeat.
        handed = [values.index_select(0, image_index) for values in transferred]
        steps: list[Tensor] = []
        for fuse, block, skip, extra in zip(self.fuse, self.decoder, handed[::-1], own[::-1], strict=True):
            fused = fuse(torch.cat([*steps[-1:], skip, extra], 1))  # F_j, equation 4
            steps.append(block(fused))  # DC_j, equation 5
        return blend(self.head(steps if self.fusion else steps[-1]), coarse, residual=self.residual)

    def in_chunks(self, coarse: Tensor, submasks: Tensor, transferred: Sequence[Tensor], image_index: Tensor, *, max_rows: int) -> Tensor:
        """Return ``forward`` of all rows, as few at a time as ``max_rows`` demands, in chunks of about equal size.

        Where gradients are wanted the activations of a chunk are computed again on the way back, so that one chunk's are held at a time.
        Rows do not see each other but in the batch norms of a training, whose statistics are each chunk's own.
        """
        number = -(-len(coarse) // max_rows)
        run: Callable[..., Tensor] = self
        if number > 1 and torch.is_grad_enabled():
            # The pass on the way back leaves running statistics as they are.
            run = functools.partial(
                checkpoint, self, use_reentrant=False, preserve_rng_state=False, context_fn=lambda: (nullcontext(), _statistics_kept(self))
            )
        chunks = zip(*(tensor.tensor_split(number) for tensor in (coarse, submasks, image_index)), strict=True)
        return torch.cat([run(rows, masks, transferred, index) for rows, masks, index in chunks])


@contextmanager
def _statistics_kept(module: nn.Module) -> Iterator[None]:
    """Keep batch norms from updating their running statistics; what they compute stays the same."""
    norms = [norm for norm in module.modules() if isinstance(norm, nn.BatchNorm2d)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count


def _transfer(inputs: int, outputs: int) -> nn.Sequential:
    """Return Conv_trans of equation 3, two blocks 3x3."""
    return nn.Sequential(Block(nn.Conv2d(inputs, outputs, 3, padding=1)), Block(nn.Conv2d(outputs, outputs, 3, padding=1)))


def _fusion_head(widths: Sequence[int], hidden: int, outputs: int) -> nn.Sequential:
    """Return the fusion prediction module for decoder steps of these widths: two blocks 3x3 and a convolution 1x1."""
    return nn.Sequential(Block(FusionConv(widths, hidden)), Block(nn.Conv2d(hidden, hidden, 3, padding=1)), nn.Conv2d(hidden, outputs, 1))
