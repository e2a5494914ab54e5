"""Slips in profiles: each is one sentence with file and key."""

from __future__ import annotations

import copy

import pytest
import yaml
from plain_profile import PLAIN, changed, write

from harmlib.errors import DataError, ParameterError
from reproduction.profiles import load_profile

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
        ("leave_out", "sgmmh_om", r'leave_out is "sgmmh_om": write a list, as in \[sgmmh_om\]'),
        # Numbers that nobody means.
        (f"{CPU}.repeats", 2**31 - 1, "budgets.sgmmh.cpu.repeats is 2147483647: it should be less than or equal to 100"),
        (f"{CPU}.draws", 10**9, "budgets.sgmmh.cpu.draws is 1000000000: it should be less than or equal to 10000"),
        ("benchmarks.a.draws", {"test": 10**9}, "benchmarks.a.draws.test is 1000000000: it should be less than or equal to 10000"),
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
