"""Who may import whom, read from the tree: what is written here holds for imports inside functions too."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from harmlib import models

ROOT = Path(__file__).parents[1]
METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Import name of a package, where it is not its distribution's.
IMPORTED_AS = {"cv2": "opencv-python-headless", "PIL": "pillow", "skimage": "scikit-image", "lightning_fabric": "lightning-fabric"}
# Packages of an extra -> the only module or room of the library that may import them.
ROOM_OF_EXTRA = {
    "av": "harmlib.video",
    "ipycanvas": "harmlib.editor",
    "ipywidgets": "harmlib.editor",
    "kornia": "harmlib.models.layers",
    "lightning_fabric": "harmlib.training",
    "lpips": "harmlib.metrics.lpips",
    "pilgram": "harmlib.perturbations",
    "pycocotools": "harmlib.data.sources.coco",
}
FORBIDDEN = {
    "harmlib.models": ("data", "training", "inference", "evaluation"),
    "harmlib.metrics": ("models",),
    "harmlib.filters": ("models", "data"),
    "harmlib.perturbations": ("models", "data"),
    "harmlib.transfers": ("models", "data"),
    "harmlib.submasks": ("models", "data"),
    "harmlib.data": ("models", "training", "inference"),
}
PAPERS = ("sgmmh", "frih", "harmonizer", "perceptual", "baselines", "exhibits_userstudy", "lessons")
# The most methods that code may name in one list: a table of a paper has six rivals. All of them, only the registry names.
NAMED_AT_ONCE = 6


def module_name(path: Path) -> str:
    """Return the dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for package in ("harmlib", "reproduction") for path in sorted((ROOT / package).rglob("*.py"))}
TREES = {module: ast.parse(path.read_text()) for module, path in FILES.items()}


def imported(node: ast.AST, *, typing: bool) -> Iterator[str]:
    """Yield what a tree imports, modules where they are ours; ``typing``: also what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test) and not typing:
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        if isinstance(child, ast.ImportFrom):
            names = [f"{child.module}.{alias.name}" for alias in child.names]
            yield from (name if name in FILES else str(child.module) for name in names)
        yield from imported(child, typing=typing)


IMPORTS = [(module, name) for module, tree in TREES.items() for name in imported(tree, typing=True)]


def inside(module: str, room: str) -> bool:
    """Tell whether a module lies in a room."""
    return f"{module}.".startswith(f"{room}.")


def test_the_library_imports_its_own_dependencies_only() -> None:
    base = {requirement.partition(">")[0] for requirement in METADATA["dependencies"]}
    outside = {
        (module, name)
        for module, name in IMPORTS
        if inside(module, "harmlib") and (top := name.partition(".")[0]) not in {"harmlib", *sys.stdlib_module_names}
        if IMPORTED_AS.get(top, top) not in base and not inside(module, ROOM_OF_EXTRA.get(top, "none"))
    }

    assert outside == set()
    assert len(base) <= 12


@pytest.mark.parametrize("room", FORBIDDEN)
def test_rooms_of_the_library_know_only_what_they_stand_on(room: str) -> None:
    above = [f"harmlib.{name}" for name in FORBIDDEN[room]]

    assert [(module, name) for module, name in IMPORTS if inside(module, room) and any(inside(name, other) for other in above)] == []


def test_the_library_has_no_circle() -> None:
    graph = {
        module: {name for name in imported(tree, typing=False) if name in FILES and name != module}
        for module, tree in TREES.items()
        if inside(module, "harmlib")
    }

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(error.args[1])}")


def test_the_kit_knows_no_paper_and_the_tool_for_studies_neither() -> None:
    rooms = {
        "reproduction.kit": [f"reproduction.{paper}" for paper in PAPERS],
        "reproduction.userstudy": ["reproduction.kit", *(f"reproduction.{paper}" for paper in PAPERS)],
    }

    found = [
        (module, name)
        for room, others in rooms.items()
        for module, name in IMPORTS
        if inside(module, room) and any(inside(name, other) for other in others)
    ]
    assert found == []


def test_no_paper_reads_another() -> None:
    rooms = [f"reproduction.{paper}" for paper in PAPERS]

    found = {
        (module, name)
        for module, name in IMPORTS
        for room in rooms
        if inside(module, room) and any(inside(name, other) for other in rooms if other != room)
    }

    assert found == set()


def test_methods_are_listed_by_the_registry_alone() -> None:
    methods = set(models.list_models())
    lists = {}
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            items = node.keys if isinstance(node, ast.Dict) else node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else []
            named = methods & {item.value for item in items if isinstance(item, ast.Constant)}
            if len(named) > NAMED_AT_ONCE:
                lists[module] = named

    assert lists == {}


def in_a_fresh_interpreter(script: str) -> str:
    """Return what a script prints in an interpreter of its own, in the checkout."""
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def test_importing_harmlib_loads_its_lazy_loader_alone() -> None:
    script = "import sys; before = set(sys.modules); import harmlib; print(sorted(m for m in set(sys.modules) - before if m[0] != '_'))"

    loaded = ast.literal_eval(in_a_fresh_interpreter(script))

    assert {module for module in loaded if module.partition(".")[0] not in sys.stdlib_module_names} == {"harmlib", "harmlib.lazy"}


def test_the_packages_of_users_load_no_torch_and_no_pandas() -> None:
    script = "import sys, harmlib; [getattr(harmlib, name) for name in {}]; print([m for m in ('torch', 'pandas') if m in sys.modules])"

    assert in_a_fresh_interpreter(script.format(["inference", "metrics", "models", "perturbations"])) == "[]"


def test_a_command_of_the_reproduction_starts_without_torch() -> None:
    """A workflow starts one per notebook, whose kernel imports torch itself."""
    script = "import sys, reproduction.__main__, reproduction.workflow; print([m for m in ('torch', 'pandas') if m in sys.modules])"

    assert in_a_fresh_interpreter(script) == "[]"


@pytest.mark.slow
def test_tab_completion_shows_what_loads_at_first_use() -> None:
    script = "import sys, harmlib; print([n for n in dir(harmlib) if n[0] != '_']); [getattr(harmlib, n) for n in harmlib.__all__]"

    shown = ast.literal_eval(in_a_fresh_interpreter(script))

    promised = {"harmonize", "detect", "score_folder", "models", "metrics", "perturbations", "filters", "inference", "editor"}
    assert promised <= set(shown)


# What reads a structured file -> the modules that do it for all others.
DOORS = {
    "csv.reader": {"harmlib.io.tables"},
    "csv.DictReader": set(),
    "pd.read_csv": set(),
    "json.load": set(),
    # What a shell argument holds, what a checked cell holds, and what goes round trip to be compared with a file.
    "json.loads": {
        "harmlib.io.documents",
        "harmlib.io.files",
        "harmlib.data.benchmarks",
        "harmlib.data.pool",
        "reproduction.kit.artefacts",
        "reproduction.perceptual.objects",
        "reproduction.workflow",
    },
    "yaml.safe_load": {"reproduction.reading"},
    "np.load": {"harmlib.io.arrays", "harmlib.commands.detect"},
    "torch.load": {"harmlib.models.checkpoints"},
    "Image.open": {
        "harmlib.io.images",
        "harmlib.perturbations.degradations",
        "harmlib.metrics.scoring",
        "reproduction.userstudy.pages.rendering",
    },
}


@pytest.mark.parametrize("call", DOORS)
def test_files_that_people_edit_come_in_through_one_door(call: str) -> None:
    calls = ((module, node) for module, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.Call))

    assert {module for module, node in calls if ast.unparse(node.func) == call} <= DOORS[call]
