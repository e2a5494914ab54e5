"""Which notebook makes what from what. Snakemake gives order, resume and parallel jobs; the notebooks do the work.

Started by `python -m harmlib reproduce`, which checks the settings and passes them as a config file. A rule's output is
the manifest of an executed notebook, written last. Checkpoints and benchmarks are not declared: Snakemake deletes a
failed job's outputs, and these must survive so that the next run can go on with them.
"""

import sys
from pathlib import Path

from harmlib.config import load_profile

ROOT = Path(workflow.basedir)
PROFILE = load_profile(config["profile"])
PAPERS = {name: PROFILE.paper(name) for name in config["papers"]}
EXHIBITS = [(notebook, name) for name, plan in PAPERS.items() for notebook in plan.notebooks]


def command(notebook, **parameters):
    """Return the shell command that runs a notebook into the executed copy beside its manifest."""
    from shlex import quote

    values = {"profile": config["profile"], "results": config["results"], **parameters}
    settings = " ".join(f"-p {quote(f'{name}={value}')}" for name, value in values.items() if value is not None)
    return f"{quote(sys.executable)} -m harmlib notebook {quote(str(ROOT / 'notebooks' / notebook))}.ipynb --out notebooks/{notebook}" + "{suffix}.ipynb " + settings


rule all:
    default_target: True
    input:
        "notebooks/90_scoreboard.manifest.json",


rule start_here:
    output:
        "notebooks/00_start_here.manifest.json",
    params:
        command=lambda wildcards: command("00_start_here", data=config["data"]).format(suffix=""),
    shell:
        "{params.command}"


rule build:
    output:
        "notebooks/10_build_benchmark-{paper}.manifest.json",
    params:
        command=lambda wildcards: command("10_build_benchmark", paper=wildcards.paper, data=config["data"]).format(suffix=f"-{wildcards.paper}"),
    threads: workflow.cores
    shell:
        "{params.command}"


rule train:
    input:
        "notebooks/10_build_benchmark-{paper}.manifest.json",
    output:
        "notebooks/20_train-{paper}.manifest.json",
    params:
        command=lambda wildcards: command("20_train", paper=wildcards.paper, data=config["data"]).format(suffix=f"-{wildcards.paper}"),
    threads: workflow.cores
    shell:
        "{params.command}"


rule score:
    input:
        "notebooks/20_train-{paper}.manifest.json",
    output:
        "notebooks/30_score-{paper}.manifest.json",
    params:
        command=lambda wildcards: command("30_score", paper=wildcards.paper).format(suffix=f"-{wildcards.paper}"),
    threads: workflow.cores
    shell:
        "{params.command}"


for notebook, paper in EXHIBITS:

    rule:
        name:
            f"exhibits_{notebook}"
        input:
            f"notebooks/30_score-{paper}.manifest.json",
        output:
            f"notebooks/{notebook}.manifest.json",
        params:
            command=command(notebook, data=config["data"]).format(suffix=""),
        shell:
            "{params.command}"


rule scoreboard:
    input:
        "notebooks/00_start_here.manifest.json",
        [f"notebooks/{notebook}.manifest.json" for notebook, _ in EXHIBITS],
    output:
        "notebooks/90_scoreboard.manifest.json",
    params:
        command=lambda wildcards: command("90_scoreboard").format(suffix=""),
    shell:
        "{params.command}"
