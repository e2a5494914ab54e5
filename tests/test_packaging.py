"""What an installation brings: requirements, extras, and a wheel that works without this checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Import names of what the extras bring.
NOT_IN_THE_BASE = (
    *("av", "ipycanvas", "ipywidgets", "kornia", "lightning_fabric", "lpips", "pilgram", "pycocotools"),
    *("IPython", "choix", "jupyterlab", "matplotlib", "papermill", "seaborn", "sklearn", "snakemake", "yaml"),
)
HIDE = f"import sys; sys.modules.update(dict.fromkeys({NOT_IN_THE_BASE}))\n"


# Only a cluster and the site need these; the checkout's environment does not.
APART = ("slurm", "site")


def test_requirements_are_those_of_all_extras() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    extras = [requirement for name, extra in METADATA["optional-dependencies"].items() for requirement in extra if name not in APART]

    everything = [*METADATA["dependencies"], *(requirement for requirement in extras if not requirement.startswith("harmlib["))]
    assert sorted(everything) == sorted(line for line in lines if line and not line.startswith("#"))


def test_the_reproduction_brings_every_other_extra() -> None:
    extras = METADATA["optional-dependencies"]

    assert extras["reproduction"][0] == f"harmlib[{','.join(name for name in extras if name not in ('reproduction', *APART))}]"


STEP = "from harmlib.perturbations import apply_step; apply_step(numpy.zeros((2, 2, 3), 'uint8'), {'name': %r, 'filter': %r})"
# What is done -> the extra that it needs.
ROOMS = {
    "import harmlib.video": "video",
    "import harmlib.editor.widgets": "editor",
    "import harmlib.training.loop": "train",
    "from harmlib.data.sources import coco; coco._parse(None)": "data",
    STEP % ("css", "sepia"): "data",
    STEP % ("instagram", "rise"): "data",
    "from harmlib.models.layers import retoucher; retoucher.lab_to_signed_rgb(torch.zeros(1, 3, 2, 2))": "lab",
}


@pytest.fixture(scope="module")
def refusals() -> dict[str, str]:
    """What each of ROOMS says where no extra is installed."""
    script = f"""{HIDE}
import json, numpy, torch
from harmlib.errors import MissingPackageError
said = {{}}
for deed in {list(ROOMS)}:
    try:
        exec(deed)
    except MissingPackageError as error:
        said[deed] = str(error)
from harmlib.metrics.lpips import why_unavailable
said["lpips"] = why_unavailable()
print(json.dumps(said))
"""
    return json.loads(subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("deed", ROOMS)
def test_a_missing_extra_is_one_sentence(refusals: dict[str, str], deed: str) -> None:
    assert refusals[deed].endswith(f'is not installed: pip install "harmlib[{ROOMS[deed]}]" brings it')


def test_scores_go_on_without_lpips_and_say_why(refusals: dict[str, str]) -> None:
    assert 'pip install "harmlib[lpips]"' in refusals["lpips"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a wheel, built from a copy of what it is made from, so that the checkout stays clean."""
    root = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "harmlib", root / "source" / "harmlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root / "source")
    build = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(root)], cwd=root / "source", capture_output=True, check=True)
    with zipfile.ZipFile(next(root.glob("*.whl"))) as packed:
        packed.extractall(root / "files")
    return root / "files"


@pytest.mark.slow
def test_the_wheel_holds_the_library_alone(wheel: Path) -> None:
    assert sorted(path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")) == ["harmlib"]
    assert list((wheel / "harmlib" / "data" / "sources" / "labels").glob("*.png"))


@pytest.mark.slow
def test_the_wheel_harmonizes_scores_and_lists_models_outside_the_checkout(wheel: Path, tmp_path: Path, photo_array: np.ndarray) -> None:
    mask = np.zeros(photo_array.shape[:2], np.uint8)
    mask[10:30, 20:40] = 255
    composite = np.where(mask[..., None] > 0, photo_array // 2, photo_array)
    for folder, picture in {"composites": composite, "masks": mask, "reals": photo_array}.items():
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "a.png"), picture)
    commands = [
        ["harmonize", "composites", "--mask", "masks", "-o", "results", "--model", "reinhard_lab"],
        ["score", "results", "reals", "masks"],
        ["models"],
    ]
    # Without -S the editable installation of this environment would put the checkout on the path.
    script = f"""{HIDE}
sys.path[:0] = {[str(wheel), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]}
import importlib.util
assert importlib.util.find_spec("reproduction") is None
import harmlib.__main__
assert harmlib.__file__.startswith({str(wheel)!r}), harmlib.__file__
for command in {commands}:
    assert harmlib.__main__.main(command) == 0, command
"""

    run = subprocess.run([sys.executable, "-I", "-S", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    harmonized = cv2.imread(str(tmp_path / "results" / "a.png"))
    assert harmonized is not None
    assert not np.array_equal(harmonized, composite)
    assert "fmse" in run.stdout
    assert "reinhard_lab" in run.stdout
