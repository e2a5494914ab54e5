"""Errors of the processes that prepare batches."""

from __future__ import annotations

import os

import pytest
from torch.utils.data import Dataset

from harmlib.data.loading import load_batches
from harmlib.errors import ImageError, WorkerError
from harmlib.threads import worker_deaths_told


class Damaged(Dataset):
    """A data set without a readable picture; the second one ends the process that reads it."""

    def __len__(self):
        return 2

    def __getitem__(self, key):
        if key[0]:
            os._exit(137)
        raise ImageError("a.png is cut")


def batches(number):
    return [[(number, 0)]]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_data_is_its_own_sentence(workers):
    with pytest.raises(ImageError) as raised:
        list(load_batches(Damaged(), batches(0), workers=workers))

    assert str(raised.value) == "a.png is cut"


@pytest.mark.slow
def test_a_loading_process_that_was_killed_is_one_sentence():
    with pytest.raises(WorkerError, match="a process that shared the work was ended"), worker_deaths_told():
        list(load_batches(Damaged(), batches(1), workers=1))
