"""What a picture takes to be harmonized, told before the work: an operating system ends a process that takes too much without a word."""

from __future__ import annotations

from pathlib import Path

from harmlib.errors import ImageError

# What a picture takes beyond itself, rounded up. Measured at 20 megapixels with float tensors: 43 bytes a pixel (dovenet), 67
# (reinhard_lab), 71 (histogram), 84 (xiao_ma); with bytes throughout: 8 (harmonizer, pctnet).
FLOAT_BYTES, QUICK_BYTES = 90, 12
MEMORY = Path("/proc/meminfo")


def available_bytes() -> int | None:
    """Return how much memory the system can still give; None where it does not say."""
    try:
        lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def check_memory(height: int, width: int, pixel_bytes: int, method: str) -> None:
    """Raise ImageError, with both figures, when a picture needs more memory than there is."""
    needed, there = height * width * pixel_bytes, available_bytes()
    if there is not None and needed > there:
        raise ImageError(
            f'a picture of {height}x{width} takes "{method}" about {needed / 1e9:.1f} GB of memory, and {there / 1e9:.1f} GB are free: '
            "resize it, or use harmonizer, which takes an eighth"
        )
