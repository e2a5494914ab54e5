"""The batches of a training run, prepared by worker processes or in this one."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from harmlib.data.datasets import Batch, VisitBatches, Visits
from harmlib.errors import HarmlibError
from harmlib.threads import end_with_parent, keep_worker_to_one_thread


def load_batches(dataset: Visits, batches: VisitBatches, *, workers: int) -> Iterator[Batch]:
    """Yield the batches of a training run, the same for any number of worker processes; raises what the data set raises."""
    # Spawned, not forked: a fork of a process that has started torch's or OpenCV's threads can deadlock.
    context = "spawn" if workers else None
    loader = DataLoader(
        _Told(dataset),
        batch_sampler=batches,
        collate_fn=_collate,
        num_workers=workers,
        worker_init_fn=_one_thread,
        multiprocessing_context=context,
        # A generator of its own: the loader would draw from torch's global one, and a resumed run would see other dropout.
        generator=torch.Generator(),
        pin_memory=torch.cuda.is_available(),
    )
    for batch in loader:
        if isinstance(batch, HarmlibError):
            raise batch
        yield batch


class _Told(Dataset[Batch | HarmlibError]):
    """A data set that returns its errors: torch would put a worker's traceback into their sentences."""

    def __init__(self, dataset: Visits) -> None:
        self._dataset = dataset

    def __getitem__(self, key: tuple[int, int]) -> Batch | HarmlibError:
        try:
            return self._dataset[key]
        except HarmlibError as error:
            return error


def _collate(entries: list[Batch | HarmlibError]) -> Batch | HarmlibError:
    """Return the batch of some entries, or the first error: tensors are stacked, but for "full", whose sizes differ."""
    whole = []
    for entry in entries:
        if isinstance(entry, HarmlibError):
            return entry
        whole.append(entry)
    stacked = default_collate([{key: value for key, value in entry.items() if key != "full"} for entry in whole])
    return {**stacked, **({"full": [entry["full"] for entry in whole]} if "full" in whole[0] else {})}


def _one_thread(_: int) -> None:
    """Keep a worker process to one thread, so that workers do not fight for cores, and to the life of its parent."""
    end_with_parent()
    keep_worker_to_one_thread()
    torch.set_num_threads(1)
