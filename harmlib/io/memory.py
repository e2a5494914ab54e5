"""How much memory work on a picture takes, checked beforehand: a system kills a process that takes too much, without a word."""

from __future__ import annotations

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
    figures = (_free(), *(_left(*group) for group in GROUPS))
    return min((figure for figure in figures if figure is not None), default=None)


def _free() -> int | None:
    """Return what the machine can still give."""
    try:
        return _table(MEMORY, ":")["MemAvailable"] * 1024
    except (OSError, KeyError, ValueError):
        return None


def _left(folder: Path, limit: str, taken: str, files: str) -> int | None:
    """Return what a control group is allowed and has not taken; None without a limit."""
    try:
        whole, used = (int((folder / name).read_text()) for name in (limit, taken))
        return max(0, whole - used + _table(folder / "memory.stat", " ")[files])
    except (OSError, KeyError, ValueError):  # "max" is no number
        return None


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
