"""Running notebooks for real: parameters that are checked, copies that are whole, and the workflow that ties the stages.

papermill only warns about a misspelled parameter and does not write its copy at once; here the first is an error, and
the copy and its manifest appear when the notebook has run to its end.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.errors import DataError, HarmlibError, ParameterError
from harmlib.io.documents import read_json
from harmlib.io.files import check_output, remove_partial, sha256, write_json
from harmlib.io.refusals import refusal
from harmlib.progress import IN_TERMINAL
from reproduction.checkout import CHECKOUT
from reproduction.pretrained import check_pretrained
from reproduction.profiles import Profile, load_profile, unique_benchmarks, unique_runs, without_repeat
from reproduction.reading import CONFIG_FOLDER, PAPERS_FILE, profile_path
from reproduction.schema import suggest
from reproduction.stages import Results, build_benchmarks, train_runs, trained_plans
from reproduction.supervision import alone_in, supervised
from reproduction.workspace import DATA, PROFILE

LOCAL = "local"
EXECUTORS = (LOCAL, "slurm")
JOBS = 8  # handed to a scheduler at a time: the stages follow one another, only notebooks run side by side
MANIFEST_SUFFIX = ".manifest.json"


class NotebookError(HarmlibError):
    """A notebook stopped with an error; the message names the copy that shows where."""


def run_notebook(notebook: str | os.PathLike[str], copy: str | os.PathLike[str], parameters: Mapping[str, Any]) -> Path:
    """Run a notebook with papermill; return the executed copy, with a manifest beside it written last.

    Its kernel ends with this process. While it runs, its cells appear in ``<copy>.running.ipynb``. Raises DataError where the copy cannot
    be written, ParameterError for a parameter the notebook does not have, NotebookError when it stops with an error (what had run is then
    in ``<copy>.failed.ipynb``).
    """
    # The schemas of notebooks would have IRIs checked, which none has, and the checker parses its grammar at every import: for a second.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill

    notebook, copy = Path(notebook), Path(copy)
    if _metadata(notebook) is None:
        raise ParameterError(f'"{notebook}" is no notebook: give the path of an .ipynb file')
    check_output(copy, notebook)
    if copy.exists() and "papermill" not in (_metadata(copy) or {}):
        raise DataError(f'"{copy}" is there and is no executed notebook: move it away, or choose another name')
    known = papermill.inspect_notebook(_literal(notebook))
    for name in parameters:
        if name not in known:
            raise ParameterError(f'notebook "{notebook.name}" has no parameter "{name}": choose among {", ".join(known)}')
    started, running, failed = time.time(), copy.with_suffix(".running.ipynb"), copy.with_suffix(".failed.ipynb")
    copy.parent.mkdir(parents=True, exist_ok=True)
    failed.unlink(missing_ok=True)  # of an earlier run
    logging.getLogger("papermill").setLevel(logging.WARNING)
    os.environ[IN_TERMINAL] = "1"  # for the kernel, which inherits it
    os.environ["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        with supervised():
            papermill.execute_notebook(
                _literal(notebook),
                _literal(running),
                dict(parameters),
                kernel_name="python3",
                cwd=str(CHECKOUT / "notebooks"),
                progress_bar=False,
                stderr_file=sys.stderr,
                coalesce_streams=True,  # of a progress bar only its last state stays in the copy
                # Otherwise every kernel warns about its transport and reports its own end as an error.
                extra_arguments=["--log-level=50"],
            )
    except OSError as error:
        raise refusal(running, error) from error
    except Exception as error:
        running.replace(failed)
        said = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise NotebookError(f'notebook "{notebook.name}" stopped: {said[-1]} ("{failed.name}" shows where)') from error
    running.replace(copy)
    manifest = {
        "notebook": notebook.name,
        "sha256": sha256(notebook),
        # Folders by name only: a manifest holds no absolute path.
        "parameters": {name: Path(value).name if isinstance(value, str) else value for name, value in parameters.items()},
        "seconds": round(time.time() - started, 1),
    }
    write_json(copy.with_suffix(MANIFEST_SUFFIX), manifest)
    return copy


def _literal(path: Path) -> str:
    """Return a path as papermill takes it, which fills names in braces in from the parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def reproduce(
    profile: str,
    *,
    papers: Sequence[str] = (),
    data: str | None = None,
    results: str = "results",
    cores: int | None = None,
    dry_run: bool = False,
    without_pretrained: bool = False,
    executor: str = LOCAL,
) -> None:
    """Run everything a profile asks for, or what is left of it.

    papers: only these; none means all that the profile has, and its lessons. data: root of the photographs, which small and paper need.
    without_pretrained: methods whose ImageNet weights are not there start from random ones. Its processes end with this one.
    executor: where Snakemake runs the stages, "local" or "slurm" (docs/cluster.md); cores are those of one job there.
    Raises ParameterError for an unknown paper, no core, and an executor without its plugin; DataError when photographs are missing;
    CheckpointError when weights are; BusyError while another run is going; NotebookError when a stage stopped, after its own sentence.
    """
    _check_executor(executor)
    if cores is not None and cores < 1:
        raise ParameterError(f"--cores is {cores}: give 1 or more")
    loaded = load_profile(profile)
    plans = [loaded.paper(name) for name in (papers or loaded.papers)]
    _check_photographs(loaded, unique_benchmarks(plans).values(), data)
    folder = Results(Path(results).absolute(), loaded.name)
    if not (without_pretrained or dry_run):
        check_pretrained(unique_runs(trained_plans(loaded, [plan.paper for plan in plans], folder)).values(), folder)
    settings = {
        "profile": str(profile_path(profile)),
        # What it extends, so that a change there starts what depends on it again.
        "shared": str(CONFIG_FOLDER / PAPERS_FILE),
        "papers": [plan.paper for plan in plans],
        "exhibits": [notebook for plan in plans for notebook in plan.notebooks],
        "lessons": [] if papers else list(loaded.lessons),
        "data": str(Path(data).absolute()) if data else None,
        "results": str(folder.root.parent),
        "cores": cores or os.cpu_count() or 1,
    }
    arguments = {"--snakefile": CHECKOUT / "Snakefile", "--directory": folder.root, "--configfile": folder.root / "workflow.json"}
    command = [sys.executable, "-m", "snakemake", *(str(word) for pair in arguments.items() for word in pair)]
    command += ["--cores", str(settings["cores"])] if executor == LOCAL else ["--executor", executor, "--jobs", str(JOBS)]
    # --nolock: a killed Snakemake leaves its lock behind; ours ends with the process.
    command += ["--rerun-incomplete", "--nolock", "--quiet", "rules"]
    with alone_in(folder.root):
        remove_partial(folder.root)
        write_json(folder.root / "workflow.json", settings)
        # Its notebooks are given every parameter: defaults that people have set for their own work must not interfere.
        told = {name: value for name, value in os.environ.items() if name not in (PROFILE, DATA)}
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()  # where Snakemake wants to write
        if not os.access(next(place for place in (cache, *cache.parents) if place.exists()), os.W_OK):
            told["XDG_CACHE_HOME"] = str(folder.root / "cache")
        code = subprocess.run([*command, *(["--dry-run"] if dry_run else [])], env=told, check=False).returncode
    if code:
        raise NotebookError(f'"{loaded.name}" is not finished: what stopped it stands above, and the same command goes on from there')


def train_only(
    profile: str, names: Sequence[str], *, data: str | None = None, results: str = "results", without_pretrained: bool = False
) -> dict[str, Path]:
    """Train single runs of a profile in planned order, and build the benchmarks that they need; return their folders by name.

    names: of runs as their folders are called, or as tables call them, which means on all benchmarks and from all seeds.
    Raises ParameterError for an unknown one, and as ``reproduce``.
    """
    loaded, folder = load_profile(profile), Results(Path(results).absolute(), profile_path(profile).stem)
    runs = unique_runs(trained_plans(loaded, loaded.papers, folder))
    for name in names:
        if name not in {*runs, *(without_repeat(run.scored_as) for run in runs.values())}:
            raise ParameterError(f'profile "{loaded.name}" has no run "{name}": {suggest(name, runs)}')
    chosen = {run.name: run for run in runs.values() if {run.name, without_repeat(run.scored_as)} & set(names)}
    benchmarks = {run.benchmark for run in chosen.values()}
    papers = [paper for paper in loaded.papers if chosen.keys() & {run.name for run in loaded.paper(paper).runs}]
    needed = [plan for plan in unique_benchmarks(map(loaded.paper, papers)).values() if plan.name in benchmarks]
    _check_photographs(loaded, needed, data)
    if not without_pretrained:
        check_pretrained(chosen.values(), folder)
    with alone_in(folder.root):
        build_benchmarks(loaded, papers, data=data, results=folder, only=benchmarks)
        return train_runs(loaded, papers, data=data, results=folder, only=chosen)


def _check_executor(executor: str) -> None:
    """Raise ParameterError for an executor that Snakemake does not have here."""
    if executor not in EXECUTORS:
        raise ParameterError(f'there is no executor "{executor}": choose from {", ".join(EXECUTORS)}')
    plugin = f"snakemake_executor_plugin_{executor}"
    if executor != LOCAL and importlib.util.find_spec(plugin) is None:
        raise ParameterError(f'--executor {executor} needs the package {plugin.replace("_", "-")}: pip install ".[{executor}]" brings it')


def _check_photographs(profile: Profile, benchmarks: Iterable[BenchmarkPlan], data: str | None) -> None:
    """Raise DataError, before hours of work, for photographs that are not there."""
    for name in {name for benchmark in benchmarks for name in benchmark.sources}:
        profile.open_source(name, data)


def _metadata(path: Path) -> dict[str, Any] | None:
    """Return the metadata of a notebook; None for what is none. Papermill adds its own to what it ran."""
    try:
        content = read_json(path)
    except HarmlibError:
        return None
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list) or not isinstance(content.get("nbformat"), int):
        return None
    found = content.get("metadata")
    return found if isinstance(found, dict) else None


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
        except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, or too deep
            parameters[name] = value
    return parameters
