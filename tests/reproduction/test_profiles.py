from __future__ import annotations

import copy
from dataclasses import fields
from typing import get_args

import pytest
import yaml

from harmlib.errors import DataError, ParameterError
from harmlib.training.loop import PRECISIONS
from harmlib.training.plan import RunPlan
from reproduction.papers import methods
from reproduction.profiles import load_profile, ordered, unique_runs
from reproduction.schema import Settings

# Rows of printed tables that nobody trains: people, and means of several runs.
NO_RUNS = {"human", "harmonizer_2f", "harmonizer_4f"}

PLAIN = {
    "seed": 1,
    "sources": {"embedded": {"kind": "embedded"}, "ccp": {"kind": "folder", "folder": "ccp"}},
    "benchmarks": {"a": {"composer": "sgmmh", "title": "A", "dataset": "HScene", "sources": ["embedded"]}},
    "runs": {
        "sgmmh_om": {"budget": "sgmmh"},
        "sgmmh_om_identity": {"method": "sgmmh_om", "budget": "sgmmh", "options": {"init": "identity"}, "start_from": "sgmmh_om@3"},
    },
    "papers": {
        "sgmmh": {
            "benchmarks": ["a"],
            "runs": ["sgmmh_om", "sgmmh_om_identity"],
            "protocols": {"sgmmh": None},
            "notebooks": ["40_sgmmh"],
        }
    },
    "budgets": {
        "sgmmh": {
            "cpu": {"iterations": 5, "batch_size": 2, "keep": [2, 3], "options": {"width": 0.5}},
            "gpu": {"iterations": 50, "batch_size": 4, "keep": [3]},
        }
    },
}


def write(folder, content):
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def changed(path, value, content=PLAIN):
    """The content with a value at a path such as ``papers.sgmmh.runs``."""
    content = copy.deepcopy(content)
    part, *keys = content, *path.split(".")
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    return content


def runs_of(folder, content, device="cpu"):
    """The runs of the one paper by name."""
    return {run.name: run for run in load_profile(write(folder, content)).paper("sgmmh", device).runs}


@pytest.mark.parametrize("name", ["smoke", "small", "paper"])
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_every_profile_can_be_read_for_every_device(name, device):
    profile = load_profile(name)

    plans = [profile.paper(paper, device) for paper in profile.papers]

    assert len(plans) == 5
    assert all(plan.runs and plan.benchmarks for plan in plans)


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


CPU = "budgets.sgmmh.cpu"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        # Keys.
        ("lesons", ["85_editor"], r'"own.yaml" has the unknown key .lesons.: choose from lessons'),
        ("sources.ccp", {"kind": "folder", "foldr": "ccp"}, "sources.ccp has the unknown key .foldr.: choose from folder"),
        ("benchmarks.a.drws", {"test": 2}, "benchmarks.a has the unknown key .drws.: choose from draws"),
        ("runs.sgmmh_om.budgt", "sgmmh", "runs.sgmmh_om has the unknown key .budgt.: choose from budget"),
        ("papers.sgmmh.protocol", "sgmmh", "papers.sgmmh has the unknown key .protocol.: choose from protocols"),
        (f"{CPU}.iteratons", 3, "budgets.sgmmh.cpu has the unknown key .iteratons.: choose from iterations"),
        (f"{CPU}.runs", {"sgmmh_om": {"runs": {}}}, "budgets.sgmmh.cpu.runs.sgmmh_om has the unknown key .runs.: choose from"),
        (f"{CPU}.runs", {"sgmmh_omm": {"keep": [1]}}, "budgets.sgmmh.cpu.runs.sgmmh_omm is no run with the budget .sgmmh.: choose from"),
        ("budgets.sgmmh", {"iterations": 3}, 'budgets.sgmmh lacks the key "batch_size", which the run "sgmmh_om" needs'),
        ("papers.sgmmh", {"runs": []}, 'papers.sgmmh lacks the key "benchmarks"'),
        ("runs.sgmmh_om", {}, 'runs.sgmmh_om lacks the key "budget"'),
        # Names that stand for nothing.
        ("runs.harmonizr", {"budget": "sgmmh"}, 'runs.harmonizr is not valid: there is no method "harmonizr": choose from harmonizer'),
        ("runs.sgmmh_om_identity.method", "sgmmh_rgb", "runs.sgmmh_om_identity.method is .sgmmh_rgb., whose runs are called"),
        ("runs.sgmmh_om.options", {"widht": 1}, "runs.sgmmh_om.options.widht is no option of .sgmmh_om.: choose from width"),
        (f"{CPU}.options", {"fusion": True}, "budgets.sgmmh.cpu.options.fusion is no option of"),
        ("runs.sgmmh_om.budget", "sgmh", "runs.sgmmh_om.budget.* is .sgmh.: choose from sgmmh"),
        ("runs.sgmmh_om.benchmarks", ["c"], "runs.sgmmh_om.benchmarks.0 is .c.: choose from a"),
        ("runs.sgmmh_om_identity.start_from", "sgmmh_rgb@3", "start_from names .sgmmh_rgb., which is no run: choose from sgmmh_om"),
        ("runs.sgmmh_om_identity.start_from", "sgmmh_om@4", "start_from is .sgmmh_om@4., but .sgmmh_om. keeps only the steps"),
        ("runs.sgmmh_om_identity.parts", {"generator": "nobody"}, "parts names .nobody., which is no run"),
        ("papers.sgmmh.runs", ["sgmmh_om", "frih"], "papers.sgmmh.runs.1 is .frih.: choose from sgmmh_om"),
        ("papers.sgmmh.runs", ["sgmmh_om_identity"], "start_from names .sgmmh_om., which is no run"),
        ("papers.sgmmh.benchmarks", ["hscene"], "papers.sgmmh.benchmarks.0 is .hscene.: choose from a"),
        ("papers.sgmmh.weightless", ["dovenet"], "papers.sgmmh.weightless.0 is .dovenet.: choose from"),
        ("papers.sgmmh.protocols", {"sgmh": None}, "papers.sgmmh.protocols.* protocol .sgmh. is unknown: choose one of"),
        ("papers.sgmmh.protocols", {"sgmmh": ["composit"]}, "papers.sgmmh.protocols.sgmmh.0 is .composit.: choose from composite"),
        (
            "papers.sgmmh.notebooks",
            ["40_sgmh"],
            "papers.sgmmh.notebooks.0 is not valid: there is no notebook .40_sgmh.: choose from 40_sgmmh",
        ),
        ("lessons", ["../../x/foreign"], "lessons.0 is not valid: there is no notebook"),
        ("benchmarks.a.composer", "sgmh", "benchmarks.a.composer is not valid: there is no composer .sgmh."),
        ("benchmarks.a.composer", "published", "benchmarks.a.sources is no single source with a folder"),
        ("benchmarks.a.sources", ["embeded"], "benchmarks.a.sources.0 is .embeded.: choose from embedded"),
        ("benchmarks.a.models_of", "z", "benchmarks.a.models_of.* is .z."),
        ("sources.ccp.kind", "foldr", "sources.ccp is not valid: there is no source .foldr."),
        ("sources.ccp", {"kind": "folder"}, "sources.ccp is not valid: a source of kind .folder. needs its folder below DATA"),
        ("sources.embedded.options", {"onyl": ["astronaut"]}, "sources.embedded is not valid: source .embedded. has no option .onyl."),
        ("leave_out", ["frih_*"], r"leave_out.0 is .frih_\*., which is no benchmark and no run"),
        # Values.
        ("seed", "2021", "seed is .2021.: it should be a valid integer"),
        ("seed", True, "seed is True: it should be a valid integer"),
        ("seed", -1, "seed is -1: it should be greater than or equal to 0"),
        (f"{CPU}.iterations", -1, "budgets.sgmmh.cpu.iterations is -1"),
        (f"{CPU}.iterations", 2.5, "budgets.sgmmh.cpu.iterations is 2.5"),
        (f"{CPU}.batch_size", 0, "budgets.sgmmh.cpu.batch_size is 0: it should be greater than or equal to 1"),
        (f"{CPU}.hold_out", 0.1, 'gives "sgmmh_om.*" hold_out, which is for pairs from disk'),
        (f"{CPU}.accumulate", 0, "budgets.sgmmh.cpu.accumulate is 0"),
        (f"{CPU}.learning_rate", "1e-3", "budgets.sgmmh.cpu.learning_rate is .1e-3.: .*a number has no quotes, and a dot before its e"),
        (f"{CPU}.learning_rate", float("nan"), "budgets.sgmmh.cpu.learning_rate is nan"),
        (f"{CPU}.learning_rate", 0, "budgets.sgmmh.cpu.learning_rate is 0"),
        (f"{CPU}.precision", "bf16", "budgets.sgmmh.cpu.precision is .bf16."),
        (f"{CPU}.perturb_at", 64, "budgets.sgmmh.cpu.perturb_at is 64"),
        (f"{CPU}.perturb_at", "small", "budgets.sgmmh.cpu.perturb_at is not valid: .small. is no size"),
        (f"{CPU}.online", "no", "budgets.sgmmh.cpu.online is .no."),
        (f"{CPU}.milestones", 3, "budgets.sgmmh.cpu.milestones is 3"),
        (f"{CPU}.keep", ["3"], "budgets.sgmmh.cpu.keep.0 is .3."),
        (f"{CPU}.workers", -2, "budgets.sgmmh.cpu.workers is -2"),
        (f"{CPU}.repeats", 0, "budgets.sgmmh.cpu.repeats is 0"),
        (f"{CPU}.options", {"width": "1e-1"}, "budgets.sgmmh.cpu.options.width is .1e-1.: .* a dot before its e"),
        (f"{CPU}.options", {"width": {"of": [1]}}, "budgets.sgmmh.cpu.options.width is not valid: an option is a text, a number"),
        (f"{CPU}.options", {"width": {"of": 1}}, "budgets.sgmmh.cpu.options.width is .'of': 1.: sgmmh_om takes 1.0 by default"),
        (f"{CPU}.options", {"width": 0}, "budgets.sgmmh.cpu.options.width is 0: sgmmh_om takes 1.0 by default, give a number above 0"),
        (f"{CPU}.accumulate", 1000, "budgets.sgmmh.cpu gives the run .sgmmh_om. batches of .* in 1000 parts: give a multiple"),
        (f"{CPU}.iterations", 10**30, "budgets.sgmmh.cpu.iterations is 1000"),
        ("seed", 2**70, "seed is 11805916.*: it should be less than or equal to"),
        (f"{CPU}.select", "luckiest", "budgets.sgmmh.cpu.select is .luckiest."),
        (f"{CPU}.average", 1.0, "budgets.sgmmh.cpu.average is 1.0"),
        (f"{CPU}.augmentations", ["flop"], "budgets.sgmmh.cpu.augmentations.0 is not valid: there is no augmentation .flop.: .*flip"),
        ("benchmarks.a.draws", {"tset": 2}, "benchmarks.a.draws"),
        ("benchmarks.a.draws", {"test": 0}, "benchmarks.a.draws.test is 0"),
        ("benchmarks.a.splits", ["dev"], "benchmarks.a.splits.0 is .dev."),
        ("benchmarks.a.title", 5, "benchmarks.a.title is 5"),
        ("papers", ["sgmmh"], r"papers is \[.sgmmh.\]"),
        # Names that reach the shell or the disk.
        ("benchmarks.a.name", "/home/user", "benchmarks.a.name is not valid: ./home/user. cannot be a name"),
        ("benchmarks.a.name", "..", "benchmarks.a.name is not valid: .... cannot be a name"),
        ("benchmarks.a.name", "x" * 100, "benchmarks.a.name is not valid"),
        ("sources.ccp.folder", "../other", "sources.ccp.folder is not valid: .../other. is no folder below DATA"),
        ("sources.ccp.folder", "/data", "sources.ccp.folder is not valid"),
    ],
)
def test_a_slip_is_one_sentence_with_file_and_key(tmp_path, path, value, message):
    with pytest.raises(ParameterError, match=message) as caught:
        load_profile(write(tmp_path, changed(path, value)))

    assert str(caught.value).startswith('"own.yaml"')
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", ["benchmarks", "sources", "papers", "runs", "budgets"])
@pytest.mark.parametrize("name", ["x; touch PWN1; echo ", "$(touch PWN2)", "../b", "/b", "a b", "", "-p", "a{b}", "a\nb"])
def test_names_are_names(tmp_path, part, name):
    content = copy.deepcopy(PLAIN)
    content[part][name] = next(iter(content[part].values()))

    with pytest.raises(ParameterError, match="cannot be a name") as caught:
        load_profile(write(tmp_path, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["seed", "sources", "benchmarks", "runs", "papers", "budgets"])
def test_a_missing_key_is_named(tmp_path, key):
    content = {name: value for name, value in PLAIN.items() if name != key}

    with pytest.raises(ParameterError, match=f'"own.yaml" lacks the key "{key}"'):
        load_profile(write(tmp_path, content))


def test_the_file_that_holds_the_slip_is_named(tmp_path):
    profile = {"extends": "smoke.yaml", "budgets": {"frih": {"iterations": "many"}}, "runs": {"frih": {"method": "harmonizer"}}}

    with pytest.raises(ParameterError, match=r'"own.yaml": budgets.frih.iterations is .many.'):
        load_profile(write(tmp_path, profile))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", '"own.yaml" is empty'),
        ("- seed", '"own.yaml" is no mapping of keys'),
        ("seed: [", '"own.yaml" is not valid YAML'),
        ("seed: !!python/object/apply:os.getcwd []", '"own.yaml" is not valid YAML'),
        ("seed: 1\nseed: 2", '"own.yaml": the key "seed" stands in line 1 and again in line 2'),
        ("extends: large.yaml", "extends is 'large.yaml', which is no file of the folder config"),
        ("extends: ../config/smoke.yaml", "extends is '../config/smoke.yaml', which is no file"),
        ("extends: [smoke.yaml]", "which is no file of the folder config"),
    ],
)
def test_a_file_that_is_no_profile_is_refused(tmp_path, text, message):
    (tmp_path / "own.yaml").write_text(text)

    with pytest.raises(ParameterError, match=message):
        load_profile(tmp_path / "own.yaml")


def test_a_bomb_of_aliases_is_refused_at_once(tmp_path):
    levels = "\n".join(f"  x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 9)}]" for level in range(1, 30))
    head = yaml.safe_dump(changed("sources.ccp.options", {}))
    (tmp_path / "own.yaml").write_text(head.replace("options: {}", f"options:\n        x0: &x0 [1]\n{levels.replace('  x', '        x')}"))

    with pytest.raises(ParameterError, match="aliases that blow it up to more than 100000 entries"):
        load_profile(tmp_path / "own.yaml")


def test_every_name_has_a_folder_of_its_own(tmp_path):
    for part in ("benchmarks", "sources", "papers", "runs"):
        first = next(iter(PLAIN[part]))
        content = copy.deepcopy(PLAIN)
        content[part][first.upper()] = content[part][first]
        with pytest.raises(ParameterError, match=f'would share a folder with "{first}": give it another name'):
            load_profile(write(tmp_path, content))
    content = copy.deepcopy(PLAIN)
    content["papers"]["Parts"] = content["papers"]["sgmmh"]
    with pytest.raises(ParameterError, match=r'papers\.Parts would share a folder with "parts"'):
        load_profile(write(tmp_path, content))


def test_a_profile_has_a_name_that_a_folder_can_have(tmp_path):
    (tmp_path / "$(touch PWN).yaml").write_text(yaml.safe_dump(PLAIN))

    with pytest.raises(ParameterError, match="cannot be a name"):
        load_profile(tmp_path / "$(touch PWN).yaml")


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(ParameterError, match=r'no profile "large": choose one of .*paper, small, smoke'):
        load_profile("large")


def test_what_profiles_extend_is_no_profile():
    with pytest.raises(ParameterError, match='no profile "papers"'):
        load_profile("papers")


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


def test_every_method_of_the_papers_tables_is_trained_in_the_paper_profile():
    profile = load_profile("paper")
    plans = [profile.paper(paper) for paper in profile.papers]
    scored = {run.scored_as for plan in plans for run in plan.runs} | {name for plan in plans for name in plan.weightless}

    assert set(methods()["method_id"]) - NO_RUNS <= scored | {f"{name}_pcm" for name in scored}
