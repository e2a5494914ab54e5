"""A few cases of every target of the fuzz job; ``make fuzz`` runs thousands, in processes of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))

from benchmarks.fuzz.mutations import mutate_json, mutate_text  # noqa: E402
from benchmarks.fuzz.running import GOOD, damage, outcome_of, waits_for_a_processor  # noqa: E402
from benchmarks.fuzz.targets import TARGETS  # noqa: E402

SEED = 18
CASES = 14


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_damaged_files_are_read_or_refused_in_one_sentence(target: str, tmp_path: Path) -> None:
    pristine, folder = tmp_path / "pristine", tmp_path / "case"
    pristine.mkdir()
    TARGETS[target].write(pristine)
    TARGETS[target].read(pristine)

    found = {}
    for number in range(CASES):
        damage(target, SEED, number, pristine, folder)
        found[number] = outcome_of(lambda: TARGETS[target].read(folder))

    assert {number: said for number, said in found.items() if said[0] not in GOOD} == {}
    assert any(outcome == "sentence" for outcome, _ in found.values())  # the damage is felt


def test_the_same_seed_damages_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "pristine").mkdir()
    TARGETS["coco"].write(tmp_path / "pristine")

    first, second = (damage("coco", SEED, 3, tmp_path / "pristine", tmp_path / name).read_bytes() for name in ("one", "other"))

    assert first == second != next((tmp_path / "pristine" / "annotations").iterdir()).read_bytes()
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(KeyError("a"), "raw"), (MemoryError(), "memory"), (TimeoutError(), "hang"), (ValueError("of NumPy"), "raw"), (SystemExit(1), "raw")],
)
def test_what_is_no_sentence_of_ours_is_counted_as_bad(error: BaseException, outcome: str) -> None:
    def read() -> None:
        raise error

    assert outcome_of(read)[0] == outcome


def test_a_starved_case_is_no_hang_a_sleeping_or_endless_one_is() -> None:
    sleeping, endless = (subprocess.Popen([sys.executable, "-c", code]) for code in ("import time; time.sleep(600)", "while True: pass"))
    try:
        processes = [psutil.Process(process.pid) for process in (sleeping, endless)]
        while processes[0].status() != psutil.STATUS_SLEEPING or not sum(processes[1].cpu_times()[:2]):
            time.sleep(0.05)

        assert not waits_for_a_processor(processes[0], limit=100)
        assert waits_for_a_processor(processes[1], limit=100)
        assert not waits_for_a_processor(processes[1], limit=0)
    finally:
        for process in (sleeping, endless):
            process.kill()
            process.wait()


@pytest.mark.parametrize("mutation", [mutate_json, mutate_text])
def test_damage_changes_a_file(mutation) -> None:
    import random

    data = b'{"a": [1, 2, {"b": "text"}],\n"c": 3}\n'

    assert sum(mutation(data, random.Random(number)) != data for number in range(50)) > 40
