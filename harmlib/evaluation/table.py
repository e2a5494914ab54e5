"""``scores.csv``: one row per image and method, appended while the work runs, repaired and continued after a kill."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harmlib.errors import DataError
from harmlib.io.files import check_output, remove_partial, write_text
from harmlib.io.locks import alone
from harmlib.io.refusals import refusal
from harmlib.io.tables import NUMBER_OR_INFINITE, TEXT, WHOLE, read_frame, read_rows
from harmlib.metrics.protocols import METRICS

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

# What one row is about; no two rows of a file agree in all of them.
KEYS = ("benchmark", "subset", "split", "method", "id", "protocol")
COLUMNS = (*KEYS, "height", "width", "foreground_ratio", *METRICS)
KINDS = {**dict.fromkeys(KEYS, TEXT), "height": WHOLE, "width": WHOLE} | dict.fromkeys(("foreground_ratio", *METRICS), NUMBER_OR_INFINITE)
FILLED = ("id", "protocol")  # a folder that was scored alone has no benchmark
# The final order: a benchmark's methods stand together.
ORDER = ("benchmark", "protocol", "method", "split", "subset", "id")

HEADER = ",".join(COLUMNS) + "\n"

Key = tuple[str, ...]


def key_of(row: Mapping[str, Any]) -> Key:
    """Return what identifies a row."""
    return tuple(str(row[name]) for name in KEYS)


class ScoreFile:
    """A score table on disk that grows row by row, and has one writer: ``with ScoreFile(path) as table``.

    Opening repairs a half-written last line; ``done`` holds the finished rows by their keys; ``finish`` puts the rows into
    their final order, so that the file's bytes do not depend on interruptions. ``written``: when a table that was there was last
    written, in seconds since the epoch; None for a new one.
    Raises DataError when the file exists and is not a score table, which is then left as it is, or cannot be written; BusyError while
    another process has it open.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        check_output(self.path)
        with contextlib.ExitStack() as stack:
            stack.enter_context(alone(self.path, f'another process is scoring into "{self.path}"'))
            remove_partial(self.path)
            self.written = self.path.stat().st_mtime if self.path.exists() else None
            self._repair()
            self.done: dict[Key, Mapping[str, Any]] = {key_of(row): row for row in self._rows()}
            self._open = stack.pop_all()

    def __enter__(self) -> ScoreFile:
        """Return the table."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others write it."""
        self._open.close()

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add the rows that are not there yet; raises DiskSpaceError when the disk is full, DataError for what else the system refuses."""
        fresh = [row for row in rows if key_of(row) not in self.done]
        try:
            with self.path.open("a", encoding="utf-8", newline="") as stream:
                stream.write(_lines(fresh))
        except OSError as error:
            raise refusal(self.path, error) from error
        self.done.update((key_of(row), row) for row in fresh)

    def finish(self) -> pd.DataFrame:
        """Write the rows in their final order by rename, and return the table."""
        rows = sorted(self._rows(), key=lambda row: [row[name] for name in ORDER])
        write_text(self.path, HEADER + _lines(rows))
        return read_scores(self.path)

    def _repair(self) -> None:
        """Cut off a half-written last line of a score table; start the file when nothing is left."""
        if self.path.is_dir():
            raise DataError(f'"{self.path}" is a folder: name the score table, as in "{self.path / "scores.csv"}"')
        content = self.path.read_bytes() if self.path.exists() else b""
        if content and not content.startswith(HEADER.encode()):  # a foreign file is never mended
            raise DataError(f'"{self.path}" is no score table (its first line differs): move it away or choose another name')
        whole = content[: content.rfind(b"\n") + 1]
        if not whole:
            write_text(self.path, HEADER)
            return
        if len(whole) < len(content):
            logger.info('"%s" ended in a half-written line, which was removed', self.path)
            os.truncate(self.path, len(whole))

    def _rows(self) -> list[dict[str, Any]]:
        """Return all rows."""
        return [row.cells for row in read_rows(self.path, KINDS, filled=FILLED, keys=KEYS, advice="remove that line")]


def read_scores(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return a score table: keys as text, numbers as floats, a missing number as NaN.

    Raises DataError, with line and column, when the file is missing, lacks a column, holds text where a number belongs, or has a row twice.
    """
    if not Path(path).exists():
        raise DataError(f'"{path}" does not exist: score some methods first')
    return read_frame(path, KINDS, filled=FILLED, keys=KEYS, advice="it is no score table, or a damaged one")


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as lines of CSV: eight significant digits, a missing number empty."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(header=False, index=False, lineterminator="\n", float_format="%.8g")
