"""Which library computes with how many threads, where two of them would fight over the cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def one_algebra_thread() -> Iterator[None]:
    """Keep OpenBLAS, the linear algebra under NumPy, SciPy and OpenCV, on one thread inside a ``with`` or a decorated function.

    Its threads wait busily for some time after every product, on the cores that torch needs next. That costs most where both take turns
    quickly: the search of Zhu et al. took three times as long on two cores. Training hardly feels it (``benchmarks/algebra_threads.py``).
    Torch's own threads are left alone, and so are results: the sums of one thread are the same at every number of cores.
    """
    with _open_blas().limit(limits=1):
        yield


def keep_worker_to_one_thread() -> None:
    """Keep OpenCV and OpenBLAS on one thread until this process ends: it is one of several that share the cores."""
    import cv2

    cv2.setNumThreads(1)
    _open_blas().limit(limits=1)


def _open_blas() -> ThreadpoolController:
    """Return the controls of every OpenBLAS in this process."""
    # Only what is loaded can be limited, and each of the two brings an OpenBLAS of its own beside NumPy's.
    import cv2  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")
