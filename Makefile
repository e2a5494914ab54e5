# Everything a user runs. `make help` lists it. Relative paths only, so that folders with spaces work.
PYTHON ?= python3
PROFILE ?= smoke
DATA ?=
PAPER ?=
RESULTS ?= results
IMAGES ?=
METHODS ?=
KIND ?= rankings
RATERS ?= 12
WEIGHTS ?=
OUT ?= study
N ?=
REPOSITORY ?=
SEED ?= 0
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup reproduce check style test fuzz soak lab app site study clean

help: ## list these commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12
	@echo
	@echo 'reproduce takes PROFILE=smoke|small|night|paper  DATA=folder of the photographs  PAPER=sgmmh|harmonizer|frih|perceptual|baselines  RESULTS=folder  FLAGS=--without-pretrained'
	@echo 'site takes PROFILE  RESULTS  REPOSITORY=owner/name on GitHub, for links to Colab and Binder'
	@echo 'soak takes N=rounds, fuzz N=cases and SEED'
	@echo 'study takes IMAGES=folder with composites/ and masks/  METHODS="composite reinhard_lab ..."  KIND=rankings|pairs|choices|filters  RATERS=12  WEIGHTS="harmonizer=run ..."  OUT=study'

setup: .venv/ready ## make .venv with the tested versions (done by the other commands too)

.venv/ready: requirements.txt requirements-dev.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo 'harmlib needs Python 3.11 to 3.13: give one with make PYTHON=python3.12 ...' >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check uv
	VIRTUAL_ENV="$(CURDIR)/.venv" $(PY) -m uv pip install --quiet --python $(PY) -r requirements-dev.txt -c constraints.txt
	VIRTUAL_ENV="$(CURDIR)/.venv" $(PY) -m uv pip install --quiet --python $(PY) --no-deps -e . --config-setting editable_mode=compat
	@# Compiled once, imports are twice as fast, also where PYTHONDONTWRITEBYTECODE is set. The packages' own tests nobody imports.
	$(PY) -m compileall -q -j 0 -x 'site-packages/.*/tests?/' .venv/lib > /dev/null 2>&1 || true
	touch .venv/ready

reproduce: .venv/ready ## build, train, score and draw everything of a profile
	$(PY) -m reproduction reproduce --profile "$(PROFILE)" --results "$(RESULTS)" $(if $(DATA),--data "$(DATA)") $(if $(PAPER),--paper "$(PAPER)") $(FLAGS)

check: style ## check style and types, then run the quick tests: no slow ones, no notebooks
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow and not notebooks"

test: style ## check style and types, then run every test, the smoke profile included
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

fuzz: .venv/ready ## read N damaged and hostile files by every reader: make fuzz N=10000 SEED=0
	$(PY) -m benchmarks.fuzz --cases "$(or $(N),10000)" --seed "$(SEED)"

soak: .venv/ready ## kill commands N times at random moments, start two at once, and compare what they end in
	PYTHONPATH=tests/helpers $(PY) tests/helpers/soak.py --rounds "$(or $(N),50)"

style: .venv/ready
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# config/jupyter says that scripts open as notebooks, which is for docs/solutions; "Open With" has the editor.
lab: .venv/ready ## open notebook 00 in JupyterLab, with the whole repository beside it
	JUPYTER_CONFIG_PATH="$(CURDIR)/config/jupyter:$$JUPYTER_CONFIG_PATH" \
		$(PY) -m jupyterlab notebooks/00_start_here.ipynb --ServerApp.root_dir="$(CURDIR)"

# config/jupyter lets pictures of more than 10 MB through, tornado's limit for a message, which drops them without a word.
app: .venv/ready ## serve the editor: a composite and a mask in the browser, sliders, download
	JUPYTER_CONFIG_PATH="$(CURDIR)/config/jupyter:$$JUPYTER_CONFIG_PATH" $(PY) -m voila docs/app.ipynb

site: .venv/site ## notebooks, documents and API pages as static HTML in site/
	$(PY) -m reproduction site --profile "$(PROFILE)" --results "$(RESULTS)" $(if $(REPOSITORY),--repository "$(REPOSITORY)")

.venv/site: .venv/ready
	VIRTUAL_ENV="$(CURDIR)/.venv" $(PY) -m uv pip install --quiet --python $(PY) -c constraints.txt -e ".[site]" --config-setting editable_mode=compat
	touch .venv/site

study: .venv/ready ## make the pages of a user study, one per rater, to hand out (docs/studies.md)
	@test -n "$(IMAGES)" || { echo 'make study needs a folder of composites: make study IMAGES=folder METHODS="composite reinhard_lab"' >&2; exit 2; }
	$(PY) -m reproduction study make "$(IMAGES)" --kind "$(KIND)" $(if $(METHODS),--methods $(METHODS)) --raters "$(RATERS)" $(foreach run,$(WEIGHTS),--weights "$(run)") --out "$(OUT)"

clean: ## remove .venv, caches and what the smoke profile made; longer runs (results/small, night, paper) stay
	git clean -fdXq results/smoke benchmarks
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
