"""Which notebook makes what from what. Snakemake gives order, resume and parallel jobs; the notebooks do the work.

Started by `python -m reproduction reproduce`, which checks the settings and passes them as a config file. A rule's output is
the manifest of an executed notebook, written last. Checkpoints and benchmarks are not declared: Snakemake deletes a
failed job's outputs, and these must survive so that the next run can go on with them.
"""

import json
import sys
from pathlib import Path
from shlex import quote

from harmlib.io.files import sha256

NOTEBOOKS = Path(workflow.basedir) / "notebooks"


def made_from(name):
    """Return the check sums of what every rule depends on besides its stage: its notebook, the profile, and what that extends.

    Given as a parameter, whose change starts a rule again: of the paths of inputs, Snakemake would take what stands in braces for wildcards.
    """
    return [sha256(path) for path in (NOTEBOOKS / f"{name}.ipynb", config["profile"], config["shared"])]


def command(name, **parameters):
    """Return the shell command that runs a notebook into ``notebooks/``, where the rule promises its manifest.

    As a function of the wildcards, of which there are none: Snakemake would look for some in a text.
    """
    values = {"profile": config["profile"], "results": config["results"], **parameters}
    settings = [word for key, value in values.items() if value is not None for word in ("-p", f"{key}={value}")]
    words = [sys.executable, "-m", "reproduction", "notebook", str(NOTEBOOKS / f"{name}.ipynb"), "--out", f"notebooks/{name}.ipynb", *settings]
    return lambda wildcards: " ".join(map(quote, words))


# What a scheduler has to set aside for a stage; the local executor takes no notice. A job that runs out of time is started again by the
# same command, and goes on where it stopped.
NEEDS = {
    "build": {"mem_mb": 32000, "runtime": "2d"},
    "train": {"mem_mb": 64000, "runtime": "7d", "gres": "gpu:1"},
    "score": {"mem_mb": 48000, "runtime": "2d", "gres": "gpu:1"},
    "exhibits": {"mem_mb": 16000, "runtime": "4h"},
}

PAPERS = json.dumps(config["papers"])


rule all:
    default_target: True
    input:
        "notebooks/90_scoreboard.manifest.json",


rule start_here:
    output:
        "notebooks/00_start_here.manifest.json",
    params:
        made_from=made_from("00_start_here"),
        command=command("00_start_here", data=config["data"]),
    resources:
        **NEEDS["exhibits"],
    shell:
        "{params.command}"


rule build:
    output:
        "notebooks/10_build_benchmark.manifest.json",
    params:
        made_from=made_from("10_build_benchmark"),
        command=command("10_build_benchmark", papers=PAPERS, data=config["data"]),
    threads: config["cores"]
    resources:
        **NEEDS["build"],
    shell:
        "{params.command}"


rule train:
    input:
        rules.build.output,
    output:
        "notebooks/20_train.manifest.json",
    params:
        made_from=made_from("20_train"),
        command=command("20_train", papers=PAPERS, data=config["data"]),
    threads: config["cores"]
    resources:
        **NEEDS["train"],
    shell:
        "{params.command}"


rule score:
    input:
        rules.train.output,
    output:
        "notebooks/30_score.manifest.json",
    params:
        made_from=made_from("30_score"),
        command=command("30_score", papers=PAPERS),
    threads: config["cores"]
    resources:
        **NEEDS["score"],
    shell:
        "{params.command}"


# Exhibit -> the one whose tables it reads.
READS = {"41_sgmmh_results": "40_sgmmh", "72_perceptual_no_mask": "70_perceptual_detector"}

for exhibit in config["exhibits"] + config["lessons"]:

    rule:
        name:
            f"exhibits_{exhibit}"
        input:
            rules.score.output,
            [f"notebooks/{READS[exhibit]}.manifest.json"] if exhibit in READS else [],
        output:
            f"notebooks/{exhibit}.manifest.json",
        params:
            made_from=made_from(exhibit),
            command=command(exhibit, data=config["data"]),
        resources:
            **NEEDS["exhibits"],
        shell:
            "{params.command}"


rule scoreboard:
    input:
        rules.start_here.output,
        rules.score.output,  # which no exhibit asks for where a profile has none
        [f"notebooks/{exhibit}.manifest.json" for exhibit in config["exhibits"] + config["lessons"]],
    output:
        "notebooks/90_scoreboard.manifest.json",
    params:
        made_from=made_from("90_scoreboard"),
        command=command("90_scoreboard"),
    resources:
        **NEEDS["exhibits"],
    shell:
        "{params.command}"
