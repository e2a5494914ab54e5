"""Tables: scores, composites with their recipes, histories, and what exhibits read."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz.common import Target

COMPOSERS = ("sgmmh", "iharmony4", "exposure")


def write_scores(folder: Path) -> None:
    """Write a score table, a history, and tables of exhibits."""
    from harmlib.evaluation.table import COLUMNS

    values = {
        "benchmark": "a",
        "subset": "s",
        "split": "test",
        "protocol": "harmlib",
        "height": "40",
        "width": "56",
        "psnr": "inf",
        "lpips": "",
    }
    lines = [
        ",".join(values.get(name) or ({"method": f"m{m}", "id": f"p_{p}_1"}.get(name, "" if name in values else "0.5")) for name in COLUMNS)
        for m in range(2)
        for p in range(3)
    ]
    (folder / "scores.csv").write_text(",".join(COLUMNS) + "\n" + "\n".join(lines) + "\n")
    (folder / "history.csv").write_text("step,seconds,learning_rate,model_total,val_error\n1,0.5,0.001,3.5,\n2,1.0,0.001,2.5,90.25\n")
    (folder / "tables").mkdir()
    (folder / "tables" / "figures.csv").write_text("figure\nfrih-F1\nsgmmh-F4\n")
    (folder / "tables" / "claims-frih.csv").write_text(
        "claim_id,kind,verdict,ours,low,high,n,data,note\nfrih-C01,measured,agrees,1.5,1,2,9,a,\nfrih-C02,measured,differs,,,,0,a,b\n"
    )


def read_scores(folder: Path) -> None:
    """Read them as scoring, training, exhibits and the scoreboard do."""
    from harmlib.evaluation import table
    from harmlib.training.plan import read_history
    from reproduction.kit.scoreboard import claim_verdicts, exhibit_states

    scores = table.read_scores(folder / "scores.csv")
    assert not scores.duplicated(list(table.KEYS)).any()
    assert scores["psnr"].dtype == float
    growing = table.ScoreFile(folder / "scores.csv")
    growing.append([])
    growing.finish()
    read_history(folder)
    claim_verdicts(folder)
    exhibit_states(folder)


def write_composites(folder: Path) -> None:
    """Build a benchmark with each of some composers."""
    from miniature import write_folder_source

    from harmlib.data.benchmarks import BenchmarkPlan, build_benchmark
    from harmlib.data.sources import open_source

    source = open_source("folder", write_folder_source(folder / "mini"), no_object=0)
    source.name = "mini"
    for composer in COMPOSERS:
        build_benchmark(BenchmarkPlan(composer, composer, "t", "d", ("mini",)), {"mini": source}, folder / composer, seed=1)


def replay_all(folder: Path) -> None:
    """Replay every composite of every benchmark, and say each recipe in words."""
    from harmlib.data.built import read_composites, replay
    from harmlib.data.composers.base import describe_recipe
    from harmlib.data.sources import open_source

    source = open_source("folder", folder / "mini", no_object=0)
    source.name = "mini"
    for composer in COMPOSERS:
        table = read_composites(folder / composer)
        for name in table["id"]:
            composite = replay(folder / composer, name, source)
            assert composite.image.shape == composite.target.shape
            describe_recipe(composer, composite.recipe, {})


TABLES = {
    "scores": Target(write_scores, read_scores, ("scores.csv",)),
    "exhibit tables": Target(write_scores, read_scores, ("history.csv", "tables/*.csv")),
    "composites": Target(write_composites, replay_all, ("*/composites.csv",)),
    "benchmark": Target(write_composites, replay_all, ("*/manifest.json", "mini/index.csv")),
}
