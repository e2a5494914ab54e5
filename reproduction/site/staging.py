"""The pages of the site, laid out as in the repository, so that links between them hold as they are written."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import nbformat

from reproduction.checkout import CHECKOUT

DOCUMENTS = (
    "docs/*.md",
    "docs/methods/*.md",
    "data/README.md",
    "results/*/README.md",
    "results/*/scoreboard.md",
    "reproduction/papers/inconsistencies.md",
    "harmlib/data/sources/labels/README.md",
)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
PAGES = (".md", ".ipynb", ".py")
OUTPUT_LINK = re.compile(r"(\]\((?!\w+:)[^)#\s]+)\.md(?=[)#])")
INJECTED = "injected-parameters"
IMAGE, MARKDOWN = "image/png", "text/markdown"


def stage_documents(target: Path) -> list[str]:
    """Copy README and the documents into a folder; return their names without suffix, README as "index" left out."""
    names = []
    for path in sorted(path for pattern in DOCUMENTS for path in CHECKOUT.glob(pattern)):
        name = path.relative_to(CHECKOUT)
        _write(target / name, path.read_text(encoding="utf-8"))
        names.append(name.with_suffix("").as_posix())
    _write(target / "index.md", (CHECKOUT / "README.md").read_text(encoding="utf-8"))
    return names


def stage_notebook(source: Path, target: Path, head: str = "") -> None:
    """Write a notebook for the site: alternative texts where pictures have one, no folders of the machine that ran it.

    These stand in the parameters of its run, which are left out, and before its results in what it printed, which begins with the profile.
    Sphinx follows the links to documents in text cells, but not those in what a cell shows: these lead to the HTML.
    head: a line below the title.
    """
    notebook, root = nbformat.read(source, 4), source.absolute().parents[1]
    notebook.cells = [cell for cell in notebook.cells if INJECTED not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        texts = [output.metadata[IMAGE]["alt"] for output in cell.get("outputs", []) if "alt" in output.get("metadata", {}).get(IMAGE, {})]
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = output.text.replace(str(root), root.name)
            if MARKDOWN in output.get("data", {}):
                output.data[MARKDOWN] = OUTPUT_LINK.sub(r"\1.html", output.data[MARKDOWN])
        if texts:
            cell.metadata["mystnb"] = {"image": {"alt": "; ".join(texts)}}
    if head:
        title, _, rest = notebook.cells[0].source.partition("\n")
        notebook.cells[0].source = f"{title}\n\n{head}\n{rest}"
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)


def read_script(text: str) -> nbformat.NotebookNode:
    """Return a script in the percent format as a notebook; Sphinx asks for it."""
    import jupytext

    notebook = jupytext.reads(text, "py:percent")
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    return notebook


def entry_points(repository: str, notebook: str) -> str:
    """Return the line that opens a notebook on Colab and Binder; repository: "owner/name" on GitHub."""
    colab = f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/{notebook}"
    binder = f"https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/{notebook}"
    name = repository.rpartition("/")[2]
    first = f"!git clone -q https://github.com/{repository} && pip install -q './{name}[reproduction]'"
    return f"[Open in Colab]({colab}) (first run `{first}`, then `%cd {name}`) · [Open in Binder]({binder})\n"


def settle_links(folder: Path, pages: Iterable[Path]) -> None:
    """Copy the files that staged pages link to and that are no pages; a link to a folder or to what is not on the site becomes text."""
    for page in pages:
        original = CHECKOUT / ("README.md" if page == folder / "index.md" else page.relative_to(folder))

        def settled(match: re.Match[str], page: Path = page, original: Path = original) -> str:
            sign, text, place, _ = match.groups()
            if ":" in place or place.startswith("{"):
                return match.group()
            staged, there = Path(os.path.normpath(page.parent / place)), Path(os.path.normpath(original.parent / place))
            copied = there.suffix not in PAGES and there.is_file() and there.is_relative_to(CHECKOUT)
            if copied and not staged.exists():
                staged.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(there, staged)
            return match.group() if staged.is_file() else f"{sign and 'picture: '}{text}"

        if page.suffix == ".ipynb":
            notebook = nbformat.read(page, 4)
            for cell in notebook.cells:
                if cell.cell_type == "markdown":
                    cell.source = LINK.sub(settled, cell.source)
            nbformat.write(notebook, page)
        else:
            page.write_text(LINK.sub(settled, page.read_text(encoding="utf-8")), encoding="utf-8")


def _write(path: Path, text: str) -> None:
    """Write a page, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
