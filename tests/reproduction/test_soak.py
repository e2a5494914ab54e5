"""A few rounds of ``make soak``: the command itself is killed, or there are two."""

from __future__ import annotations

import pytest
from soak import JOBS, Soak


@pytest.mark.slow
def test_killed_commands_leave_no_process_and_end_in_the_same_bytes(tmp_path):
    soak = Soak(tmp_path, tuple(job for job in JOBS if job.name == "train"))

    rows = [soak.round(number) for number in (0, 1, 3)]

    assert [row["event"] for row in rows[:2]] != ["over before"] * 2
    assert str(rows[2]["event"]).startswith("two at once")
    assert [row["fault"] for row in rows] == [""] * 3
