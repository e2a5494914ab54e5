"""Which notebook makes what from what. Snakemake gives order, resume and parallel jobs; the notebooks do the work.

Started by `python -m reproduction reproduce`, which checks the settings and passes them as a config file. A rule's output is
the manifest of an executed notebook, written last. Checkpoints and benchmarks are not declared: Snakemake deletes a
failed job's outputs, and these must survive so that the next run can go on with them.
"""

import sys
from pathlib import Path
from shlex import quote

from reproduction.profiles import load_profile

ROOT = Path(workflow.basedir)
PROFILE = load_profile(config["profile"])
PAPERS = {name: PROFILE.paper(name) for name in config["papers"]}
EXHIBITS = [(exhibit, name) for name, plan in PAPERS.items() for exhibit in plan.notebooks]


def notebook(name):
    """Return what every rule depends on besides its stage: its notebook and the profile."""
    return [str(ROOT / "notebooks" / f"{name}.ipynb"), config["profile"]]


def command(name, copy, **parameters):
    """Return the shell command that runs a notebook into ``notebooks/<copy>.ipynb``, whose manifest the rule promises."""
    values = {"profile": config["profile"], "results": config["results"], **parameters}
    settings = [f"-p {quote(f'{key}={value}')}" for key, value in values.items() if value is not None]
    place = quote(str(ROOT / "notebooks" / f"{name}.ipynb"))
    return " ".join([quote(sys.executable), "-m reproduction notebook", place, f"--out notebooks/{copy}.ipynb", *settings])


rule all:
    default_target: True
    input:
        "notebooks/90_scoreboard.manifest.json",


rule start_here:
    input:
        notebook("00_start_here"),
    output:
        "notebooks/00_start_here.manifest.json",
    params:
        command=command("00_start_here", "00_start_here", data=config["data"]),
    shell:
        "{params.command}"


rule build:
    input:
        notebook("10_build_benchmark"),
    output:
        "notebooks/10_build_benchmark-{paper}.manifest.json",
    params:
        command=lambda w: command("10_build_benchmark", f"10_build_benchmark-{w.paper}", paper=w.paper, data=config["data"]),
    threads: workflow.cores
    shell:
        "{params.command}"


rule train:
    input:
        notebook("20_train"),
        "notebooks/10_build_benchmark-{paper}.manifest.json",
    output:
        "notebooks/20_train-{paper}.manifest.json",
    params:
        command=lambda w: command("20_train", f"20_train-{w.paper}", paper=w.paper, data=config["data"]),
    threads: workflow.cores
    shell:
        "{params.command}"


rule score:
    input:
        notebook("30_score"),
        "notebooks/20_train-{paper}.manifest.json",
    output:
        "notebooks/30_score-{paper}.manifest.json",
    params:
        command=lambda w: command("30_score", f"30_score-{w.paper}", paper=w.paper),
    threads: workflow.cores
    shell:
        "{params.command}"


for exhibit, paper in EXHIBITS:

    rule:
        name:
            f"exhibits_{exhibit}"
        input:
            notebook(exhibit),
            [f"notebooks/30_score-{name}.manifest.json" for name in (paper, *PAPERS[paper].beside) if name in PAPERS],
        output:
            f"notebooks/{exhibit}.manifest.json",
        params:
            command=command(exhibit, exhibit, data=config["data"]),
        shell:
            "{params.command}"


for lesson in config["lessons"]:

    rule:
        name:
            f"lesson_{lesson}"
        input:
            notebook(lesson),
            [f"notebooks/30_score-{paper}.manifest.json" for paper in PAPERS],
        output:
            f"notebooks/{lesson}.manifest.json",
        params:
            command=command(lesson, lesson, data=config["data"]),
        shell:
            "{params.command}"


rule scoreboard:
    input:
        notebook("90_scoreboard"),
        "notebooks/00_start_here.manifest.json",
        [f"notebooks/{exhibit}.manifest.json" for exhibit, _ in EXHIBITS],
        [f"notebooks/{lesson}.manifest.json" for lesson in config["lessons"]],
    output:
        "notebooks/90_scoreboard.manifest.json",
    params:
        command=command("90_scoreboard", "90_scoreboard"),
    shell:
        "{params.command}"
