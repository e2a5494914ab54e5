"""Notebook 85 where nothing was trained: it runs, says so, and its recipe plays back."""

from __future__ import annotations

from pathlib import Path

import pytest

from harmlib.io.files import read_json
from harmlib.io.images import read_image
from reproduction.checkout import CHECKOUT
from reproduction.workflow import run_notebook


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the notebook, without any finished run; operator masks are edited."""
    folder = tmp_path_factory.mktemp("editor")
    notebook = CHECKOUT / "notebooks" / "85_editor.ipynb"
    run_notebook(notebook, folder / "copy.ipynb", {"results": str(folder), "method": "sgmmh_omgan", "factors": [1, 2], "shifts": [0, 8]})
    return folder


@pytest.mark.notebooks
@pytest.mark.slow
def test_pictures_of_fresh_weights_are_called_untrained(results):
    assert 'sgmmh_omgan, untrained, because there are no released weights of \\"sgmmh_omgan\\"' in (results / "copy.ipynb").read_text()


@pytest.mark.notebooks
@pytest.mark.slow
def test_the_notebook_leaves_a_picture_and_its_recipe(results):
    recipe = read_json(results / "smoke" / "editor" / "edited.json")

    picture = read_image(results / "smoke" / "editor" / recipe["picture"]["file"])
    assert picture.shape[:2] == (recipe["composite"]["height"], recipe["composite"]["width"])


@pytest.mark.notebooks
@pytest.mark.slow
def test_the_notebook_shows_the_editor(results):
    assert "application/vnd.jupyter.widget-view+json" in (results / "copy.ipynb").read_text()
