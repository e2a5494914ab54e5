"""What the exhibits of FRIH are made from."""

from __future__ import annotations

from harmlib.metrics.protocols import DEFAULT
from reproduction.kit import artefacts
from reproduction.kit.artefacts import BASELINE, Artefacts
from reproduction.kit.names import CLASSICAL, FRIH, HARMONIZER, LEARNED
from reproduction.workspace import Workspace

PAPER = METHOD = "frih"
STAGE_ONE = "frih_baseline"
# Methods by the names of tables 1 to 6, ours in the order of the ablation.
LABELS = {
    BASELINE: "Input composite",
    **CLASSICAL,
    **LEARNED,
    **HARMONIZER,
    STAGE_ONE: "Baseline",
    "frih_globalmask": "Cascade Globalmask",
    "frih_submask": "Cascade Submask",
    **FRIH,
    **{f"frih_dc{d_c}": f"FRIH d_c={d_c}" for d_c in ("0.01", "0.05", "0.2", "0.3", "0.4")},
}
# What tables 1, 2 and 6 compare: all systems but FRIH's own variants.
COMPARED = (BASELINE, *CLASSICAL, *LEARNED, *HARMONIZER, METHOD)


def open_artefacts(workspace: Workspace) -> Artefacts:
    """Return the artefacts of a workspace, scored under the default protocol; raises DataError for one that is not finished.

    Paper: metrics on RGB at 256x256, without code or further rules. That is our default protocol.
    """
    return view(artefacts.open_artefacts(workspace, PAPER, LABELS, shown=[METHOD]))


def view(opened: Artefacts) -> Artefacts:
    """Return any artefacts as the tables of FRIH read them: its names and its protocol."""
    return opened.seen_as(LABELS, (DEFAULT,))
