# `make demo` trains and scores a model, `make test` runs every check.
# Both create the virtual environment they need. They require Python 3.11 or later, make and access to PyPI.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test lint types tests format docs cells bench bench-speed bench-peers scale torture coverage \
	mutants audit accuracy pretrain lowest clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

install: $(VENV)/installed  ## create the virtual environment with the development dependencies

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

demo: install  ## train on 132 months of airline passengers, score the next 12, forecast 6 more
	@echo "--- train on the first 132 of 144 months"
	head -n 133 data/air_passengers.csv | $(BIN)/seqpred train configs/air_passengers.yaml --data - --out runs/demo --force
	@echo "--- score the 12 held-out months against the naive baselines"
	$(BIN)/seqpred eval runs/demo data/air_passengers.csv
	@echo "--- forecast the 6 months after the end of the file"
	$(BIN)/seqpred predict runs/demo data/air_passengers.csv --steps 6 --quantiles 0.1,0.9

test: lint types tests  ## run the linter, the type checker and the tests (under five minutes on two cores)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

tests: install
	$(BIN)/pytest -q -n 2 --dist worksteal

format: install  ## fix lint errors and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install  ## regenerate the reference pages from the code, and build the documentation site in build/site
	$(BIN)/python docs/write.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

cells: install  ## train the six teaching configs and renew the scores and the picture of docs/cells.md
	$(BIN)/python docs/cells.py

bench: install  ## measure speed and memory relative to a reference in the same run
	for script in startup step reading memory stream; do $(BIN)/python benchmarks/$$script.py; done

bench-speed: install  ## measure training and evaluation relative to a matrix product in the same run
	$(BIN)/python benchmarks/speed.py

scale: install  ## forecast, score and train with shards, Ray and several processes: the figures in docs/scale.md
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/ranks.py

bench-peers: install  ## compare with other libraries, each in its own virtual environment (needs PyPI)
	$(BIN)/python benchmarks/peers.py

torture: install  ## run the fault-injection tests at full length: the figures in docs/reliability.md
	$(BIN)/python -W ignore benchmarks/torture.py

coverage: install  ## measure branch coverage of seqpred/, subprocesses included
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n 2 --dist worksteal
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --show-missing --skip-covered --fail-under 95

mutants: install  ## mutation testing of the data, scaling and evaluation modules
	PIP_CONSTRAINT= $(BIN)/pip install --quiet cosmic-ray==8.7.0
	$(BIN)/python -W ignore benchmarks/mutants.py

audit:  ## check the locked dependencies for known vulnerabilities (queries PyPI)
	$(PYTHON) -m venv .venv-audit
	PIP_CONSTRAINT= .venv-audit/bin/pip install --quiet pip-audit
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt

accuracy: install  ## reproduce the accuracy table of the README (scores on the test splits)
	$(BIN)/python benchmarks/accuracy.py

pretrain: install  ## train the pretrained networks again, byte for byte (resumes an interrupted run)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m seqpred.pretraining

lowest:  ## run the tests with the lowest releases that pyproject.toml allows
	$(PYTHON) -m venv .venv-lowest
	PIP_CONSTRAINT=$(CURDIR)/constraints-lowest.txt .venv-lowest/bin/pip install --quiet --editable '.[dev]'
	.venv-lowest/bin/pytest -q

clean:  ## remove everything that the other targets created
	rm -rf $(VENV) build/site .venv-lowest .venv-audit benchmarks/.peers runs .mypy_cache .pytest_cache .ruff_cache .hypothesis
