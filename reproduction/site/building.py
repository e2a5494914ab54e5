"""From the repository to a folder of HTML."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harmlib.errors import DataError, ParameterError
from harmlib.io.files import read_json, sha256
from reproduction.checkout import CHECKOUT
from reproduction.site.api import ROOMS, write_api
from reproduction.site.links import broken_links
from reproduction.site.staging import entry_points, settle_links, stage_documents, stage_notebook
from reproduction.workflow import MANIFEST_SUFFIX

logger = logging.getLogger(__name__)

NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme", "sphinx_copybutton", "jupytext")
# Its presence says that a folder is a site of ours, and may be replaced.
MARK = ".harmlib-site"
REPOSITORY = re.compile(r"[A-Za-z0-9-]+/[\w.-]+", re.ASCII)


def build_site(
    out: Path,
    *,
    profile: str = "smoke",
    results: Path = CHECKOUT / "results",
    notebooks: Sequence[str] = (),
    rooms: Sequence[str] = ROOMS,
    repository: str = "",
) -> Path:
    """Build the site into a folder, whose earlier site is replaced; return its first page.

    profile: whose executed notebooks are shown where it has them; the others are shown as they are, without outputs. notebooks: stems;
    none means all. rooms: of the library, a page each. repository: "owner/name" on GitHub, for links to Colab and Binder.
    Raises ParameterError without the extra "site", for an unknown notebook, a repository of another form and a folder that holds
    something else; DataError when the profile has no results, Sphinx stops or a link leads nowhere.
    """
    if any(find_spec(name) is None for name in NEEDED):
        raise ParameterError('the site needs Sphinx and its theme: pip install ".[site]", or make site, which does so')
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARK).exists())):
        raise ParameterError(f'"{out}" holds something else than a site: name another folder')
    if repository and not REPOSITORY.fullmatch(repository):
        raise ParameterError(f'"{repository}" is no repository on GitHub: write owner/name')
    if not (results / profile).is_dir():
        raise DataError(f'there are no results of profile "{profile}" in "{results}": run make reproduce, or name another profile')
    known = {path.stem: path for path in sorted((CHECKOUT / "notebooks").glob("*.ipynb"))}
    unknown = [name for name in notebooks if name not in known]
    if unknown:
        raise ParameterError(f'there is no notebook "{unknown[0]}": choose from {", ".join(known)}')
    with tempfile.TemporaryDirectory() as temporary:
        staged, html = Path(temporary) / "pages", Path(temporary) / "html"
        _stage(staged, {name: known[name] for name in notebooks or known}, results / profile, rooms, repository)
        _run_sphinx(staged, html)
        broken = broken_links(html)
        if broken:
            raise DataError(f"{len(broken)} links of the site lead nowhere: {'; '.join(broken[:5])}")
        (html / MARK).touch()
        if out.exists():
            shutil.rmtree(out)
        shutil.copytree(html, out)
    logger.info("%d pages in %s, every internal link checked", len(list(out.rglob("*.html"))), out / "index.html")
    return out / "index.html"


def _stage(folder: Path, notebooks: dict[str, Path], results: Path, rooms: Sequence[str], repository: str) -> None:
    """Write every page, and the table of contents at the end of the first."""
    documents = stage_documents(folder)
    executed, outdated = 0, []
    for name, path in notebooks.items():
        copy = results / "notebooks" / path.name
        executed += copy.exists()
        if copy.exists() and _ran(copy) != sha256(path):
            outdated.append(name)
        head = entry_points(repository, path.name) if repository else ""
        stage_notebook(copy if copy.exists() else path, folder / "notebooks" / path.name, head)
        solution = CHECKOUT / "docs" / "solutions" / f"{name}.py"
        if solution.exists():
            (folder / "docs" / "solutions").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(solution, folder / "docs" / "solutions" / solution.name)
    logger.info("%d of %d notebooks with the outputs of %s", executed, len(notebooks), results.name)
    if outdated:
        logger.warning("as an earlier version of the notebook ran, shown until it runs again: %s", ", ".join(outdated))
    pages = [page for page in folder.rglob("*") if page.suffix in (".md", ".ipynb")]
    settle_links(folder, pages)
    solutions = sorted(path.stem for path in (folder / "docs" / "solutions").glob("*.py"))
    contents = {
        "Notebooks": [f"notebooks/{name}" for name in notebooks],
        "Documents": documents,
        "Library": [f"api/{name}" for name in write_api(folder / "api", rooms)],
        "Solutions": [f"docs/solutions/{name}" for name in solutions],
    }
    with (folder / "index.md").open("a", encoding="utf-8") as index:
        for caption, names in contents.items():
            entries = "\n".join(names)
            index.write(f"\n```{{toctree}}\n:hidden:\n:maxdepth: 1\n:caption: {caption}\n\n{entries}\n```\n")


def _ran(copy: Path) -> str:
    """Return the check sum of the notebook that an executed copy was made from; empty without a manifest."""
    manifest = copy.with_suffix(MANIFEST_SUFFIX)
    return read_json(manifest)["sha256"] if manifest.exists() else ""


def _run_sphinx(source: Path, html: Path) -> None:
    """Run Sphinx; raises DataError with its last words when it stops or warns."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(Path(__file__).parent), str(source), str(html)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.replace(str(source), "").strip().splitlines()
        raise DataError(f"Sphinx refused the pages ({len(lines)} lines): {' | '.join(lines[:20])}")
