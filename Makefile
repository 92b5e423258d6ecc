# Two commands: `make demo` shows what seqpred does, `make test` checks all of it.
# Both make the virtual environment that they need; nothing but Python, make and a package index is asked for.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test lint types tests format docs bench bench-peers torture coverage mutants audit accuracy \
	lowest clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

install: $(VENV)/installed  ## the virtual environment, with what development needs

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

demo: install  ## train on 132 months of airline passengers, score on the 12 that follow, forecast the next
	@echo "--- 132 of the 144 months train a network; the last 12 are kept from it"
	head -n 133 data/air_passengers.csv | $(BIN)/seqpred train configs/air_passengers.yaml --data - --out runs/demo --force
	@echo "--- the 12 months that it has not seen, beside the naive forecasts"
	$(BIN)/seqpred eval runs/demo data/air_passengers.csv
	@echo "--- what follows the last month"
	$(BIN)/seqpred predict runs/demo data/air_passengers.csv --steps 6 --quantiles 0.1,0.9

test: lint types tests  ## everything: style, types, tests (under five minutes on two cores)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

tests: install
	$(BIN)/pytest -q -n 2 --dist worksteal

format: install  ## put the code in its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install  ## the pages that the program writes of itself
	$(BIN)/python docs/write.py

bench: install  ## speed and memory, as ratios within one run
	for script in startup step reading memory stream; do $(BIN)/python benchmarks/$$script.py; done

bench-peers: install  ## the same work by other libraries, each in an environment of its own (needs a package index)
	$(BIN)/python benchmarks/peers.py

torture: install  ## kills, flipped bits, fuzz, leaks, repetition at full length: the figures of docs/reliability.md
	$(BIN)/python -W ignore benchmarks/torture.py

coverage: install  ## which branches of seqpred/ the tests go through, the command's own processes included
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n 2 --dist worksteal
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --show-missing --skip-covered --fail-under 95

mutants: install  ## how many faults, put into the data, scaling and evaluation modules, the tests notice
	PIP_CONSTRAINT= $(BIN)/pip install --quiet cosmic-ray==8.7.0
	$(BIN)/python -W ignore benchmarks/mutants.py

audit:  ## known vulnerabilities of the locked dependencies (asks PyPI)
	$(PYTHON) -m venv .venv-audit
	PIP_CONSTRAINT= .venv-audit/bin/pip install --quiet pip-audit
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt

accuracy: install  ## the README's table: scores on the test parts
	$(BIN)/python benchmarks/accuracy.py

lowest:  ## the tests with the lowest releases that pyproject.toml admits
	$(PYTHON) -m venv .venv-lowest
	PIP_CONSTRAINT=$(CURDIR)/constraints-lowest.txt .venv-lowest/bin/pip install --quiet --editable '.[dev]'
	.venv-lowest/bin/pytest -q

clean:  ## take away what the other commands made
	rm -rf $(VENV) .venv-lowest .venv-audit benchmarks/.peers runs .mypy_cache .pytest_cache .ruff_cache .hypothesis
