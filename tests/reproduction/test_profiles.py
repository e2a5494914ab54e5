"""What a profile means: budgets, runs, papers and repeats."""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import get_args

import pytest
from plain_profile import PLAIN, changed, runs_of, write

from harmlib.training.loop import PRECISIONS
from harmlib.training.plan import RunPlan
from reproduction.checkout import CHECKOUT
from reproduction.papers import methods
from reproduction.profiles import load_profile, ordered, unique_runs
from reproduction.schema import Settings

# Rows of printed tables that nobody trains: people, and means of several runs.
NO_RUNS = {"human", "harmonizer_2f", "harmonizer_4f"}


@pytest.mark.parametrize("name", ["smoke", "small", "paper"])
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_every_profile_can_be_read_for_every_device(name, device):
    profile = load_profile(name)

    plans = [profile.paper(paper, device) for paper in profile.papers]

    assert len(plans) == 5
    assert all(plan.runs and plan.benchmarks for plan in plans)


def test_the_profile_of_the_documents_trains_on_photographs_of_ones_own(tmp_path):
    page = (CHECKOUT / "docs" / "extending.md").read_text(encoding="utf-8")
    path = tmp_path / "own.yaml"
    path.write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")

    benchmarks = {plan.name: plan for plan in load_profile(path).paper("harmonizer").benchmarks}

    assert list(benchmarks["iharmony4-style"].sources) == ["myphotos"]


def test_the_budget_follows_the_device(tmp_path):
    assert runs_of(tmp_path, PLAIN, "cpu")["sgmmh_om-a"].iterations == 5
    assert runs_of(tmp_path, PLAIN, "gpu")["sgmmh_om-a"].iterations == 50


def test_a_budget_without_devices_holds_for_both(tmp_path):
    content = changed("budgets.sgmmh", PLAIN["budgets"]["sgmmh"]["cpu"])

    assert runs_of(tmp_path, content, "cpu") == runs_of(tmp_path, content, "gpu")


def test_a_method_can_have_a_budget_of_its_own(tmp_path):
    content = changed("budgets.sgmmh.cpu.runs", {"sgmmh_om": {"batch_size": 7, "options": {"width": 0.125}}})

    plain, labelled = runs_of(tmp_path, content).values()

    assert (plain.batch_size, plain.iterations, plain.options) == (7, 5, {"width": 0.125})
    assert labelled.options == {"width": 0.125, "init": "identity"}


def test_what_is_closer_to_a_run_wins_in_a_budget(tmp_path):
    own = {"sgmmh_om": {"batch_size": 7}, "sgmmh_om_identity": {"batch_size": 8}, "sgmmh_om_identity-a": {"batch_size": 9}}

    plain, labelled = runs_of(tmp_path, changed("budgets.sgmmh.cpu.runs", own)).values()

    assert (plain.batch_size, labelled.batch_size) == (7, 9)


def test_protocols_name_their_methods(tmp_path):
    content = changed("papers.sgmmh.protocols", {"sgmmh": None, "harmlib": ["composite"]})

    assert load_profile(write(tmp_path, content)).paper("sgmmh").protocols == {"sgmmh": (), "harmlib": ("composite",)}


def test_a_run_joins_the_options_of_budget_and_entry(tmp_path):
    run = runs_of(tmp_path, PLAIN)["sgmmh_om_identity-a"]

    assert run.options == {"width": 0.5, "init": "identity"}
    assert run.start_from == "sgmmh_om-a@3"


def test_a_start_without_a_step_takes_the_last_that_is_kept(tmp_path):
    run = runs_of(tmp_path, changed("runs.sgmmh_om_identity.start_from", "sgmmh_om"))["sgmmh_om_identity-a"]

    assert run.start_from == "sgmmh_om-a@3"


def two_benchmarks(**runs):
    """Benchmarks a and b, and these runs."""
    content = copy.deepcopy(PLAIN)
    content["benchmarks"]["b"] = {**content["benchmarks"]["a"], "title": "B"}
    content["runs"] = {name: {"budget": "sgmmh", **run} for name, run in runs.items()}
    content["papers"]["sgmmh"] |= {"benchmarks": ["a", "b"], "runs": list(runs)}
    return content


def test_a_run_with_benchmarks_of_its_own_is_trained_there_only(tmp_path):
    content = two_benchmarks(sgmmh_rgb={"benchmarks": ["b"]}, sgmmh_om={})

    assert list(runs_of(tmp_path, content)) == ["sgmmh_om-a", "sgmmh_rgb-b", "sgmmh_om-b"]


def test_no_run_is_trained_where_models_of_another_benchmark_are_tested(tmp_path):
    content = two_benchmarks(sgmmh_om={})
    content["benchmarks"]["b"]["models_of"] = "a"

    plan = load_profile(write(tmp_path, content)).paper("sgmmh")

    assert {run.benchmark for run in plan.runs} == {"a"}
    assert list(plan.methods(plan.benchmarks[1], "sgmmh")) == ["composite", "sgmmh_om"]


def test_runs_that_give_parts_come_before_those_that_take_them(tmp_path):
    content = two_benchmarks(sgmmh_rgb={"benchmarks": ["a"], "parts": {"generator": "sgmmh_om:generator"}}, sgmmh_om={"benchmarks": ["b"]})

    runs = runs_of(tmp_path, content)

    assert list(runs) == ["sgmmh_om-b", "sgmmh_rgb-a"]
    assert runs["sgmmh_rgb-a"].parts == {"generator": "sgmmh_om-b:generator"}


def test_a_benchmark_has_its_folder_by_name(tmp_path):
    content = changed("benchmarks.a.name", "hscene-style")

    plan = load_profile(write(tmp_path, content)).paper("sgmmh")

    assert plan.benchmarks[0].name == "hscene-style"
    assert plan.runs[1].start_from == "sgmmh_om-hscene-style@3"


def two_papers():
    """A second paper with the same run."""
    content = copy.deepcopy(PLAIN)
    content["papers"]["baselines"] = {**content["papers"]["sgmmh"], "runs": ["sgmmh_om"], "notebooks": ["55_baselines"]}
    return content


def test_a_run_that_two_papers_name_is_one_run(tmp_path):
    profile = load_profile(write(tmp_path, two_papers()))
    plans = [profile.paper(paper) for paper in profile.papers]

    assert plans[0].runs[0] is plans[1].runs[0]
    assert list(unique_runs(plans)) == ["sgmmh_om-a", "sgmmh_om_identity-a"]


def test_what_is_left_out_leaves_no_trace(tmp_path):
    content = changed("leave_out", ["sgmmh_om_*"], two_papers())
    content["papers"]["sgmmh"]["protocols"]["harmlib"] = ["composite", "sgmmh_om_identity_pcm"]

    plan = load_profile(write(tmp_path, content)).paper("sgmmh")

    assert [run.name for run in plan.runs] == ["sgmmh_om-a"]
    assert plan.protocols["harmlib"] == ("composite",)


def test_a_paper_without_benchmarks_is_left_out(tmp_path):
    content = two_benchmarks(sgmmh_om={})
    content["papers"]["baselines"] = {**content["papers"]["sgmmh"], "benchmarks": ["b"]}
    content["leave_out"] = ["b"]

    assert load_profile(write(tmp_path, content)).papers == ("sgmmh",)


def test_a_profile_can_change_another(tmp_path):
    path = write(tmp_path, {"extends": "smoke.yaml", "seed": 7, "budgets": {"frih": {"iterations": 3}}})

    runs, smoke = ({run.name: run for run in load_profile(name).paper("frih").runs} for name in (path, "smoke"))

    assert load_profile(path).seed == 7
    assert runs["frih-iharmony4-style"].iterations == 3
    assert runs["frih-iharmony4-style"].options == smoke["frih-iharmony4-style"].options


def test_papers_that_a_profile_names_itself_come_first(tmp_path):
    path = write(tmp_path, {"extends": "smoke.yaml", "papers": {"frih": {}, "baselines": {}}})

    assert load_profile(path).papers == ("frih", "baselines", "sgmmh", "harmonizer", "perceptual")


def test_a_change_for_one_device_leaves_the_other_as_it_was(tmp_path):
    path = write(tmp_path, {"extends": "smoke.yaml", "budgets": {"frih": {"gpu": {"iterations": 3}}}})

    found = [load_profile(path).paper("frih", device).runs[0].iterations for device in ("cpu", "gpu")]

    assert found == [6, 3]


def test_repeats_differ_in_name_and_seed_alone(tmp_path):
    content = changed("budgets.sgmmh.cpu.repeats", 3)
    content["budgets"]["sgmmh"]["cpu"]["runs"] = {"sgmmh_om": {"repeats": 2}, "sgmmh_om_identity": {"repeats": 3}}
    profile = load_profile(write(tmp_path, content))

    runs = {run.name: run for run in profile.paper("sgmmh").runs}

    # All first runs, then all first repeats.
    assert list(runs) == ["sgmmh_om-a", "sgmmh_om_identity-a", "sgmmh_om-a-s1", "sgmmh_om_identity-a-s1", "sgmmh_om_identity-a-s2"]
    assert [profile.reseeded(run).seed for run in runs.values()] == [1, 1, 2, 2, 3]
    # The same repeat where there is one, else the first.
    starts = [run.start_from for run in runs.values() if run.label]
    assert starts == ["sgmmh_om-a@3", "sgmmh_om-a-s1@3", "sgmmh_om-a@3"]


def test_repeats_are_scored_under_their_own_names(tmp_path):
    content = changed("budgets.sgmmh.cpu.runs", {"sgmmh_om": {"repeats": 2}, "sgmmh_om_identity": {"repeats": 1}})
    content["papers"]["sgmmh"]["protocols"] = {"sgmmh": ["composite", "sgmmh_om", "sgmmh_om_pcm"]}

    plan = load_profile(write(tmp_path, content)).paper("sgmmh")

    scored = plan.methods(plan.benchmarks[0], "sgmmh")
    assert list(scored) == ["composite", "sgmmh_om", "sgmmh_om-s1", "sgmmh_om_pcm", "sgmmh_om_pcm-s1"]
    assert scored["sgmmh_om_pcm-s1"].name == "sgmmh_om-a-s1"


def test_a_first_run_is_the_same_plan_with_and_without_repeats(tmp_path):
    alone = runs_of(tmp_path, PLAIN)["sgmmh_om-a"]

    repeated = runs_of(tmp_path, changed("budgets.sgmmh.cpu.repeats", 2))["sgmmh_om-a"]

    assert repeated == alone
    assert type(repeated) is RunPlan


def test_runs_that_wait_for_each_other_end_the_search():
    runs = [RunPlan("dovenet", "a", 1, 1, parts={"": "idih-a"}), RunPlan("idih", "a", 1, 1, parts={"": "dovenet-a"})]

    assert list(ordered(runs)) == ["dovenet-a", "idih-a"]


def test_a_budget_can_say_whatever_a_run_has():
    assert {*Settings.model_fields} - {"repeats"} == {entry.name for entry in fields(RunPlan)} - {"method", "benchmark", "label"}
    assert get_args(Settings.model_fields["precision"].annotation) == PRECISIONS


def test_the_paper_profile_trains_as_printed():
    runs = {run.name: run for run in load_profile("paper").paper("sgmmh").runs}

    assert runs["sgmmh_om-hscene"].iterations == 40_000
    assert runs["sgmmh_om-hlip"].milestones == (55_000, 75_000)
    assert runs["sgmmh_omgan-hlip"].start_from == "sgmmh_om-hlip@85000"


def test_every_method_of_the_papers_tables_is_trained_in_the_paper_profile():
    profile = load_profile("paper")
    plans = [profile.paper(paper) for paper in profile.papers]
    scored = {run.scored_as for plan in plans for run in plan.runs} | {name for plan in plans for name in plan.weightless}

    assert set(methods()["method_id"]) - NO_RUNS <= scored | {f"{name}_pcm" for name in scored}
