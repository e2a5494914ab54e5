"""What a lesson works with: what a workspace has finished; where that is nothing, the embedded photographs and the transfers.

Every picture is seen as the default protocol sees it: 8-bit, 256x256.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harmlib import models
from harmlib.data.composers.base import Skipped, get_composer
from harmlib.data.pairs import read_pairs
from harmlib.data.sources import open_source
from harmlib.evaluation.statistics import photograph_of
from harmlib.io.files import MANIFEST, read_manifest
from harmlib.models.base import HarmonizationModel
from harmlib.models.registry import parameters
from reproduction.kit.examples import Example, read_example, small_example
from reproduction.kit.selection import VISIBLE, Sample, evenly, read_real_composites
from reproduction.stages import finished_runs
from reproduction.workspace import Workspace

# Composers of benchmarks that only detectors learn from.
NOT_HARMONIZED = "exposure"
# The benchmark of most methods, then that of Sg-MMH.
PREFERRED = ("iHarmony4", "COCO-Exp", "HScene", "HLIP")
COMPOSER = "iharmony4"
EMBEDDED_TITLE = "iHarmony4-style, embedded (made for this lesson)"
# Composites that are tried of each embedded photograph: many are left out by the benchmark's rules.
DRAWS = 4


@dataclass(frozen=True, eq=False)
class Material:
    """Composites to work with, at 256x256, evenly spaced over their list.

    title: what tables and figures call them. benchmark: the one they are from; empty for others.
    """

    title: str
    examples: list[Example]
    benchmark: str = ""

    @property
    def photographs(self) -> list[Example]:
        """The first composite of every photograph."""
        first = {(example.subset, photograph_of(example.id)): example for example in reversed(self.examples)}
        return [example for example in self.examples if first[example.subset, photograph_of(example.id)] is example]

    @property
    def first_visible(self) -> Example:
        """The first composite whose foreground can be seen in a small picture; else the first one."""
        return next((example for example in self.examples if example.mask.mean() >= VISIBLE), self.examples[0])


def load_methods(
    workspace: Workspace, wanted: Sequence[str] | None = None, *, benchmark: str = ""
) -> tuple[dict[str, HarmonizationModel], str]:
    """Return the wanted methods that are at hand, in their order, and a sentence about the others, empty when nothing is missing.

    wanted: method names; None: all that are finished, but no detectors and no variants. Transfers need no run.
    benchmark: of several runs those trained on it come first. Raises ParameterError for an unknown method.
    """
    runs = finished_runs(workspace.profile, workspace.results, benchmark)
    names = sorted(name for name, run in runs.items() if not run.label and not models.describe(run.method).detects)
    found: dict[str, HarmonizationModel] = {}
    for name in names if wanted is None else wanted:
        if name in names:
            found[name] = models.load(workspace.results.run(runs[name].name))
        elif parameters(name) == 0:  # a method that has some is of no use without a run
            found[name] = models.create(name)
    missing = [name for name in wanted or () if name not in found]
    return found, f"not trained in this profile, and left out: {', '.join(missing)}." if missing else ""


def find_material(workspace: Workspace, limit: int) -> Material:
    """Return at most ``limit`` test composites of a finished benchmark, or composites of the embedded photographs where there is none."""
    finished = _finished_benchmarks(workspace)
    if not finished:
        return Material(EMBEDDED_TITLE, [small_example(sample) for sample in embedded_samples(limit, seed=workspace.profile.seed)])
    title, root = finished[0]
    examples = [read_example(pair) for pair in evenly(read_pairs(root, "test"), limit)]
    return Material(title, [example for example in examples if example.mask.any() and not example.mask.all()], root.name)


def _finished_benchmarks(workspace: Workspace) -> list[tuple[str, Path]]:
    """Return (title, folder) of the finished benchmarks with test composites, the best one for a lesson first; none of exposure shifts."""
    found = []
    for manifest in sorted((workspace.results.root / "benchmarks").glob(f"*/{MANIFEST}")):
        content = read_manifest(manifest.parent, "title", "dataset")
        if (manifest.parent / "IHD_test.txt").exists() and not content.get("composer", "").startswith(NOT_HARMONIZED):
            preference = PREFERRED.index(content["dataset"]) if content["dataset"] in PREFERRED else len(PREFERRED)
            found.append((preference, content["title"], manifest.parent))
    return [(title, folder) for _, title, folder in sorted(found)]


def embedded_samples(limit: int, *, seed: int) -> list[Sample]:
    """Return at most ``limit`` iHarmony4-style composites of all nine embedded photographs, at the size of the photographs."""
    source, composer = open_source("embedded"), get_composer(COMPOSER)
    samples = []
    for photo in (photo for split in source.splits() for photo in source.ids(split)):
        for draw in range(DRAWS):
            try:
                made = composer(source, photo, draw, seed)
            except Skipped:
                continue
            samples.append(Sample(f"{photo.replace('_', '-')}_1_{draw + 1}", "embedded", made.image, made.target, made.mask))
    return evenly(samples, limit)


def real_material(data: Path | None, pack: str, limit: int) -> Material:
    """Return at most ``limit`` real composites of a pack below ``data``, whose targets nobody knows; none where the pack is not."""
    return Material(f'pack "{pack}"', [small_example(sample) for sample in read_real_composites(data, pack, limit)])


def random_masks(examples: Sequence[Example], seed: int) -> list[np.ndarray]:
    """Return for every example the mask of a composite of another, random photograph, bool (256, 256).

    Where there is one photograph only, its own mask is mirrored instead.
    """
    generator = np.random.default_rng(seed)
    masks = []
    for example in examples:
        others = [other.mask for other in examples if photograph_of(other.id) != photograph_of(example.id)]
        masks.append(others[generator.integers(len(others))] if others else example.mask[:, ::-1])
    return masks
