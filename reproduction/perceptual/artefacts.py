"""What the exhibits of the no-reference paper are made from."""

from __future__ import annotations

from harmlib import models
from harmlib.errors import DataError
from harmlib.models.base import HarmonizationModel
from harmlib.training.plan import RunPlan
from reproduction.kit import artefacts
from reproduction.kit.artefacts import BASELINE, Artefacts
from reproduction.workspace import Workspace

PAPER = "perceptual"
# The two data sets of tables 2 and 3; ours that stand for them have other names.
IHARMONY4, COCO_EXP = "iHarmony4", "COCO-Exp"
TRUE_MASK, TWO_STAGE = "dih_m", "ptc_dih_twostage"
# The end-to-end methods, which see no mask, in the order of table 2: worst first.
NO_MASK = ("dih_nm", "ptc_att_dih", "ptc_dih")
# Methods by the names of tables 1 to 3. Table 1's "DIH" is released weights; ours are those of DIH-M.
LABELS = {
    BASELINE: "composite",
    TRUE_MASK: "DIH-M",
    "dih_nm": "DIH-NM",
    "ptc_att_dih": "PTC-att-DIH",
    "ptc_dih": "PTC-DIH",
    TWO_STAGE: "PTC+DIH",
}
DETECTOR = "ptc"
LPIPS_MISSING = "LPIPS weights missing"


def open_artefacts(workspace: Workspace) -> Artefacts:
    """Return the artefacts of a workspace; raises DataError for one that is not finished, with the step that makes it."""
    return artefacts.open_artefacts(workspace, PAPER, LABELS)


def benchmark_of(opened: Artefacts, dataset: str) -> str:
    """Return the scored benchmark that stands for one of the paper's data sets; raises DataError when a profile has none."""
    names = [plan.name for plan in opened.plan.benchmarks if plan.dataset == dataset]
    if not names:
        raise DataError(f'profile "{opened.workspace.profile.name}" has no benchmark that stands for {dataset}: add one to the paper')
    return names[0]


def detector_run(opened: Artefacts) -> RunPlan:
    """Return the run of the detector; raises DataError when a profile has none."""
    runs = [run for run in opened.plan.runs if run.method == DETECTOR]
    if not runs:
        raise DataError(f'profile "{opened.workspace.profile.name}" has no run of "{DETECTOR}", the detector: add one to the paper')
    return runs[0]


def load_detector(opened: Artefacts) -> HarmonizationModel:
    """Return the trained detector; raises DataError when a profile has none."""
    return models.load(opened.workspace.results.run(detector_run(opened).name))
