"""Damaged and hostile files for every reader: each must end as one sentence of ours, or be accepted.

    make fuzz N=10000             or python -m benchmarks.fuzz --cases 10000 [--seed 0] [--only coco ...] [--keep fuzz-cases]

Cases follow from seed, target and number. Each runs in a child process with limits of memory and time, and the table counts what became
of them.
Exits with 1 when a case ended in a raw exception, a crash, a hang of more than 10 s, more than 1 GiB, or a file outside of its folder;
the file of such a case is kept, and is made again by the same seed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.fuzz.running import BAD, GOOD, run_child, run_target


def main() -> int:
    """Run the cases and print the table; return 1 when one of them was bad."""
    parser = argparse.ArgumentParser(prog="benchmarks.fuzz", description="Damaged and hostile files for every reader.")
    parser.add_argument("--cases", type=int, default=10_000, help="all targets together (default: 10000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=[], help="targets (default: all)")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-cases"), help="folder of the files of bad cases (default: fuzz-cases)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(options.child, options.seed, options.first, options.cases, options.keep)
        return 0
    return run_all(options)


def run_all(options: argparse.Namespace) -> int:
    """Share the cases among the targets, print what became of them, and tell whether one was bad."""
    from benchmarks.fuzz.targets import TARGETS

    names = options.only or list(TARGETS)
    share = -(-options.cases // len(names))
    counts: dict[str, Counter[str]] = {}
    started = time.monotonic()

    def work(name: str) -> None:
        counts[name] = Counter()
        for number, outcome, detail in run_target(name, options.seed, share, options.keep.absolute()):
            counts[name][outcome] += 1
            if outcome in BAD:
                print(f"{name} {number}: {outcome}, {detail}", flush=True)
        print(f"{name}: {dict(counts[name])}", file=sys.stderr, flush=True)

    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(work, names))
    outcomes = (*GOOD, *BAD)
    print(f"\n{'target':16}{'cases':>8}" + "".join(f"{outcome:>10}" for outcome in outcomes))
    for name, found in [(name, counts[name]) for name in names] + [("sum", sum(counts.values(), Counter()))]:
        print(f"{name:16}{found.total():8}" + "".join(f"{found[outcome]:10}" for outcome in outcomes))
    print(f"seed {options.seed}, {time.monotonic() - started:.0f} s")
    return int(any(found[outcome] for found in counts.values() for outcome in BAD))


if __name__ == "__main__":
    sys.exit(main())
