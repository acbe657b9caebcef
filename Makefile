# Everything a developer runs. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
# The first interpreter that runs and is new enough; override with `make PYTHON=…`.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# Top-level source folders: folder F is the import package treec.F.
FOLDERS := codegen frontends passes runtime schedule tools treeir verify
SOURCES := src $(FOLDERS) examples tests

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

RUN_STAMP := $(VENV)/.treec-run
DEV_STAMP := $(VENV)/.treec-dev
BENCH_STAMP := $(VENV)/.treec-bench
BENCH_LOG ?= bench/results/bench.jsonl

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "treec needs Python 3.11 or newer: make PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@$@ -m pip install --quiet --upgrade 'pip>=24'

$(RUN_STAMP): pyproject.toml | $(BIN)/python
	@echo "installing treec and the libraries it reads models of into $(VENV)"
	@$(BIN)/python -m pip install -qq --editable '.[all]'
	@touch $@

$(DEV_STAMP): pyproject.toml | $(BIN)/python
	@echo "installing treec, the libraries it reads models of and the developers' tools into $(VENV)"
	@$(BIN)/python -m pip install -qq --editable '.[all,dev,gpu]'
	@touch $(RUN_STAMP) $@

.PHONY: venv
venv: $(RUN_STAMP) ## .venv with treec and xgboost, lightgbm, scikit-learn

.PHONY: install
install: $(DEV_STAMP) ## the same and the developers' tools

.PHONY: demo
demo: $(RUN_STAMP) ## train a model, compile it, run it, compare bit for bit
	@$(BIN)/python examples/demo.py

$(BENCH_STAMP): pyproject.toml | $(BIN)/python
	@echo "installing treec, the libraries it reads models of and matplotlib into $(VENV)"
	@$(BIN)/python -m pip install -qq --editable '.[all,bench]'
	@touch $(RUN_STAMP) $@

.PHONY: bench
bench: $(BENCH_STAMP) ## treec beside other engines; goes on from BENCH_LOG (ARGS='--batch 1 4096 --threads 1 higgs')
	$(BIN)/python -m bench.make_models
	$(BIN)/python -m bench.versus --log $(BENCH_LOG) $(ARGS)
	$(BIN)/python -m bench.report $(BENCH_LOG) --plots $(dir $(BENCH_LOG)) --csv $(basename $(BENCH_LOG)).csv > $(basename $(BENCH_LOG)).md

.PHONY: bench-report
bench-report: $(BENCH_STAMP) ## write the figures of BENCH_LOG into docs and README
	$(BIN)/python -m bench.report $(BENCH_LOG) --write

.PHONY: bench-walks
bench-walks: $(RUN_STAMP) ## schedules beside the model's own library (ARGS='--batch 64 higgs')
	$(BIN)/python -m bench.walks $(ARGS)

.PHONY: test
test: lint types lit unit ## everything CI runs

.PHONY: lint
lint: $(DEV_STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: $(DEV_STAMP) ## apply ruff's fixes and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: typelinks
typelinks: ## git-ignored tree where folder F is treec/F, for pyright only
	@rm -rf typelinks && mkdir -p typelinks/treec
	@ln -s $(addprefix ../../,$(FOLDERS) $(wildcard src/treec/*.py) src/treec/default src/treec/py.typed) typelinks/treec/

.PHONY: types
types: $(DEV_STAMP) typelinks ## pyright, strict
	$(BIN)/pyright --pythonpath $(BIN)/python

.PHONY: lit
lit: $(DEV_STAMP) ## FileCheck tests of the dialects and passes
	$(BIN)/lit --verbose --workers $(JOBS) tests/filecheck

.PHONY: unit pytest
unit: $(DEV_STAMP) ## pytest; narrow it with ARGS="tests/unit -k name"
	$(BIN)/python -m pytest --numprocesses $(JOBS) $(ARGS)
pytest: unit

.PHONY: combinations
combinations: $(DEV_STAMP) ## 2000 schedules on forests, with a quota for each word of the language (ARGS='--cases 500')
	$(BIN)/python -m tests.property.combinations --jobs $(JOBS) $(ARGS)

.PHONY: wheel
wheel: $(DEV_STAMP) ## build sdist and wheel into dist/
	rm -rf build dist
	$(BIN)/python -m build

.PHONY: clean
clean: ## remove what was built, keep the virtual environment
	rm -rf build dist demo-output typelinks *.egg-info .pytest_cache .ruff_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## remove the virtual environment too
	rm -rf $(VENV)
