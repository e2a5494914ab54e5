"""Scoring a method on a benchmark, or a folder of someone's results, image by image, into ``scores.csv``."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from harmlib.data.pairs import Pair
from harmlib.errors import DataError, ShapeError, check_choice
from harmlib.evaluation.batches import Item, cut_batches, finished_pictures, look_at, measured, read_ahead, row_of
from harmlib.evaluation.table import COLUMNS, KEYS, ScoreFile, key_of
from harmlib.inference.render import evaluating
from harmlib.inference.upsampling import UPSAMPLING
from harmlib.io.folders import do_each, find_partners, list_pictures
from harmlib.io.images import check_same_size, read_image
from harmlib.io.masks import read_mask
from harmlib.metrics.lpips import load_network
from harmlib.metrics.protocols import DEFAULT, ERRORS, PROTOCOLS, Protocol, get_protocol
from harmlib.metrics.scoring import measure
from harmlib.models.base import HarmonizationModel
from harmlib.progress import progress

logger = logging.getLogger(__name__)

METRIC_THREADS = 4  # beside a GPU


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
    """Score a model on pairs, appending to the score table ``path`` as it goes, and return the whole table.

    method: its name in the table, by default the model's, followed by "_bilinear" or "_pcm" where that is the upsampling.
    All else as of ``score_methods``, of which this is the form for a single method.
    """
    method = method or (model.name if upsampling == "own" else f"{model.name}_{upsampling}")
    job = ScoreJob(method, Path(path), lambda: model, upsampling)
    return score_methods([job], pairs, protocol, benchmark=benchmark, split=split, device=device)[0]


@dataclass(frozen=True)
class ScoreJob:
    """One method of several that are scored on the same pictures.

    method: its name in the table ``path``. load: gives the model, and is not called when the table is complete.
    upsampling: how a result at the working size becomes as large as the evaluated picture, as in ``inference.harmonize``.
    """

    method: str
    path: Path
    load: Callable[[], HarmonizationModel]
    upsampling: str = "own"


def score_methods(
    jobs: Sequence[ScoreJob],
    pairs: Sequence[Pair],
    protocol: str | Protocol,
    *,
    benchmark: str,
    split: str = "test",
    device: str | None = None,
) -> list[pd.DataFrame]:
    """Score methods on pairs, each appending to its score table as it goes; every pair is read once for all of them.

    device: by default the GPU where there is one; then the metrics of one method are computed on the CPU while the next one predicts.
    Every picture is ``inference.render``'s, thumbnail and background by the protocol's rules.
    Images already in a table are skipped. Batches are cut from the whole list, done or not, so that a resumed run meets the
    same batches and writes the same bytes. Metrics but LPIPS are computed on the CPU, whatever the device.
    Returns the whole score tables. A mask without foreground at the evaluated size leaves its foreground scores empty, with a warning.
    Raises ImageError, MaskError or ShapeError, naming the file or pair, for what cannot be used: nothing is skipped.
    Raises ParameterError for an unknown protocol or upsampling.
    """
    for job in jobs:
        check_choice("upsampling", job.upsampling, UPSAMPLING)
    rule, device = get_protocol(protocol), device or _default_device()
    keys = [{"benchmark": benchmark, "split": split, "method": job.method, "protocol": rule.name} for job in jobs]
    models: dict[int, HarmonizationModel] = {}
    with ExitStack() as stack:
        tables = [stack.enter_context(ScoreFile(job.path)) for job in jobs]
        network = _lpips_network(device, rule)

        def lacking(chunk: Sequence[Pair]) -> list[int]:
            """Return the methods whose tables lack a picture of a batch."""
            rows = [{"subset": pair.subset, "id": pair.id} for pair in chunk]
            return [number for number, table in enumerate(tables) if any(key_of({**keys[number], **row}) not in table.done for row in rows)]

        left = [chunk for chunk in cut_batches(pairs, rule) if lacking(chunk)]
        done = len(pairs) - sum(map(len, left))
        desc = f"{jobs[0].method if len(jobs) == 1 else f'{len(jobs)} methods'} on {benchmark}"
        bar = stack.enter_context(progress(total=len(pairs), initial=done, desc=desc, unit="image"))
        reader, pool = (stack.enter_context(ThreadPoolExecutor(threads)) for threads in (1, METRIC_THREADS))
        for chunk, items in read_ahead(left, reader):
            seen, rows = look_at(items, rule), {}
            for number in lacking(chunk):
                if number not in models:
                    models[number] = evaluating(jobs[number].load().to(device))
                pictures = finished_pictures(models[number], items, seen, rule, jobs[number].upsampling)
                rows[number] = pool.submit(measured, pictures, items, seen, rule, network)
                if device == "cpu":  # the cores are the methods' already
                    wait([rows[number]])
            for number, scored in rows.items():
                tables[number].append(
                    {**keys[number], "subset": pair.subset, **row} for pair, row in zip(chunk, scored.result(), strict=True)
                )
            bar.update(len(chunk))
        return [table.finish() for table in tables]


def _default_device() -> str:
    """The GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _lpips_network(device: str, rule: Protocol) -> torch.nn.Module | None:
    """The LPIPS network, or None where the protocol does not ask for it, and with the reason in the log where there is none."""
    if "lpips" not in rule.metrics:
        return None
    network = load_network(device, backbone=rule.lpips_backbone)
    if not isinstance(network, str):
        return network
    logger.info("the column lpips stays empty: %s", network)
    return None


# A prediction, and its real photograph and mask.
_Files = tuple[Path, tuple[Path, Path]]


def score_folder(
    predictions: str | os.PathLike[str],
    reals: str | os.PathLike[str],
    masks: str | os.PathLike[str],
    protocol: str | Protocol = DEFAULT,
    *,
    out: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Return the scores of a folder of someone's results, one row per picture; the method takes the folder's name.

    protocol: the name of one of ``metrics.protocols.PROTOCOLS``, or one of your own. Columns: ``evaluation.table.COLUMNS``; errors are in
    squared 8-bit levels, PSNR in dB; ``evaluation.statistics.summarize`` has the means.
    A prediction ``a_b_c`` belongs to the mask and the real photograph ``a_b_c``, or, where all names of the folder follow iHarmony4's
    rule, to the mask ``a_b`` and the real photograph ``a``. The composites are not known here, so every prediction keeps its own
    background unless the protocol pastes the real one.
    out: a CSV that grows as the work goes; an interrupted run continues where it stopped; scores of files that were changed since, under
    whatever protocol, are refused. Without it the rows stay in memory. Files without a prediction are named in the log.
    Raises BusyError while another process scores into it; DataError for an empty folder; ImageError, MaskError or ShapeError, naming the
    file, for one that cannot be used, with ``out`` after all the others are scored.
    """
    rule = get_protocol(protocol)
    keys = {"benchmark": "", "subset": "", "split": "", "method": Path(predictions).resolve().name, "protocol": rule.name}
    with ScoreFile(out) if out is not None else nullcontext() as table:
        network = _lpips_network(_default_device(), rule)
        pictures = list_pictures(Path(predictions))
        partners = zip(find_partners(pictures, reals, 2), find_partners(pictures, masks, 1), strict=True)
        jobs = list(zip(pictures, partners, strict=True))
        if table is None:
            bar = progress(jobs, desc=keys["method"], unit="image")
            rows = [{**keys, **_score_file(path, real, mask, rule, network)} for path, (real, mask) in bar]
            return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(list(KEYS), ignore_index=True)

        of_pictures = {path.stem: (path, files) for path, files in jobs}
        own = [row for row in table.done.values() if key_of({**keys, "id": row["id"], "protocol": row["protocol"]}) == key_of(row)]
        _check_fresh([(of_pictures[row["id"]], row) for row in own if row["id"] in of_pictures], rule, table)
        left = [job for job in jobs if key_of({**keys, "id": job[0].stem}) not in table.done]
        if len(left) < len(jobs):
            logger.info('%d pictures have their scores in "%s" already, which are kept', len(jobs) - len(left), table.path)

        def score(path: Path, files: tuple[Path, Path]) -> None:
            table.append([{**keys, **_score_file(path, *files, rule, network)}])

        try:
            do_each(progress(left, desc=keys["method"], unit="image"), score)
        finally:
            scores = table.finish()
        return scores


def _check_fresh(kept: Sequence[tuple[_Files, Mapping[str, Any]]], rule: Protocol, table: ScoreFile) -> None:
    """Raise DataError when a file was changed after its scores were written, under whatever protocol, or has other errors.

    A copy keeps the old date, and another folder of the same name has the same keys: the errors, which cost next to nothing, tell.
    """
    advice = f'"{table.path}": remove that table, or name another, to score it again'
    for (path, (real, mask)), row in kept:
        for file in (path, real, mask):
            if table.written is not None and file.stat().st_mtime > table.written:
                raise DataError(f'"{file}" is newer than its scores in {advice}')
        if row["protocol"] != rule.name and row["protocol"] not in PROTOCOLS:  # one of somebody's own: the date has to do
            continue
        scored_under = rule if row["protocol"] == rule.name else get_protocol(row["protocol"])
        found = _score_file(path, real, mask, replace(scored_under, metrics=ERRORS), None)
        if not all(_agrees(found[name], row[name]) for name in ERRORS):
            raise DataError(f'"{path}" is not the picture that has its scores in {advice}')


def _agrees(found: float, stored: float | None) -> bool:
    """Tell whether a score is that of a table, where it has eight digits and a missing one is None; other processors round otherwise."""
    if stored is None or math.isnan(stored) or math.isnan(found):
        return math.isnan(found) and (stored is None or math.isnan(stored))
    return math.isclose(found, stored, rel_tol=1e-5, abs_tol=1e-6)


def _score_file(path: Path, real: Path, mask: Path, rule: Protocol, network: torch.nn.Module | None) -> dict[str, Any]:
    """Score one prediction file."""
    prediction, target = read_image(path), read_image(real)
    item = Item(path.stem, prediction, target, read_mask(mask))
    check_same_size(path.name, item.mask, target)
    try:
        scores = measure(prediction, target, item.mask, rule, lpips_network=network)
    except ShapeError as error:
        raise ShapeError(f'"{path}": {error}') from error
    return row_of(item, scores)
