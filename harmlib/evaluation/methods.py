"""Scoring a method on a benchmark, or a folder of someone's results, image by image, into ``scores.csv``.

Aggregation (means, intervals, buckets, paired differences) lives in ``statistics`` and can be imported from here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from harmlib.data.pairs import Pair, load_pair
from harmlib.errors import DataError, ShapeError
from harmlib.evaluation.statistics import bucket, paired_difference, summarize, with_all
from harmlib.evaluation.table import COLUMNS, KEYS, ScoreFile, key_of, read_scores
from harmlib.inference.render import evaluating, render
from harmlib.inference.upsampling import check_upsampling
from harmlib.io.folders import find_partners, list_pictures
from harmlib.io.images import check_same_size, read_image, to_tensor
from harmlib.io.masks import read_mask
from harmlib.metrics.functional import mse
from harmlib.metrics.lpips import load_network
from harmlib.metrics.protocols import DEFAULT, Protocol, get_protocol
from harmlib.metrics.scoring import evaluated_mask, evaluated_picture, finish, measure, score_batch
from harmlib.models.base import HarmonizationModel
from harmlib.progress import progress

__all__ = [
    "COLUMNS",
    "bucket",
    "mean_squared_error",
    "paired_difference",
    "read_scores",
    "score_folder",
    "score_method",
    "summarize",
    "with_all",
]

logger = logging.getLogger(__name__)

BATCH_SIZE = 8
# Decoding leaves Python's lock, so that threads read the pictures of a batch side by side.
READERS = 4


@dataclass(frozen=True)
class _Item:
    """A pair in memory: uint8 composite and target (H, W, 3), bool mask (H, W)."""

    id: str
    composite: np.ndarray
    target: np.ndarray
    mask: np.ndarray


def score_method(
    model: HarmonizationModel,
    pairs: Sequence[Pair],
    protocol: str | Protocol,
    path: str | os.PathLike[str],
    *,
    benchmark: str,
    split: str = "test",
    method: str | None = None,
    device: str | None = None,
    upsampling: str = "own",
) -> pd.DataFrame:
    """Score a model on pairs, appending to the score table ``path`` as it goes.

    method: its name in the table, by default the model's, with "_bilinear" or "_pcm" behind it where that is the upsampling.
    device: by default the GPU where there is one.
    upsampling: how a result at the working size becomes as large as the evaluated picture, as in ``inference.harmonize``.
    Every picture is ``inference.render``'s, thumbnail and background by the protocol's rules.
    Images already in the table are skipped. Batches are cut from the whole list, done or not, so that a resumed run meets the
    same batches and writes the same bytes. Metrics but LPIPS are computed on the CPU, whatever the model's device.
    Returns the whole score table. A mask without foreground at the evaluated size leaves its foreground scores empty, with a warning.
    Raises ImageError, MaskError or ShapeError, naming the file or pair, for what cannot be used: nothing is skipped.
    Raises ParameterError for an unknown protocol or upsampling.
    """
    check_upsampling(upsampling)
    rule, place = get_protocol(protocol), device or _default_device()
    table, network = ScoreFile(path), _lpips_network(place, rule)
    method = method or (model.name if upsampling == "own" else f"{model.name}_{upsampling}")
    keys = {"benchmark": benchmark, "split": split, "method": method, "protocol": rule.name}
    model = evaluating(model.to(place))
    with progress(total=len(pairs), desc=f"{method} on {benchmark}", unit="image") as bar:
        for chunk in _chunks(pairs, rule):
            if any(key_of({**keys, "subset": pair.subset, "id": pair.id}) not in table.done for pair in chunk):
                rows = _score_items(model, _read(chunk), rule, network, upsampling)
                table.append({**keys, "subset": pair.subset, **row} for pair, row in zip(chunk, rows, strict=True))
            bar.update(len(chunk))
    return table.finish()


def mean_squared_error(model: HarmonizationModel, pairs: Sequence[Pair]) -> float:
    """Return the model's MSE under the default protocol, averaged over pairs: what selects weights during training.

    The model stays on its device and in its mode. Errors as ``score_method``.
    """
    rule = get_protocol()
    errors = []
    for chunk in _chunks(pairs, rule):
        finished, target, _ = _finished(model, _read(chunk), rule, "own")
        errors += mse(finished, target).tolist()
    return float(np.mean(errors))


def _default_device() -> str:
    """The GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _lpips_network(device: str, rule: Protocol) -> torch.nn.Module | None:
    """The LPIPS network, or None where the protocol does not ask for it, and with the reason in the log where there is none."""
    if "lpips" not in rule.metrics:
        return None
    network = load_network(device)
    if not isinstance(network, str):
        return network
    logger.info("the column lpips stays empty: %s", network)
    return None


def _chunks(pairs: Sequence[Pair], rule: Protocol) -> list[Sequence[Pair]]:
    """Cut the list into batches; files of several sizes cannot share one."""
    count = BATCH_SIZE if rule.size is not None else 1
    return [pairs[start : start + count] for start in range(0, len(pairs), count)]


def _read(chunk: Sequence[Pair]) -> list[_Item]:
    """Read the pictures of a batch."""
    with ThreadPoolExecutor(READERS) as pool:
        return [_Item(pair.id, **arrays) for pair, arrays in zip(chunk, pool.map(load_pair, chunk), strict=True)]


def _score_items(
    model: HarmonizationModel, items: Sequence[_Item], rule: Protocol, network: torch.nn.Module | None, upsampling: str
) -> list[dict[str, Any]]:
    """Predict and score one batch; one row per pair."""
    try:
        scores = score_batch(*_finished(model, items, rule, upsampling), rule, lpips_network=network)
    except ShapeError as error:
        raise ShapeError(f'"{items[0].id}": {error}') from error
    return [_row(item, {name: values[i].item() for name, values in scores.items()}) for i, item in enumerate(items)]


def _finished(model: HarmonizationModel, items: Sequence[_Item], rule: Protocol, upsampling: str) -> tuple[Tensor, Tensor, Tensor]:
    """Finished prediction, target (B, 3, h, w) and mask (B, 1, h, w) of one batch as the protocol looks at them, on the CPU."""
    targets = [evaluated_picture(item.target, rule) for item in items]
    masks = [evaluated_mask(item.mask, rule) for item in items]
    composites = [evaluated_picture(item.composite, rule) for item in items]
    if rule.background == "target":
        composites = [_pasted(*arrays) for arrays in zip(composites, targets, masks, strict=True)]
    predictions = render(
        model,
        composites,
        masks,
        seen=([item.composite for item in items], [item.mask for item in items]) if rule.network_input == "original" else None,
        thumbnail=rule.thumbnail,
        background="keep" if rule.background == "keep" else "composite",
        upsampling=upsampling,
        rounded=rule.rounding == "round",
    )
    target, mask = torch.stack([to_tensor(picture) for picture in targets]), torch.stack([torch.from_numpy(mask)[None] for mask in masks])
    return finish(predictions, target, mask, rule, composite=None, background="keep"), target, mask


def _pasted(composite: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The composite with the background of the real photograph, uint8 (h, w, 3)."""
    return np.rint(composite * mask[..., None] + target * (1 - mask[..., None])).astype(np.uint8)


def _row(item: _Item, scores: dict[str, float]) -> dict[str, Any]:
    """The part of a row that is about the picture; size and ratio are those of the files."""
    if np.isnan(scores["fmse"]):
        logger.warning('the mask of "%s" has no foreground at the size that is scored: its foreground scores stay empty', item.id)
    height, width = item.mask.shape
    return {"id": item.id, "height": height, "width": width, "foreground_ratio": float(item.mask.mean()), **scores}


def score_folder(
    predictions: str | os.PathLike[str],
    reals: str | os.PathLike[str],
    masks: str | os.PathLike[str],
    protocol: str | Protocol = DEFAULT,
    *,
    out: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Score a folder of someone's results; the method is called after the folder.

    A prediction ``a_b_c`` belongs to the mask and the real photograph ``a_b_c``, or, where all names of the folder follow iHarmony4's
    rule, to the mask ``a_b`` and the real photograph ``a``. The composites are not known here, so every prediction keeps its own
    background unless the protocol pastes the real one.
    out: a CSV that grows as the work goes; an interrupted run continues where it stopped; scores of files that were changed since are
    refused. Without it the rows stay in memory.
    Raises DataError for an empty folder; ImageError, MaskError or ShapeError, naming the file, for one that cannot be used.
    """
    rule = get_protocol(protocol)
    keys = {"benchmark": "", "subset": "", "split": "", "method": Path(predictions).resolve().name, "protocol": rule.name}
    table = ScoreFile(out) if out is not None else None
    network = _lpips_network(_default_device(), rule)
    rows: list[dict[str, Any]] = []
    pictures = list_pictures(predictions)
    partners = zip(find_partners(pictures, reals, 2), find_partners(pictures, masks, 1), strict=True)
    jobs = list(zip(pictures, partners, strict=True))
    if table is not None:
        scored = [(path, *others) for path, others in jobs if key_of({**keys, "id": path.stem}) in table.done]
        _check_fresh(scored, table)
        jobs = [(path, others) for path, others in jobs if (path, *others) not in scored]
    for path, (real, mask) in progress(jobs, desc=keys["method"], unit="image"):
        row = {**keys, **_score_file(path, real, mask, rule, network)}
        rows.append(row)
        if table is not None:
            table.append([row])
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(list(KEYS), ignore_index=True) if table is None else table.finish()


def _check_fresh(scored: Sequence[tuple[Path, ...]], table: ScoreFile) -> None:
    """Raise DataError when a file was changed after its scores were written; say how many scores are kept."""
    for path in (path for files in scored for path in files):
        if table.written is not None and path.stat().st_mtime > table.written:
            raise DataError(f'"{path}" is newer than its scores in "{table.path}": remove that table, or name another, to score it again')
    if scored:
        logger.info('%d pictures have their scores in "%s" already, which are kept', len(scored), table.path)


def _score_file(path: Path, real: Path, mask: Path, rule: Protocol, network: torch.nn.Module | None) -> dict[str, Any]:
    """Score one prediction file."""
    prediction, target = read_image(path), read_image(real)
    item = _Item(path.stem, prediction, target, read_mask(mask))
    check_same_size(path.name, item.mask, target)
    try:
        scores = measure(prediction, target, item.mask, rule, lpips_network=network)
    except ShapeError as error:
        raise ShapeError(f'"{path}": {error}') from error
    return _row(item, scores)
