"""Running notebooks for real: parameters that are checked, copies that are whole, and the workflow that ties the stages.

papermill only warns about a misspelled parameter and does not write its copy at once; here the first is an error, and
the copy and its manifest appear when the notebook has run to its end.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harmlib.errors import HarmlibError, ParameterError
from harmlib.io.files import sha256, write_json
from harmlib.progress import IN_TERMINAL
from reproduction.checkout import CHECKOUT
from reproduction.profiles import load_profile, profile_path
from reproduction.stages import Results

MANIFEST_SUFFIX = ".manifest.json"


class NotebookError(HarmlibError):
    """A notebook stopped with an error; the message names the copy that shows where."""


def run_notebook(notebook: str | os.PathLike[str], copy: str | os.PathLike[str], parameters: Mapping[str, Any]) -> Path:
    """Run a notebook with papermill; return the executed copy, with a manifest beside it written last.

    Raises ParameterError for a parameter the notebook does not have, NotebookError when it stops with an error (what had
    run is then in ``<copy>.failed.ipynb``).
    """
    import papermill

    notebook, copy = Path(notebook), Path(copy)
    known = papermill.inspect_notebook(str(notebook))
    for name in parameters:
        if name not in known:
            raise ParameterError(f'notebook "{notebook.name}" has no parameter "{name}": choose among {", ".join(known)}')
    started, failed = time.time(), copy.with_suffix(".failed.ipynb")
    copy.parent.mkdir(parents=True, exist_ok=True)
    logging.getLogger("papermill").setLevel(logging.WARNING)
    os.environ[IN_TERMINAL] = "1"  # for the kernel, which inherits it
    os.environ["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        papermill.execute_notebook(
            str(notebook),
            str(failed),
            dict(parameters),
            kernel_name="python3",
            cwd=str(CHECKOUT / "notebooks"),
            progress_bar=False,
            stderr_file=sys.stderr,
            # Otherwise every kernel warns about its transport and reports its own end as an error.
            extra_arguments=["--log-level=50"],
        )
    except Exception as error:
        raise NotebookError(f'notebook "{notebook.name}" stopped: {_last_line(error)} ("{failed.name}" shows where)') from error
    failed.replace(copy)
    manifest = {
        "notebook": notebook.name,
        "sha256": sha256(notebook),
        # Folders by name only: a manifest holds no absolute path.
        "parameters": {name: Path(value).name if isinstance(value, str) else value for name, value in parameters.items()},
        "seconds": round(time.time() - started, 1),
    }
    write_json(copy.with_suffix(MANIFEST_SUFFIX), manifest)
    return copy


def _last_line(error: Exception) -> str:
    """Return the sentence a notebook stopped with."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def reproduce(
    profile: str,
    *,
    papers: Sequence[str] = (),
    data: str | None = None,
    results: str = "results",
    cores: int | None = None,
    dry_run: bool = False,
) -> int:
    """Run everything a profile asks for, or what is left of it; return Snakemake's exit code.

    papers: only these; none means all that the profile has, and its lessons. data: root of the photographs, which small and paper need.
    Raises ParameterError for an unknown paper, DataError when photographs are missing, HarmlibError while another run is going.
    """
    from filelock import FileLock, Timeout

    loaded = load_profile(profile)
    plans = [loaded.paper(name) for name in (papers or loaded.papers)]
    for name in {name for plan in plans for benchmark in plan.benchmarks for name in benchmark.sources}:
        loaded.open_source(name, data)
    folder = Results(Path(results).absolute(), loaded.name)
    settings = {
        "profile": str(profile_path(profile)),
        "papers": [plan.paper for plan in plans],
        "lessons": [] if papers else list(loaded.lessons),
        "data": str(Path(data).absolute()) if data else None,
        "results": str(folder.root.parent),
    }
    write_json(folder.root / "workflow.json", settings)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(CHECKOUT / "Snakefile"),
        "--directory",
        str(folder.root),
        "--configfile",
        str(folder.root / "workflow.json"),
    ]
    # --nolock: a killed Snakemake leaves its lock behind; ours below ends with the process.
    command += [
        "--cores",
        str(cores or os.cpu_count() or 1),
        "--rerun-incomplete",
        "--nolock",
        "--quiet",
        "rules",
        *(["--dry-run"] if dry_run else []),
    ]
    try:
        with FileLock(folder.root / ".lock", timeout=0):
            return subprocess.run(command, check=False).returncode
    except Timeout as error:
        raise HarmlibError(f'another run is working in "{folder.root}": wait for it to end') from error


def parse_parameters(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``name=value`` strings as parameters; values are read as JSON where they are JSON, else as text.

    Raises ParameterError for one without "=".
    """
    parameters = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ParameterError(f'"{pair}" is no parameter: write name=value')
        try:
            parameters[name] = json.loads(value)
        except json.JSONDecodeError:
            parameters[name] = value
    return parameters
