# The few commands of this project; each says what it does. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo pages vtaa test check bench clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

$(VENV)/.demo: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(PIP) install --prefer-binary --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(PIP) install --prefer-binary --editable '.[dev]'
	@touch $@

demo: $(VENV)/.demo ## the whole story on an invented organisation and a real CardDAV server
	@$(RUN) -m tests.demo

pages: $(VENV)/.demo ## the same story, and then the pages for people, until you stop it
	@$(RUN) -m tests.demo pages

vtaa: $(VENV)/.demo ## a first run over 130 phones and a normal day after it, at full size; takes its time
	@$(RUN) -m tests.vtaa

test: $(VENV)/.dev ## every test; real parts are started and stopped by the tests
	$(RUN) -m pytest -n 2 --dist loadgroup

check: $(VENV)/.dev ## style, types and the arrows between rooms
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/.dev ## every figure with its peer, as JSON in bench-results/
	$(PIP) install --prefer-binary --editable '.[dev,bench]'
	$(RUN) -m tests.benchmarks

clean: ## remove what these commands made
	rm -rf $(VENV) demo-output bench-results .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
