# Commands for working on tap-jira. They need Python 3.10 or later, make, and access to PyPI.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.DEFAULT_GOAL := help
.PHONY: help venv test coverage check format fuzz soak mutants loss targets bench bench-memory demo meltano catalog docs clean

# How many schedules make soak searches.
N ?= 20000
# For how many seconds make fuzz looks.
SECONDS ?= 300
# How many issues make targets copies into each target.
ISSUES ?= 500
# How many issues make bench copies, and for how many seconds make bench-memory watches each of its sizes.
SIZES ?= 20000
LIMIT ?= 900

help: ## List these commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(READY) ## Make .venv with the tap and what its tests need; PYTHON=python3.12 chooses another Python.

# Only when pyproject.toml changes: the tap itself is installed as a link to this folder.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

test: venv ## Run the tests, on all cores.
	$(BIN)/pytest --numprocesses auto

coverage: venv ## Run the tests and report which branches they do not reach; takes twice as long.
	$(BIN)/pytest --numprocesses auto --cov --cov-report=term-missing:skip-covered

check: venv ## Run everything that must pass before a commit: style, format, types, tests.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) test

format: venv ## Lay out the code as the check wants it.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: venv ## Look SECONDS=300 for bytes that break what reads configurations, states, catalogs and answers; see SECURITY.md.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3'
	$(BIN)/python -m tests.fuzz $(SECONDS)

soak: venv ## Search N=20000 schedules of edits, faults and kills for a lost row, on all cores.
	$(BIN)/python -m tests.soak $(N)

mutants: venv ## Break the issue reader in every known way; the search for lost rows must notice each.
	$(BIN)/python -m tests.mutants

loss: ## Count the issues that are lost while they change, by this tap and by tap-jira from PyPI.
	$(PYTHON) -m benchmarks.loss

targets: venv ## Copy ISSUES=500 issues into real targets from PyPI, twice, and compare what they hold with Jira.
	$(BIN)/python -m tests.targets --issues $(ISSUES)

bench: ## Measure time, CPU and memory of copying SIZES=20000 issues, beside floors and other taps from PyPI.
	$(PYTHON) -m benchmarks.bench --issues $(SIZES)

bench-memory: ## Watch the memory of this tap while it copies 200,000 and 1,000,000 issues, LIMIT=900 seconds each.
	$(PYTHON) -m benchmarks.memory --limit $(LIMIT)

demo: ## Copy a simulated Jira into a DuckDB file, change some issues, copy again; CLOUD=1 makes it a Jira Cloud.
	$(PYTHON) examples/demo.py $(if $(CLOUD),--cloud)

meltano: ## Copy a simulated Jira with Meltano from PyPI, as examples/meltano/meltano.yml says, and check what came.
	$(PYTHON) examples/meltano/run.py

catalog: venv ## Write catalog.json anew from the simulated Jira.
	$(BIN)/python docs/generate.py catalog

docs: venv ## Write the generated tables of README.md and docs/ anew.
	$(BIN)/python docs/generate.py tables

clean: ## Remove everything that these commands have made.
	rm -rf $(VENV) .demo .bench .targets build *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
