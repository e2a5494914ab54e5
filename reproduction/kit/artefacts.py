"""What the exhibits of a paper are made from: its plan, finished benchmarks, runs and scores."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from harmlib import models
from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.data.built import read_composites
from harmlib.data.pairs import Pair, read_pairs
from harmlib.errors import DataError
from harmlib.evaluation.repeats import REPEAT
from harmlib.evaluation.table import KEYS, read_scores
from harmlib.io.files import MANIFEST, read_manifest
from harmlib.models.registry import without_values
from harmlib.training.plan import RunPlan, read_history, recipe_of
from reproduction.profiles import PCM, PaperPlan, SourcePlan, repeat_of, unique_runs, without_repeat
from reproduction.stages import check_finished, finished_runs

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel, TrainingRecipe
    from reproduction.workspace import Workspace

BASELINE = "composite"


@dataclass(frozen=True)
class Artefacts:
    """The finished artefacts of one paper in one profile.

    labels: method -> what the paper's tables call it, in their order.
    plan: the paper's plan for the device that made the scores. device: that device, "cpu" or "gpu".
    manifests: benchmark -> its manifest.
    scores: one row per image and method, with "dataset" (the paper's benchmark that ours stands for) and "data" (what ours is called).
    Where the profile trains a run from several seeds, one row per image, method and run, which "repeat" numbers.
    """

    workspace: Workspace
    labels: Mapping[str, str]
    plan: PaperPlan
    device: str
    manifests: dict[str, dict[str, Any]]
    scores: pd.DataFrame

    @property
    def first_runs(self) -> pd.DataFrame:
        """The scores of first runs alone: those of the networks whose pictures are shown."""
        return self.scores[self.scores[REPEAT] == 0].drop(columns=REPEAT) if REPEAT in self.scores else self.scores

    @property
    def stamp(self) -> str:
        """What every table says about its origin."""
        return f"profile {self.workspace.profile.name}, device {self.device}"

    def stamped(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table that names its profile and device."""
        return table.assign(profile=self.workspace.profile.name, device=self.device)

    @cached_property
    def budgets(self) -> dict[str, str]:
        """Run -> how it was trained, in words."""
        words = {}
        for run in self.plan.runs:
            manifest = read_manifest(self.workspace.results.run(run.name), "options", "iterations", "batch_size")
            width, layers = manifest["options"].get("width", 1.0), manifest["options"].get("layers")
            size = f"width {width:g}" + (f", transformer layers: {layers}" if layers else "")
            words[run.name] = f"{manifest['iterations']:,} updates of {manifest['batch_size']} pictures, {size}"
        return words

    def budget(self, method: str) -> str:
        """Return how a method was trained here and how in the paper, in words; empty for one without training.

        Runs that are averaged into one method share a budget, and so do both ways to full size of one training.
        """
        name = method.removesuffix(PCM)
        runs = [run for run in self.plan.runs if run.scored_as == name] or [run for run in self.plan.runs if run.scored_as[:-2] == name]
        return f"budget: {self.budgets[runs[0].name]}; {paper_budget(runs[0])}" if runs else ""

    @cached_property
    def compared(self) -> Artefacts:
        """The same with all other methods that the profile has scored on these benchmarks under these protocols, on such a device."""
        results, profile = self.workspace.results, self.workspace.profile
        papers = [paper for paper in profile.papers if paper != self.plan.paper and (results.scores(paper) / MANIFEST).exists()]
        papers = [paper for paper in papers if read_manifest(results.scores(paper), "device")["device"] == self.device]
        tables = [self.scores, *(with_repeats(read_scores(results.scores(paper) / "scores.csv")) for paper in papers)]
        rows = pd.concat(tables, ignore_index=True)
        if REPEAT in rows:
            rows[REPEAT] = rows[REPEAT].fillna(0).astype(int)
        rows = rows.drop_duplicates([name for name in (*KEYS, REPEAT) if name in rows])
        here = set(zip(self.scores["benchmark"], self.scores["protocol"], strict=True))
        alike = [pair in here for pair in zip(rows["benchmark"], rows["protocol"], strict=True)]
        rows = rows[alike]
        others = unique_runs(_first_runs(profile.paper(paper, self.device)) for paper in papers).values()
        own = {run.name for run in self.plan.runs}
        scored = set(rows["method"].str.removesuffix(PCM))
        more = [run for run in others if run.name not in own and run.benchmark in self.manifests and run.scored_as in scored]
        plan = replace(self.plan, runs=(*self.plan.runs, *more))
        return replace(self, plan=plan, scores=named_scores(rows, plan.benchmarks, self.labels))

    def seen_as(self, labels: Mapping[str, str], protocols: Collection[str]) -> Artefacts:
        """Return the same under other names, with the scores of some protocols only."""
        scores = self.scores[self.scores["protocol"].isin(protocols)]
        return replace(self, labels=labels, scores=named_scores(scores, self.plan.benchmarks, labels))

    def composites(self, benchmark: str) -> pd.DataFrame:
        """Return the test rows of a benchmark's composites.csv in the order of its lists, recipes as dicts."""
        table = read_composites(self.workspace.results.benchmark(benchmark))
        rows = table[table["split"] == "test"].reset_index(drop=True)
        return rows.assign(recipe=rows["recipe"].map(json.loads))

    def pairs(self, benchmark: str, split: str = "test") -> dict[tuple[str, str], Pair]:
        """Return (sub-dataset, id) -> pair, in the order of the benchmark's lists."""
        return {(pair.subset, pair.id): pair for pair in read_pairs(self.workspace.results.benchmark(benchmark), split)}

    def models(self, benchmark: str) -> dict[str, HarmonizationModel]:
        """Return the name in tables -> the model that is tested on a benchmark, in the order of the runs."""
        trained_on = next(plan.models_of or plan.name for plan in self.plan.benchmarks if plan.name == benchmark)
        runs = [run for run in self.plan.runs if run.benchmark == trained_on]
        return {run.scored_as: models.load(self.workspace.results.run(run.name)) for run in runs}

    def histories(self) -> dict[str, pd.DataFrame]:
        """Return run -> its losses over the steps, without times and without a total beside its parts; no row without training."""
        tables = {run.name: read_history(self.workspace.results.run(run.name)) for run in self.plan.runs}
        for name, table in tables.items():
            several = sum(str(column).startswith("model_") for column in table) > 1
            tables[name] = table.drop(columns=["seconds", *(["model_total"] if several and "model_total" in table else [])])
        return tables

    def run_title(self, name: str) -> str:
        """Return what figures call a run: its method and, where that was trained on several benchmarks, the benchmark."""
        run = next(plan for plan in self.plan.runs if plan.name == name)
        label = self.labels.get(run.scored_as, run.scored_as)
        alike = sum(plan.scored_as == run.scored_as for plan in self.plan.runs)
        return f"{label}, {run.benchmark}" if alike > 1 else label

    def title(self, benchmark: str) -> str:
        """Return what tables call a benchmark."""
        return next(plan.title for plan in self.plan.benchmarks if plan.name == benchmark)

    def source(self, subset: str) -> SourcePlan:
        """Return the plan of the photographs that a sub-dataset was made from."""
        return self.workspace.profile.sources[subset]

    def region_names(self, subset: str) -> dict[int, str]:
        """Return the class names of a sub-dataset's region maps; empty where regions have no names or the photographs are not at hand."""
        try:
            source = self.workspace.profile.open_source(subset, self.workspace.data)
        except DataError:
            return {}
        # The composer shifts ids by one where 0 is an object (harmlib.data.composers.regions.object_labels).
        shift = 0 if source.no_object == 0 else 1
        return {number + shift: name for number, name in source.classes.items()}


def open_artefacts(workspace: Workspace, paper: str, labels: Mapping[str, str], *, shown: Collection[str] = ()) -> Artefacts:
    """Return a paper's artefacts in a workspace.

    shown: methods that the paper's exhibits cannot do without. Raises DataError for what is not finished, with the step that makes it, and
    where a benchmark has no scores of a shown method.
    """
    results = workspace.results
    check_finished(results.scores(paper), "30", workspace.profile, paper)
    device = read_manifest(results.scores(paper), "device")["device"]
    plan = _first_runs(workspace.profile.paper(paper, device))
    manifests = {
        benchmark.name: read_manifest(results.benchmark(benchmark.name), "title", "dataset", "counts") for benchmark in plan.benchmarks
    }
    scores = with_repeats(read_scores(results.scores(paper) / "scores.csv"))
    for benchmark, rows in scores.groupby("benchmark"):
        missing = [name for name in shown if name not in set(rows["method"])]
        if missing:
            raise DataError(
                f'profile "{workspace.profile.name}" has no scores of "{missing[0]}" on "{benchmark}", '
                f'which the exhibits of "{paper}" show: add a run of it to the paper'
            )
    return Artefacts(workspace, labels, plan, device, manifests, named_scores(scores, plan.benchmarks, labels))


def with_repeats(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores in which a run and those from other seeds, "<method>-s<repeat>", are one method, with "repeat" where there are some."""
    if of_first_runs(scores).all():
        return scores
    names = {name: without_repeat(name) for name in scores["method"].unique()}
    repeats = {name: int(name[len(first) :].removeprefix("-s") or 0) for name, first in names.items()}
    return scores.assign(method=scores["method"].map(names), **{REPEAT: scores["method"].map(repeats)})


def of_first_runs(scores: pd.DataFrame) -> pd.Series:
    """Tell which rows are not those of a run that was trained again from another seed."""
    return scores["method"] == scores["method"].map(without_repeat)


def _first_runs(plan: PaperPlan) -> PaperPlan:
    """Return a plan without the repeats of its runs."""
    return replace(plan, runs=tuple(run for run in plan.runs if not repeat_of(run)))


def load_finished(workspace: Workspace, methods: Iterable[str]) -> dict[str, HarmonizationModel]:
    """Return name in tables -> the trained model of any paper of the profile; methods without a finished run are left out."""
    results, runs = workspace.results, finished_runs(workspace.profile, workspace.results)
    return {method: models.load(results.run(runs[method].name)) for method in methods if method in runs}


def named_scores(scores: pd.DataFrame, benchmarks: tuple[BenchmarkPlan, ...], labels: Mapping[str, str]) -> pd.DataFrame:
    """Return scores with the columns "dataset" and "data" for their benchmark, methods in the order of ``labels``."""
    plans = {benchmark.name: benchmark for benchmark in benchmarks}
    order = [list(labels).index(method) if method in labels else len(labels) for method in scores["method"]]
    named = scores.assign(
        dataset=scores["benchmark"].map(lambda name: plans[name].dataset),
        data=scores["benchmark"].map(lambda name: plans[name].title),
        planned=scores["benchmark"].map(list(plans).index),
        order=order,
    )
    return named.sort_values(["planned", "order"], kind="stable", ignore_index=True).drop(columns=["planned", "order"])


def planned_recipe(run: RunPlan) -> TrainingRecipe:
    """Return the recipe that a planned run follows; its model is built without memory."""
    with without_values():
        return recipe_of(models.create(run.method, **run.options), run)


def paper_budget(run: RunPlan) -> str:
    """Return how long the paper trains a run's method, in words; a plan's own schedule does not change that."""
    with without_values():
        recipe = models.create(run.method, **run.options).training_recipe
    assert recipe is not None  # methods that nobody trains have no runs with a budget
    return f"the paper {recipe.iterations:,} of {recipe.batch_size}, width 1"
