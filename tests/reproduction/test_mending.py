"""The same call again makes what a folder of results has lost, and two calls at once do not work on the same files."""

from __future__ import annotations

import pytest
from miniature_run import write_run

from harmlib.errors import BusyError
from harmlib.io.locks import alone
from reproduction.profiles import load_profile
from reproduction.stages import Results, build_benchmarks, score_papers, train_runs


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A function that takes all stages of a paper, and what they left."""
    folder = tmp_path_factory.mktemp("mending")
    profile = load_profile(write_run(folder, draws=1, iterations=2, runs={"sgmmh_om": {"keep": [1]}}))
    results = Results(folder / "results", profile.name)

    def stages():
        build_benchmarks(profile, ["sgmmh"], data=folder, results=results, workers=0)
        train_runs(profile, ["sgmmh"], data=folder, results=results)
        score_papers(profile, ["sgmmh"], results=results)

    stages()
    return stages, results


@pytest.mark.slow
def test_whatever_a_folder_has_lost_is_made_again_by_the_same_call(scored):
    stages, results = scored
    checkpoint, scores = results.run("sgmmh_om-a") / "checkpoint.pt", results.scores("sgmmh") / "scores.csv"
    composites = results.benchmark("a") / "composites.csv"
    part = next(results.score_parts.glob("*.csv"))
    kept = {path: path.read_bytes() for path in (checkpoint, scores, composites, part)}
    for lost in (checkpoint, scores, composites):
        lost.unlink()
        stages()
        assert {path: path.read_bytes() for path in kept} == kept, lost.name
    for damaged in (scores, part):
        lines = kept[damaged].splitlines(keepends=True)
        for content in (lines[:-1], [*lines, lines[-1]]):
            damaged.write_bytes(b"".join(content))
            scores.write_bytes(b"".join(content))
            stages()
            assert {path: path.read_bytes() for path in kept} == kept, damaged.name


def test_a_second_process_in_a_stage_is_told_so(scored):
    stages, results = scored
    for locked, lost in (
        (results.benchmark("a"), results.benchmark("a") / "composites.csv"),
        (results.run("sgmmh_om-a"), results.run("sgmmh_om-a") / "checkpoint.pt"),
        (results.score_parts, results.scores("sgmmh") / "scores.csv"),
    ):
        before = lost.read_bytes()
        lost.unlink()
        with alone(locked, "somebody"), pytest.raises(BusyError, match="another process is"):
            stages()
        stages()
        assert lost.read_bytes() == before
