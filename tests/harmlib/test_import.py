"""What works right after ``import harmlib``, as the README writes it, in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

EXPRESSIONS = [
    "harmlib.models.load",
    "harmlib.models.load_released",
    "harmlib.models.load_public_checkpoint",
    "harmlib.inference.render.render",
    "harmlib.editor.widgets.edit",
    "harmlib.metrics.functional.fmse",
]
# Each finds harmlib not imported yet; torch, which takes seconds and knows nothing of harmlib, stays.
FRESH = """
import sys
for expression in {}:
    for name in [name for name in sys.modules if name.partition(".")[0] == "harmlib"]:
        del sys.modules[name]
    import harmlib
    assert callable(eval(expression)), expression
"""


@pytest.mark.slow
def test_the_readmes_names_work_right_after_import() -> None:
    done = subprocess.run([sys.executable, "-c", FRESH.format(EXPRESSIONS)], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_tab_completion_shows_packages_and_their_modules() -> None:
    code = "import harmlib, sys; print(*dir(harmlib), *dir(harmlib.editor), *dir(harmlib.inference)); print('torch' in sys.modules)"

    names, loaded_torch = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()

    assert {"harmonize", "detect", "models", "editor", "inference", "widgets", "render"} <= set(names.split())
    assert loaded_torch == "False"


def test_an_unknown_module_is_an_attribute_error() -> None:
    import harmlib

    with pytest.raises(AttributeError, match=r"module 'harmlib.editor' has no attribute 'sliders'"):
        harmlib.editor.sliders  # noqa: B018
