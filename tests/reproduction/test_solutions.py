"""Every exercise has a solution that runs: the scripts in docs/solutions, cell by cell, on a small finished workspace.

The scripts assert their own claims; here their parameters are set as papermill would, and the answers that they print are read.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = sorted((ROOT / "docs" / "solutions").glob("*.py"))
# Script -> what its printed answers must hold.
ANSWERS = {
    "90_scoreboard": [
        r"frih-F1 is made; 1 made",
        r"frih-F1 is not made; 0 made",
        r"\d+ claims on both profiles",
    ],
    "30_score": [
        r"joined by image 2\.67",
        r"sgmmh: MSE \d+",
        r"the ten largest losses make \d+%",
    ],
    "20_train": [
        r"halved after \[20, 30\] of 40",
        r"identity: first loss 0\.1\d+",
        r"rate at update 39: 5e-05 of 40, 2e-04 of 80",
    ],
    "10_build_benchmark": [
        r"astronaut: \d regions, 2 drawn",
        r"same composite: False",
        r"64 draws, correlation 0\.3: standard error x 0\.56",
    ],
    "00_start_here": [
        r"a lies within 12\d to 12\d",
        r"transfer helps in \d+ of 50 regions",
        r"half with the smaller distance, in 0% of the other",
        r"mean PSNR: first 28\.13 dB",
    ],
    "40_sgmmh": [
        r"inkwell leaves \d+ code",
        r"mean share left: 13% of 54 regions",
    ],
    "41_sgmmh_results": [
        r"MSE x 0\.25, PSNR \+6\.02 dB",
        r"composites \[2\.\d, 3\.\d\]: \d times as wide",
        r"best t on 8 composites is -?\d\.\d+",
        r"without effect: contrast, hue_rotate, saturate",
    ],
    "50_frih": [
        r"d_c = 0\.3: \d+ submasks",
        r" 1 +without its least area +0\.\d+",
    ],
    "51_frih_results": [
        r"FRIH: r = 2\.26%",
        r"34\.18 by its columns",
        r"one part: 2\d\.\d% of the error left",
        r"submasks less random: -\d+\.\d% \[",
        r"submasks have \d+ connected pieces",
    ],
    "55_baselines": [
        r"mean L of the petals: \d+, moved \d+",
        r"4 systems on 11 composites",
        r"climbs most: from place \d to place \d of 4",
        r"0\.28 there",
    ],
    "60_harmonizer": [
        r"found temperature -0\.\d+",
        r"brightness \+ contrast +-0\.300 +0\.000",
    ],
    "62_harmonizer_results": [
        r"one color beats the composite on \d+ of \d+ foregrounds",
        r"31\.14 dB with the whole range",
        r"MSE own - constant: [+-]\d",
        r"brightness +-0\.30 +0\.00",
    ],
    "61_harmonizer_video": [
        r"half after 69 frames, 22% after 25",
        r"best w: 0\.88 for d = 0\.0005",
        r"gray foreground has -0\.0\d+",
        r"both ways: half of the jump 0 frames late",
    ],
    "70_perceptual_detector": [
        r"saucer: mean L \d+, one stop brighter \d+",
        r"F1 0\.857",
        r"from 0\.\d to 8\.\d \(n = 54\)",
        r"5 % false alarms \(0\.\d+\), one stop",
    ],
    "71_perceptual_two_stages": [
        r"a mask of 0\.5: 25% of the MSE left",
        r"better than the true one on \d+ of 1\d composites",
    ],
    "72_perceptual_no_mask": [r"8 units: mean weight 1/8; the product has 1/[78]", r"\d of 11 pictures beat the composite"],
    "85_editor": [
        r"all × 0 is the composite, up to [01] levels",
        r"a and b \[127\. 127\.\]",
        r"right direction in \d+ of 1\d composites",
        r"the same picture: True; 2 edits undone",
    ],
    "91_why_rankings_flip": [
        r"mean of PSNRs 30\.0 dB, PSNR of the mean 23\.0 dB",
        r"Hday2night weighs 3\.7%; by images it weighs 1\.8%",
        r"both at once on \d",
    ],
    "92_harmonize_again": [
        r"settled at pass 4",
        r"harmonizer: \d passes chosen",
        r"half a correction beats both",
        r"second pass moves foregrounds by 0\.\d+ levels",
    ],
    "93_leave_it_alone": [
        r"two photographs: 0\.75",
        r"dih_nm: area under the curve (0\.\d+), AUC of the notebook \1",
        r"reinhard_lab and histogram: rank correlation",
    ],
    "80_answers_to_scores": [r"errors smaller by 3\.16", r"W = 0\.44", r"p = 0\.02\d"],
    "81_user_studies": [
        r"36\.7 % of 660 are \[242\] votes",
        r"a fixed first place gives RainNet \d+\.\d points",
        r"one taste: four studies of five from \d+ raters on",
    ],
}


@pytest.fixture(scope="module")
def finished(finished_workspace):
    """The parameters of a small finished workspace."""
    profile, workspace = finished_workspace
    return {"profile": str(profile), "results": str(workspace.results.root.parent)}


def read_exercises(name: str) -> str:
    """Return the cell of a notebook that holds its exercises."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return next(text for cell in reversed(cells) if "## Try this" in (text := "".join(cell["source"])))


def run_cells(path: Path, parameters: dict[str, str]) -> None:
    """Run a script's cells in one namespace, with ``parameters`` behind its own."""
    names: dict[str, object] = {"__name__": "__main__"}
    for cell in re.split(r"(?m)^(?=# %%)", path.read_text(encoding="utf-8")):
        exec(compile(cell, str(path), "exec"), names)
        if cell.startswith('# %% tags=["parameters"]'):
            names.update(parameters)


@pytest.mark.slow
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_runs_and_prints_its_answers(path, finished, capsys):
    run_cells(path, finished)

    printed = capsys.readouterr().out
    for answer in ANSWERS[path.stem]:
        assert re.search(answer, printed), answer


def test_every_solution_belongs_to_a_notebook_that_names_it():
    for path in SOLUTIONS:
        assert f"docs/solutions/{path.name}" in read_exercises(path.stem)


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_answers_every_exercise_of_its_notebook(path):
    exercises = re.findall(r"(?m)^(\d)\. \*\*", read_exercises(path.stem))
    headings = re.findall(r"(?m)^# ## ([\d and]+)\.", path.read_text(encoding="utf-8"))

    assert exercises
    assert sorted(number for heading in headings for number in re.findall(r"\d", heading)) == exercises
