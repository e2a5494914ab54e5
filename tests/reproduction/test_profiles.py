from __future__ import annotations

import copy

import pytest
import yaml

from harmlib.errors import DataError, ParameterError
from reproduction.papers import methods
from reproduction.profiles import load_profile

# Rows of printed tables that nobody trains: people, and means of several runs.
NO_RUNS = {"human", "harmonizer_2f", "harmonizer_4f"}

PLAIN = {
    "seed": 1,
    "sources": {"embedded": {"kind": "embedded"}, "ccp": {"kind": "folder", "folder": "ccp"}},
    "papers": {
        "sgmmh": {
            "protocols": {"sgmmh": None},
            "notebooks": ["40_sgmmh"],
            "benchmarks": {"a": {"composer": "sgmmh", "title": "A", "dataset": "HScene", "sources": ["embedded"]}},
            "runs": [
                {"method": "sgmmh_om"},
                {"method": "sgmmh_om", "label": "identity", "options": {"init": "identity"}, "start_from": "sgmmh_om@3"},
            ],
            "budget": {
                "cpu": {"iterations": 5, "batch_size": 2, "options": {"width": 0.5}},
                "gpu": {"iterations": 50, "batch_size": 4},
            },
        }
    },
}


def write(folder, content):
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("name", ["smoke", "small", "paper"])
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_every_profile_can_be_read_for_every_device(name, device):
    profile = load_profile(name)

    plans = [profile.paper(paper, device) for paper in profile.papers]

    assert all(plan.runs and plan.benchmarks for plan in plans)


def test_the_budget_follows_the_device(tmp_path):
    profile = load_profile(write(tmp_path, PLAIN))

    assert profile.paper("sgmmh", "cpu").runs[0].iterations == 5
    assert profile.paper("sgmmh", "gpu").runs[0].iterations == 50


def test_a_method_can_have_a_budget_of_its_own(tmp_path):
    content = copy.deepcopy(PLAIN)
    content["papers"]["sgmmh"]["budget"]["cpu"]["methods"] = {"sgmmh_om": {"batch_size": 7, "options": {"width": 0.125}}}

    plain, labelled = load_profile(write(tmp_path, content)).paper("sgmmh").runs

    assert (plain.batch_size, plain.iterations, plain.options) == (7, 5, {"width": 0.125})
    assert labelled.options == {"width": 0.125, "init": "identity"}


def test_protocols_name_their_methods(tmp_path):
    content = copy.deepcopy(PLAIN)
    content["papers"]["sgmmh"]["protocols"] = {"sgmmh": None, "harmlib": ["composite"]}

    assert load_profile(write(tmp_path, content)).paper("sgmmh").protocols == {"sgmmh": (), "harmlib": ("composite",)}


def test_a_run_joins_the_options_of_budget_and_entry(tmp_path):
    run = load_profile(write(tmp_path, PLAIN)).paper("sgmmh").runs[1]

    assert run.options == {"width": 0.5, "init": "identity"}
    assert run.name == "sgmmh_om_identity-a"
    assert run.start_from == "sgmmh_om-a@3"


def two_benchmarks():
    content = copy.deepcopy(PLAIN)
    paper = content["papers"]["sgmmh"]
    paper["benchmarks"]["b"] = {**paper["benchmarks"]["a"], "title": "B"}
    return content, paper


def test_a_run_with_a_benchmark_of_its_own_is_trained_there_only(tmp_path):
    content, paper = two_benchmarks()
    paper["runs"] = [{"method": "sgmmh_rgb", "benchmark": "b"}, {"method": "sgmmh_om"}]

    runs = load_profile(write(tmp_path, content)).paper("sgmmh").runs

    assert [run.name for run in runs] == ["sgmmh_om-a", "sgmmh_rgb-b", "sgmmh_om-b"]


def test_no_run_is_trained_where_models_of_another_benchmark_are_tested(tmp_path):
    content, paper = two_benchmarks()
    paper["benchmarks"]["b"]["models_of"] = "a"

    assert {run.benchmark for run in load_profile(write(tmp_path, content)).paper("sgmmh").runs} == {"a"}


def test_runs_that_give_parts_come_before_those_that_take_them(tmp_path):
    content, paper = two_benchmarks()
    taker = {"method": "sgmmh_rgb", "benchmark": "a", "parts": {"generator": "sgmmh_om-b:generator"}}
    paper["runs"] = [taker, {"method": "sgmmh_om", "benchmark": "b"}]

    assert [run.name for run in load_profile(write(tmp_path, content)).paper("sgmmh").runs] == ["sgmmh_om-b", "sgmmh_rgb-a"]


def test_a_run_on_a_benchmark_that_is_not_trained_on_is_refused(tmp_path):
    content, paper = two_benchmarks()
    paper["runs"] = [{"method": "sgmmh_rgb", "benchmark": "c"}]

    with pytest.raises(ParameterError, match='names the benchmark "c": choose one of a, b'):
        load_profile(write(tmp_path, content)).paper("sgmmh")


def test_an_unknown_key_is_refused_with_the_known_ones(tmp_path):
    broken = {**PLAIN, "sources": {"ccp": {"kind": "folder", "foldr": "ccp"}}}

    with pytest.raises(ParameterError, match=r"sources.ccp has the unknown key 'foldr': choose among folder"):
        load_profile(write(tmp_path, broken))


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(ParameterError, match='no profile "large": choose one of paper, small, smoke'):
        load_profile("large")


def test_an_unknown_paper_lists_the_known_ones(tmp_path):
    with pytest.raises(ParameterError, match='has no paper "frhi": choose one of sgmmh'):
        load_profile(write(tmp_path, PLAIN)).paper("frhi")


@pytest.mark.parametrize("data", [None, "somewhere"])
def test_missing_photographs_are_one_sentence_that_says_where_to_look(tmp_path, data):
    profile = load_profile(write(tmp_path, PLAIN))

    with pytest.raises(DataError, match=r"data/README.md says what to fetch"):
        profile.open_source("ccp", data and tmp_path / data)


def test_the_paper_profile_trains_as_printed():
    runs = {run.name: run for run in load_profile("paper").paper("sgmmh").runs}

    assert runs["sgmmh_om-hscene"].iterations == 40_000
    assert runs["sgmmh_om-hlip"].milestones == (55_000, 75_000)
    assert runs["sgmmh_omgan-hlip"].start_from == "sgmmh_om-hlip@85000"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": "sgmmh"}, "sgmmh has the unknown key 'protocol': choose among benchmarks"),
        ({"runs": None}, "sgmmh is incomplete: it lacks runs"),
    ],
)
def test_a_paper_with_a_wrong_key_is_refused(tmp_path, change, message):
    content = copy.deepcopy(PLAIN)
    paper = content["papers"]["sgmmh"]
    paper.update(change)
    content["papers"]["sgmmh"] = {key: value for key, value in paper.items() if value is not None}

    with pytest.raises(ParameterError, match=message):
        load_profile(write(tmp_path, content)).paper("sgmmh")


@pytest.mark.parametrize("name", ["smoke", "small", "paper"])
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_a_run_that_two_papers_share_is_planned_alike_in_both(name, device):
    profile = load_profile(name)
    runs = [run for paper in profile.papers for run in profile.paper(paper, device).runs]

    assert len({run.name for run in runs}) == len(set(map(repr, runs)))


def test_every_method_of_the_papers_tables_is_trained_in_the_paper_profile():
    profile = load_profile("paper")
    plans = [profile.paper(paper) for paper in profile.papers]
    scored = {run.scored_as for plan in plans for run in plan.runs} | {name for plan in plans for name in plan.weightless}

    assert set(methods()["method_id"]) - NO_RUNS <= scored | {f"{name}_pcm" for name in scored}
