"""What a command starts ends with it, however that ends, and its folder is free no sooner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harmlib.errors import BusyError
from reproduction.supervision import MARK, alone_in, end_processes, marked_processes, supervised

ROOT = Path(__file__).parents[2]
SECONDS = 5  # in which everything has ended

# A command that starts a child as Jupyter starts kernels, in a session of its own, and that one another; nobody reads their pipes.
COMMAND = """
import subprocess, sys, time
from pathlib import Path
from reproduction.supervision import alone_in
sleep = "import subprocess, sys, time; time.sleep(60)"
child = sleep.replace("time.", f"subprocess.Popen([sys.executable, '-c', {sleep!r}], start_new_session=True); time.")
with alone_in(Path(sys.argv[1])):
    subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
    print("in", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def command(tmp_path):
    """The command at work, once its two descendants are there."""
    process = subprocess.Popen([sys.executable, "-c", COMMAND, str(tmp_path / "run")], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    while len(marked_processes(str(tmp_path / "run"))) < 2:
        time.sleep(0.02)
    yield process
    process.kill()
    process.wait()
    end_processes(str(tmp_path / "run"))


def watcher_of(command: subprocess.Popen[str]) -> psutil.Process:
    return next(process for process in psutil.Process(command.pid).children() if "supervision.py" in " ".join(process.cmdline()))


def ends(folder: Path) -> bool:
    """Whether nothing of a command is left in time."""
    deadline = time.monotonic() + SECONDS
    while marked_processes(str(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not marked_processes(str(folder))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_was_started_ends_with_the_command(command, tmp_path, how):
    command.send_signal(how)
    command.wait()

    assert ends(tmp_path / "run")


def test_a_second_command_is_refused_while_the_first_is_alive_or_what_it_started(command, tmp_path, monkeypatch):
    monkeypatch.setattr("reproduction.supervision.PATIENCE", 0)
    with pytest.raises(BusyError, match="another run is working in"), alone_in(tmp_path / "run"):
        pass
    watcher = watcher_of(command)
    watcher.suspend()
    command.kill()
    command.wait()
    try:
        with pytest.raises(BusyError), alone_in(tmp_path / "run"):
            pass
    finally:
        watcher.resume()

    monkeypatch.setattr("reproduction.supervision.PATIENCE", 2 * SECONDS)
    with alone_in(tmp_path / "run"):
        assert marked_processes(str(tmp_path / "run")) == []


def test_what_a_command_left_that_died_with_its_watcher_ends_before_the_next(command, tmp_path):
    watcher_of(command).kill()
    command.kill()
    command.wait()
    assert marked_processes(str(tmp_path / "run"))

    with alone_in(tmp_path / "run"):
        assert marked_processes(str(tmp_path / "run")) == []


def test_what_runs_below_a_command_is_let_in(tmp_path):
    below = (
        "import sys; from pathlib import Path; from reproduction.supervision import *\nwith alone_in(Path(sys.argv[1])), supervised(): pass"
    )

    with alone_in(tmp_path / "run"):
        done = subprocess.run([sys.executable, "-c", below, str(tmp_path / "run")], cwd=ROOT, check=False)

    assert done.returncode == 0
    assert MARK not in os.environ


@pytest.mark.slow
def test_processes_are_shared_out_before_and_after_a_command(tmp_path):
    script = """
import sys
from pathlib import Path
from harmlib.threads import in_processes
from reproduction.supervision import alone_in
if __name__ == "__main__":
    for _ in range(2):
        with alone_in(Path(sys.argv[1])):
            print([result for _, result in in_processes(abs, [(-1,)], workers=1)])
"""
    (tmp_path / "script.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", tmp_path / "run"], capture_output=True, text=True, check=False, env=environment
    )

    assert done.stdout.split() == ["[1]", "[1]"]
    assert done.stderr == ""


def test_a_command_without_a_folder_takes_its_processes_along(tmp_path):
    with supervised():
        mark = os.environ[MARK]
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        assert mark

    assert child.wait(SECONDS) == -signal.SIGTERM
