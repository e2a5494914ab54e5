"""How much memory work on a picture takes, checked beforehand: a system kills a process that takes too much, without a word."""

from __future__ import annotations

import contextlib
from pathlib import Path

from harmlib.errors import ImageError

MEMORY = Path("/proc/meminfo")
# Of a container or a batch job: its limit, what it has taken, and the part of that which is files the system can drop (cgroup v2, then v1).
GROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available_bytes() -> int | None:
    """Return how much memory this process can still get; None where the system does not say."""
    figures = []
    with contextlib.suppress(OSError, KeyError, ValueError):
        figures.append(_table(MEMORY, ":")["MemAvailable"] * 1024)
    for folder, limit, taken, files in GROUPS:
        with contextlib.suppress(OSError, KeyError, ValueError):  # "max", for no limit, is no number
            whole, used = (int((folder / name).read_text()) for name in (limit, taken))
            figures.append(max(0, whole - used + _table(folder / "memory.stat", " ")[files]))
    return min(figures, default=None)


def _table(path: Path, separator: str) -> dict[str, int]:
    """Return the whole numbers of a file of names and numbers."""
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(separator) for line in path.read_text().splitlines())}


def check_memory(height: int, width: int, needed: int, work: str) -> None:
    """Raise ImageError, with both figures, when a picture needs more bytes than there are free; ``work`` says for what: "to read it"."""
    there = available_bytes()
    if there is not None and needed > there:
        raise ImageError(
            f"a picture of {height}x{width} takes about {needed / 1e9:.1f} GB of memory {work}, and {there / 1e9:.1f} GB are free: "
            'resize it, or choose a method that takes less, such as "harmonizer"'
        )
