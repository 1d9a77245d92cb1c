# Executable documentation of the work on Paperround. Everything runs from .venv, made from the lock files.
.DEFAULT_GOAL := help
.PHONY: help run test check install bench live messages lock clean

VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
# A PATH that shows only the project's own tools first, so that a stray ruff or mypy is never used.
export PATH := $(CURDIR)/$(BIN):$(PATH)

ifneq ($(UV),)
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

help: ## Show what make can do
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-8s %s\n", $$1, $$2 }'

run: $(VENV)/.run ## Start Paperround (without a token: a chat in this terminal)
	@$(BIN)/python -m bot run

test: $(VENV)/.dev ## Run all tests
	$(BIN)/python -m pytest --numprocesses 4 --dist worksteal

check: $(VENV)/.dev ## Everything CI checks: format, lint, types, import directions, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

install: $(VENV)/.dev ## Make .venv with everything for development

bench: $(VENV)/.dev ## Run the benchmarks
	$(BIN)/python -m bench.storage
	$(BIN)/python -m bench.postgres
	$(BIN)/python -m bench.scaling
	$(BIN)/python -m bench.feed
	$(BIN)/python -m bench.fulltext
	$(BIN)/python -m bench.delivery
	$(BIN)/python -m bench.ranking
	$(BIN)/python -m bench.scoring
	$(BIN)/python -m bench.scores
	$(BIN)/python -m bench.search
	$(BIN)/python -m bench.pages
	$(BIN)/python -m bench.feeds

live: $(VENV)/.run ## One digest from arXiv as it is now, to see that the real feeds still parse
	$(BIN)/python -m bot digest --category cs.CL --top 5

CATALOGUE = -d config/locales -D paperround

messages: $(VENV)/.dev ## Bring the message catalogues in step with the sources; new messages come out empty
	PYTHONPATH=. $(BIN)/pybabel -q extract -F config/locales/babel.cfg --no-location --sort-output \
		--project Paperround -o $(VENV)/paperround.pot .
	$(BIN)/pybabel -q update $(CATALOGUE) -i $(VENV)/paperround.pot -N -w 120 --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel -q compile $(CATALOGUE)

lock: $(VENV)/.dev ## Renew the lock files from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--custom-compile-command "make lock" pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --extra dev \
		--constraint requirements.txt --custom-compile-command "make lock" pyproject.toml -o requirements-dev.txt

clean: ## Remove .venv and caches; data stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage node_modules

$(BIN)/python:
ifneq ($(UV),)
	$(UV) venv --quiet --python '>=3.11' $(VENV)
else
	@test -n "$(PYTHON)" || { echo "Paperround needs Python 3.11 or newer; none was found. Set PYTHON=/path/to/python3."; exit 1; }
	$(PYTHON) -m venv $(VENV)
endif

# --no-deps: the lock files name everything. No build isolation: hatchling, too, comes from the lock file.
$(VENV)/.run: requirements.txt | $(BIN)/python
	@echo "Setting up $(VENV) …"
	$(INSTALL) --require-hashes --no-deps -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) for development …"
	$(INSTALL) --require-hashes --no-deps -r requirements-dev.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run
