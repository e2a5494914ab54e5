"""The site: its pages laid out, its links looked up, and a small one built and opened in a real browser."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

from harmlib.errors import DataError, ParameterError
from harmlib.io.files import sha256, write_json
from reproduction.site import building
from reproduction.site.api import ROOMS, to_rst, write_api
from reproduction.site.links import broken_links
from reproduction.site.staging import entry_points, settle_links, stage_documents, stage_notebook


def write(folder: Path, **pages: str) -> None:
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")


def test_links_that_lead_somewhere_are_passed(tmp_path):
    write(
        tmp_path, a='<a href="b.html#there">b</a> <a href="#own">own</a> <p id="own">', b='<p id="there"> <a href="https://example.org/x">'
    )

    assert broken_links(tmp_path) == []


@pytest.mark.parametrize("link", ["c.html", "b.html#nowhere", "#nowhere", "pictures/p.png", "../outside.html"])
def test_a_link_that_leads_nowhere_is_named(tmp_path, link):
    write(tmp_path, a=f'<img src="{link}">', b='<p id="there">')

    assert broken_links(tmp_path) == [f"a.html: {link}"]


@pytest.fixture
def executed(tmp_path: Path) -> Path:
    """An executed copy: a title, the parameters of its run, and a picture with an alternative text."""
    picture = nbformat.v4.new_output("display_data", {"image/png": "AA=="}, metadata={"image/png": {"alt": "two curves"}})
    injected = nbformat.v4.new_code_cell('results = "/somewhere/results"', metadata={"tags": ["injected-parameters"]})
    log = nbformat.v4.new_output("stream", name="stderr", text=f"weights {tmp_path / 'smoke' / 'runs' / 'ptc'}\n")
    drawn = nbformat.v4.new_code_cell("draw()", outputs=[log, picture])
    cells = [nbformat.v4.new_markdown_cell("# 99. Title\n\nQuestion."), injected, drawn]
    copy = tmp_path / "smoke" / "notebooks" / "99_title.ipynb"
    copy.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), copy)
    return copy


def test_a_staged_notebook_names_no_folder_of_its_run(executed, tmp_path):
    stage_notebook(executed, tmp_path / "staged.ipynb")

    staged = (tmp_path / "staged.ipynb").read_text()
    assert "/somewhere" not in staged
    assert str(tmp_path) not in staged
    assert "weights smoke/runs/ptc" in staged


def test_alternative_texts_come_along(executed, tmp_path):
    stage_notebook(executed, tmp_path / "staged.ipynb")

    assert nbformat.read(tmp_path / "staged.ipynb", 4).cells[-1].metadata["mystnb"] == {"image": {"alt": "two curves"}}


def test_documents_that_an_output_links_to_are_linked_as_html(executed, tmp_path):
    notebook = nbformat.read(executed, 4)
    text = "[a](../../docs/queue.md) [b](../../docs/studies.md#there) [out](https://example.org/queue.txt)"
    notebook.cells.append(nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", {"text/markdown": text})]))
    nbformat.write(notebook, executed)

    stage_notebook(executed, tmp_path / "staged.ipynb")

    shown = nbformat.read(tmp_path / "staged.ipynb", 4).cells[-1].outputs[0].data["text/markdown"]
    assert shown == "[a](../../docs/queue.html) [b](../../docs/studies.html#there) [out](https://example.org/queue.txt)"


def test_the_line_of_entry_points_stands_below_the_title(executed, tmp_path):
    stage_notebook(executed, tmp_path / "staged.ipynb", entry_points("owner/name", "99_title.ipynb"))

    lines = nbformat.read(tmp_path / "staged.ipynb", 4).cells[0].source.splitlines()
    assert lines[0] == "# 99. Title"
    assert "colab.research.google.com/github/owner/name/blob/main/notebooks/99_title.ipynb" in lines[2]
    assert "mybinder.org/v2/gh/owner/name/HEAD?urlpath=lab/tree/notebooks/99_title.ipynb" in lines[2]


def test_files_that_pages_link_to_come_along_and_folders_lose_their_links(tmp_path):
    (tmp_path / "index.md").write_text("[card](harmlib/weights/harmonizer.json) [code](docs/solutions) [out](https://example.org)")

    settle_links(tmp_path, [tmp_path / "index.md"])

    assert (tmp_path / "index.md").read_text() == "[card](harmlib/weights/harmonizer.json) code [out](https://example.org)"
    assert (tmp_path / "harmlib" / "weights" / "harmonizer.json").is_file()


def test_every_document_becomes_a_page(tmp_path):
    names = stage_documents(tmp_path)

    assert {"docs/extending", "docs/methods/frih", "data/README", "results/smoke/scoreboard", "results/night/README"} <= set(names)
    assert all((tmp_path / f"{name}.md").is_file() for name in [*names, "index"])


def test_an_api_page_lists_the_modules_of_its_room(tmp_path):
    write_api(tmp_path, ["metrics"])

    assert ".. automodule:: harmlib.metrics.functional" in (tmp_path / "metrics.md").read_text()


def test_a_docstring_flows_and_its_stars_stay_stars():
    lines = ["Return ``a * b`` of x_ and *these*, |y|", "in one paragraph.", "", "- a list", "  goes on"]

    expected = [r"Return ``a * b`` of x\_ and \*these\*, \|y\|", "in one paragraph.", "", "- a list", "  goes on", ""]
    assert to_rst(lines) == expected


def test_examples_and_columns_of_a_docstring_stay_as_written():
    lines = ["", ">>> 2 * 3", "6", "", "name    what", "a*      b"]

    assert to_rst(lines) == [">>> 2 * 3", "6", "", ".. code-block:: text", "", "   name    what", "   a*      b", ""]


def test_every_room_of_the_library_has_a_page():
    import harmlib

    inside = {path.stem for path in Path(harmlib.__path__[0]).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    helpers = {"__init__", "__main__", "commands", "extras", "lazy", "progress", "registry", "seeds", "threads", "weights"}
    assert set(ROOMS) == inside - helpers


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "NEEDED", ())
    (tmp_path / "letter.txt").write_text("dear reader")

    with pytest.raises(ParameterError, match="holds something else than a site"):
        building.build_site(tmp_path)

    assert (tmp_path / "letter.txt").exists()


def test_an_unknown_notebook_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "NEEDED", ())

    with pytest.raises(ParameterError, match='there is no notebook "41_sgmmh": choose from 00_start_here'):
        building.build_site(tmp_path / "site", notebooks=["41_sgmmh"])


def test_a_file_in_place_of_the_folder_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "NEEDED", ())
    (tmp_path / "letter.txt").write_text("dear reader")

    with pytest.raises(ParameterError, match="holds something else than a site"):
        building.build_site(tmp_path / "letter.txt")


@pytest.mark.parametrize("repository", ["name", "https://github.com/owner/name", "owner/name/", "owner/na me", 'o"/n', "-/ñ"])
def test_a_repository_of_another_form_is_refused(tmp_path, monkeypatch, repository):
    monkeypatch.setattr(building, "NEEDED", ())

    with pytest.raises(ParameterError, match="is no repository on GitHub: write owner/name"):
        building.build_site(tmp_path / "site", repository=repository)


def test_a_profile_without_results_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "NEEDED", ())

    with pytest.raises(DataError, match='there are no results of profile "medium"'):
        building.build_site(tmp_path / "site", profile="medium")


def test_copies_of_an_earlier_notebook_are_named(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(building, "write_api", lambda folder, rooms: [])
    notebooks = {name: building.CHECKOUT / "notebooks" / f"{name}.ipynb" for name in ("10_build_benchmark", "20_train")}
    copies = tmp_path / "smoke" / "notebooks"
    copies.mkdir(parents=True)
    for name, path in notebooks.items():
        shutil.copy(path, copies)
        ran = sha256(path) if name == "20_train" else "0" * 64
        write_json(copies / f"{name}.manifest.json", {"sha256": ran})

    building._stage(tmp_path / "pages", notebooks, tmp_path / "smoke", [], "")

    assert "shown until it runs again: 10_build_benchmark" in caplog.text
    assert "20_train" not in caplog.text


@pytest.mark.slow
@pytest.mark.skipif(any(find_spec(name) is None for name in building.NEEDED), reason='needs the extra "site" (make site installs it)')
def test_a_site_of_two_notebooks_opens_in_a_browser(browser, tmp_path):
    first = building.build_site(tmp_path / "site", notebooks=["00_start_here", "10_build_benchmark"], rooms=["errors", "color"])

    page = browser.new_page()
    page.goto(first.as_uri())
    assert "harmlib" in page.locator("h1").first.inner_text()
    page.get_by_role("link", name="00. Start here").first.click()
    assert page.locator("h1").first.inner_text().startswith("00. Start here")
    page.goto((first.parent / "api" / "color.html").as_uri())
    assert ">>>" in page.locator("article").inner_text()
    assert page.locator("article dd > p").count()  # docstrings are prose
    page.close()
