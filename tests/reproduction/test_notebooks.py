"""What every notebook says about itself: its number, its neighbors, how long it takes, and of which type its parameters are."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import papermill
import pytest

from reproduction.workspace import KINDS

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def head(path: Path) -> list[str]:
    """The first two cells: what it is about; what it needs, leaves and takes."""
    return [cell.source for cell in nbformat.read(path, 4).cells[:2]]


@every_notebook
def test_a_title_begins_with_the_number_of_the_file(path):
    assert head(path)[0].startswith(f"# {path.name[:2]}. ")


@every_notebook
def test_a_notebook_says_how_long_it_takes_to_read_and_to_run(path):
    assert re.search(r"\*\*Time\*\*: \d+ minutes to read; .+ to run", head(path)[1])


def test_notebooks_are_linked_in_their_order():
    for path, following in pairwise(NOTEBOOKS):
        title = re.match(r"# (\d\d\. [^\n:]*)", head(following)[0]).group(1)
        back = re.match(r"# (\d\d\. [^\n:]*)", head(path)[0]).group(1)

        assert f"Next: [{title}]({following.name})" in head(path)[1]
        assert f"Previous: [{back}]({path.name})" in head(following)[1]


@every_notebook
def test_every_parameter_has_a_kind_that_is_checked(path):
    kinds = {annotation.__name__ if annotation in (str, int, float) else str(annotation) for annotation in KINDS}

    parameters = papermill.inspect_notebook(str(path))

    assert parameters
    assert {name for name, found in parameters.items() if found["inferred_type_name"] not in kinds} == set()


@every_notebook
def test_every_link_to_a_file_leads_somewhere(path):
    texts = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]
    targets = {target for text in texts for target in re.findall(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)", text)}

    assert any(target.startswith("../docs/solutions/") for target in targets)
    assert {target for target in targets if not (path.parent / target).exists()} == set()
