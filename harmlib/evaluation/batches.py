"""Batches of pairs on their way to scores: read ahead, brought to the form that a protocol looks at, predicted, measured."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harmlib.data.pairs import Pair, load_pair
from harmlib.errors import ShapeError
from harmlib.inference.render import render
from harmlib.io.images import to_tensor
from harmlib.metrics.protocols import Protocol
from harmlib.metrics.scoring import evaluated_mask, evaluated_picture, finish, score_batch
from harmlib.models.base import HarmonizationModel

logger = logging.getLogger(__name__)

BATCH_SIZE = 8
# Decoding leaves Python's lock, so that threads read the pictures of a batch side by side.
READERS = 4


@dataclass(frozen=True)
class Item:
    """A pair in memory: uint8 composite and target (H, W, 3), bool mask (H, W)."""

    id: str
    composite: np.ndarray
    target: np.ndarray
    mask: np.ndarray


def cut_batches(pairs: Sequence[Pair], rule: Protocol) -> list[Sequence[Pair]]:
    """Return the list in batches; files of several sizes cannot share one."""
    count = BATCH_SIZE if rule.size is not None else 1
    return [pairs[start : start + count] for start in range(0, len(pairs), count)]


def read_batch(chunk: Sequence[Pair]) -> list[Item]:
    """Return the pictures of a batch."""
    with ThreadPoolExecutor(READERS) as pool:
        return [Item(pair.id, **arrays) for pair, arrays in zip(chunk, pool.map(load_pair, chunk), strict=True)]


def read_ahead(chunks: Iterable[Sequence[Pair]], reader: Executor) -> Iterator[tuple[Sequence[Pair], list[Item]]]:
    """Yield batches with their pictures, of which the next ones are being read meanwhile."""
    begun: list[tuple[Sequence[Pair], Future[list[Item]]]] = []
    for chunk in chunks:
        begun.append((chunk, reader.submit(read_batch, chunk)))
        if len(begun) > 1:
            known, items = begun.pop(0)
            yield known, items.result()
    for known, items in begun:
        yield known, items.result()


@dataclass(frozen=True)
class Seen:
    """A batch as the protocol looks at it: composites (h, w, 3) and masks (h, w), and as tensors target (B, 3, h, w), mask (B, 1, h, w)."""

    composites: list[np.ndarray]
    masks: list[np.ndarray]
    target: Tensor
    mask: Tensor


def look_at(items: Sequence[Item], rule: Protocol) -> Seen:
    """Return a batch in the evaluated form."""
    targets = [evaluated_picture(item.target, rule) for item in items]
    masks = [evaluated_mask(item.mask, rule) for item in items]
    composites = [evaluated_picture(item.composite, rule) for item in items]
    if rule.background == "target":
        pairs = zip(composites, targets, masks, strict=True)
        composites = [np.rint(own * mask[..., None] + real * (1 - mask[..., None])).astype(np.uint8) for own, real, mask in pairs]
    target, mask = torch.stack([to_tensor(picture) for picture in targets]), torch.stack([torch.from_numpy(mask)[None] for mask in masks])
    return Seen(composites, masks, target, mask)


def measured(pictures: Tensor, items: Sequence[Item], seen: Seen, rule: Protocol, network: torch.nn.Module | None) -> list[dict[str, Any]]:
    """Return the scores of one batch of finished predictions, one row per pair."""
    try:
        scores = score_batch(pictures, seen.target, seen.mask, rule, lpips_network=network)
    except ShapeError as error:
        raise ShapeError(f'"{items[0].id}": {error}') from error
    return [row_of(item, {name: values[i].item() for name, values in scores.items()}) for i, item in enumerate(items)]


def finished_pictures(model: HarmonizationModel, items: Sequence[Item], seen: Seen, rule: Protocol, upsampling: str) -> Tensor:
    """Return the finished predictions (B, 3, h, w) of one batch, on the CPU."""
    try:
        predictions = render(
            model,
            seen.composites,
            seen.masks,
            seen=([item.composite for item in items], [item.mask for item in items]) if rule.network_input == "original" else None,
            thumbnail=rule.thumbnail,
            background="keep" if rule.background == "keep" else "composite",
            upsampling=upsampling,
            rounded=rule.rounding == "round",
        )
    except ShapeError as error:
        raise ShapeError(f'"{items[0].id}": {error}') from error
    return finish(predictions, rule)


def row_of(item: Item, scores: dict[str, float]) -> dict[str, Any]:
    """Return the part of a row that is about the picture; size and ratio are those of the files."""
    if np.isnan(scores["fmse"]):
        logger.warning('the mask of "%s" has no foreground at the size that is scored: its foreground scores stay empty', item.id)
    height, width = item.mask.shape
    return {"id": item.id, "height": height, "width": width, "foreground_ratio": float(item.mask.mean()), **scores}
