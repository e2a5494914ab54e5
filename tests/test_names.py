"""Every name that notebooks, solutions, benchmarks and tests import from this repository is there."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for folder in ("notebooks", "benchmarks", "tests") for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".ipynb")
)


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """The names that a file imports from harmlib and reproduction, wherever the import stands: (module, name)."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = ("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
        # What begins with % or ! is Jupyter's.
        text = "\n".join(line for cell in cells for line in cell.splitlines() if not line.lstrip().startswith(("%", "!")))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("harmlib", "reproduction"):
            yield from ((str(node.module), alias.name) for alias in node.names)


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imported_names_exist(path: Path) -> None:
    missing = []
    for module, name in imports(path):
        if not hasattr(importlib.import_module(module), name):
            try:
                importlib.import_module(f"{module}.{name}")
            except ImportError:
                missing.append(f"{module}.{name}")

    assert missing == []
