"""What comments, docstrings and pages cite is in this repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "config", "data", "docs", "harmlib", "notebooks", "reproduction", "tests")
SUFFIXES = (".ipynb", ".md", ".py", ".smk", ".toml", ".txt", ".yaml")
CITING = sorted(
    path
    for path in (*ROOT.iterdir(), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*")))
    if path.is_file() and (path.suffix in SUFFIXES or path.name in ("Makefile", "Snakefile")) and "__pycache__" not in path.parts
)
NAMES = tuple(f"/{path.relative_to(ROOT).as_posix()}" for path in CITING)
# Pages anywhere, and sources that are named from the root on. A star or a placeholder cites no single file.
PAGE = re.compile(r"(?<![\w/.*<>{}~-])[\w.-]+(?:/[\w.-]+)*\.md\b")
FROM_ROOT = re.compile(rf"(?<![\w/.*<>{{}}~-])(?:{'|'.join(FOLDERS)})(?:/[\w.-]+)+\.(?:ipynb|npz|py|toml|yaml)\b")
# The folders beside the checkout in which the project was planned.
OUTSIDE = re.compile(r"\bspecs[/]\w+\.md|[.][.]/shared|\bshared[/](?:data|golden|papers|specs)")
WRITTEN = {"scoreboard.md", "index.md", "metrics.md"}  # by a run, and for the site


def cited(text: str) -> set[str]:
    """The files that a text cites."""
    return {*PAGE.findall(text), *FROM_ROOT.findall(text)} - WRITTEN


def is_there(citation: str, citing: Path) -> bool:
    """Whether a citation is a file of the repository: seen from its root, from the citing file, or by the end of its path."""
    beside = (ROOT / citation, citing.parent / citation)
    return any(path.exists() for path in beside) or any(name.endswith(f"/{citation}") for name in NAMES)


@pytest.mark.parametrize("path", CITING, ids=lambda path: str(path.relative_to(ROOT)))
def test_cited_files_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert sorted(citation for citation in cited(text) if not is_there(citation, path)) == []
    assert OUTSIDE.findall(text) == []


def test_a_citation_of_a_missing_page_is_noticed() -> None:
    page, file = "docs/methods/no_such" + ".md", "harmlib/no_such" + ".py"

    assert cited(f"as {page} says (see {file}); results are in scoreboard.md") == {page, file}
    assert not is_there(page, Path(__file__))
    assert is_there("methods/frih.md", Path(__file__))


def test_the_page_of_the_data_describes_every_pack_that_notebooks_and_profiles_read() -> None:
    from reproduction.harmonizer import clips, figures
    from reproduction.kit import genuine, labelme
    from reproduction.profiles import load_profile

    packs = {clips.PACK, genuine.PACK, labelme.PACK, *figures.PACKS, figures.LARGE[0].split("/")[0]}
    folders = {str(plan.folder) for name in ("small", "night", "paper") for plan in load_profile(name).sources.values() if plan.folder}

    page = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert {name for name in packs | folders if f"{name}/" not in page and f"`{name}`" not in page} == set()
