"""Claims of Sg-MMH: what is judged, on what data, and what cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from miniature_sgmmh import METHOD_ERRORS, make_artefacts, region_rows, score_rows

from reproduction.kit.findings import AGREES, CANNOT_SAY, DIFFERS, NOT_TESTABLE
from reproduction.kit.verdicts import Construction, Evidence, Setting, judge
from reproduction.profiles import load_profile
from reproduction.sgmmh import artefacts, claims, directions, numbers, summary


@pytest.fixture(scope="module")
def good_artefacts(tmp_path_factory: pytest.TempPathFactory) -> artefacts.Artefacts:
    """Artefacts in which every method beats the one before it in the paper's table."""
    return make_artefacts(tmp_path_factory.mktemp("good"), score_rows(METHOD_ERRORS))


@pytest.mark.parametrize(("regions", "expected"), [(1, 1), (4, 1), (5, 2), (9, 2), (10, 3)])
def test_at_most_a_fifth_of_the_regions_and_one_is_drawn(regions, expected):
    assert claims.most_drawn(regions) == expected


def test_network_and_settings_are_the_papers():
    # C09 also looks at composites on disk.
    settings = {name: claim for name, claim in claims.CLAIMS.items() if isinstance(claim, (Setting, Construction)) and name != "sgmmh-C09"}

    assert len(settings) == 18
    assert {result.claim_id: result.verdict for result in judge(settings)} == dict.fromkeys(settings, AGREES)


@pytest.fixture
def published(good_artefacts):
    """Artefacts of the paper profile whose benchmarks say how many photographs they were made of."""

    def make(**counts: dict[str, int]) -> Evidence:
        profile = load_profile("paper")
        plan = replace(good_artefacts.plan, benchmarks=profile.paper("sgmmh").benchmarks)
        manifests = {
            name: {"counts": {name: {split: {"photographs": number} for split, number in splits.items()}}}
            for name, splits in counts.items()
        }
        workspace = replace(good_artefacts.workspace, profile=profile)
        return Evidence(replace(good_artefacts, workspace=workspace, plan=plan, manifests=manifests), {})

    return make


@pytest.mark.parametrize(("train", "test", "verdict"), [(20_210, 2000, CANNOT_SAY), (20_210, 3000, DIFFERS), (15_000, 2000, DIFFERS)])
def test_split_sizes_of_scenes_are_judged_as_far_as_they_are_public(published, train, test, verdict):
    found = claims.CLAIMS["sgmmh-C03"](published(ade20k={"train": train, "test": test}), np.nan)

    assert (found.verdict, found.ours.mean) == (verdict, train)
    assert f"validation {test:,}" in found.note


@pytest.mark.parametrize(("test", "verdict"), [(10_000, CANNOT_SAY), (20_000, AGREES), (20_001, DIFFERS)])
def test_people_without_public_labels_cannot_be_counted(published, test, verdict):
    found = claims.CLAIMS["sgmmh-C04"](published(lip={"train": 30_462, "test": test}), 50_462)

    assert (found.verdict, found.ours.mean) == (verdict, 30_462 + test)


@pytest.mark.parametrize("claim", ["sgmmh-C03", "sgmmh-C04", "sgmmh-C05"])
def test_counts_of_photographs_need_the_data_set_itself(good_artefacts, claim):
    assert claims.CLAIMS[claim](Evidence(good_artefacts, {}), 1.0).verdict == NOT_TESTABLE


@pytest.mark.parametrize(
    ("errors", "noise", "expected"),
    [
        (METHOD_ERRORS, 1.0, AGREES),
        ({**METHOD_ERRORS, "sgmmh_omgan": 300.0}, 1.0, DIFFERS),
        ({**METHOD_ERRORS, "sgmmh_om": 200.0, "sgmmh_rgb": 200.0}, 0.0, CANNOT_SAY),
    ],
)
def test_improvement_is_judged_by_all_comparisons(tmp_path, errors, noise, expected):
    tested = make_artefacts(tmp_path, score_rows(errors, noise=noise))

    found = claims.improvement(Evidence(tested, {"differences": numbers.differences(tested)}), np.nan)

    assert found.verdict == expected


def test_summary_gives_a_reason_for_every_verdict_but_agreement(good_artefacts):
    signs = directions.agreement(region_rows([5, -5, 5], [1, 1, -1]))
    differences = numbers.differences(good_artefacts)

    results = judge({"sgmmh-C27": claims.improvement}, Evidence(good_artefacts, {"differences": differences}))

    table = summary.summary_table(good_artefacts, differences, signs, results)

    assert (table.loc[table["verdict"] != AGREES, "likely reason"] != "").all()
    assert table.query("quantity == 'MSE, OM - RGB'")["verdict"].tolist() == [AGREES, AGREES]
