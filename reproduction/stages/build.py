"""The first stage: photographs to benchmarks."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import Any

from harmlib.data.adopted import adopt_benchmark
from harmlib.data.benchmarks import build_benchmark
from harmlib.data.composers.base import PUBLISHED
from reproduction.profiles import Profile, unique_benchmarks
from reproduction.stages.results import Folder, Results


def build_benchmarks(
    profile: Profile,
    papers: Iterable[str],
    *,
    data: Folder | None,
    results: Results,
    only: Collection[str] = (),
    workers: int | None = None,
) -> dict[str, Any]:
    """Build every benchmark of some papers, or link the published ones; return their manifests by name.

    only: names of benchmarks; none means all. workers: processes beside this one; by default one per core.
    """
    workers = (os.cpu_count() or 1) if workers is None else workers
    manifests = {}
    for plan in unique_benchmarks(profile.paper(paper) for paper in papers).values():
        if only and plan.name not in only:
            continue
        if plan.composer == PUBLISHED:
            manifests[plan.name] = adopt_benchmark(plan, profile.source_folder(plan.sources[0], data), results.benchmark(plan.name))
            continue
        sources = {name: profile.open_source(name, data) for name in plan.sources}
        manifests[plan.name] = build_benchmark(plan, sources, results.benchmark(plan.name), seed=profile.seed, workers=workers)
    return manifests
