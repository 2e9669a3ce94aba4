# The few commands of this project; each says what it does. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet
LOCKED := $(PIP) install --require-hashes --requirement
OURSELVES := $(PIP) install --no-deps --no-build-isolation --editable .

# Tests start hundreds of processes of our own: each would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo pages vtaa test again campaigns check bench lock lowest release clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

$(VENV)/.demo: pyproject.toml requirements-demo.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(LOCKED) requirements-demo.lock
	$(OURSELVES)
	@touch $@

$(VENV)/.dev: pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(LOCKED) requirements-dev.lock
	$(OURSELVES)
	@touch $@

demo: $(VENV)/.demo ## the whole story on an invented organisation, a real CardDAV server and a simulated MDM system
	@$(RUN) -m tests.demo

pages: $(VENV)/.demo ## the same story, and then the pages for people, until you stop it
	@$(RUN) -m tests.demo pages

vtaa: $(VENV)/.demo ## a first run over 130 phones and a normal day after it, at full size; takes its time
	@$(RUN) -m tests.vtaa

test: $(VENV)/.dev ## every test; real parts are started and stopped by the tests
	$(RUN) -m pytest -n 2 --dist loadgroup

again: $(VENV)/.dev ## what failed in the last `make test`, once more, one after the other
	$(RUN) -m pytest --last-failed --last-failed-no-failures none

MINUTES ?= 60
BUDGET ?= 0
SEED ?=
campaigns: $(VENV)/.dev ## the long forms of tests, MINUTES=60 for each, BUDGET= for all: kills, games, fuzzing; SEED= repeats
	CAMPAIGN_MINUTES=$(MINUTES) CAMPAIGN_BUDGET=$(BUDGET) CAMPAIGN_SEED=$(SEED) HYPOTHESIS_PROFILE=campaign \
		$(RUN) -m pytest -n 2 --dist loadgroup -m "campaign or hypothesis" $(if $(SEED),--hypothesis-seed=$(SEED) --randomly-seed=$(SEED))

check: $(VENV)/.dev ## style, types and the arrows between rooms
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

lock: ## resolve all dependencies anew into the lock files, with hashes; needs uv
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra scale --output-file requirements.lock pyproject.toml
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra demo --constraint requirements.lock --output-file requirements-demo.lock pyproject.toml
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

lowest: ## every test on the lowest versions that pyproject.toml allows, in a venv of its own; needs uv
	uv venv --quiet --clear --python $(PYTHON) .venv-lowest
	uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct --editable '.[dev]'
	.venv-lowest/bin/python -m pytest -n 2 --dist loadgroup

release: $(VENV)/.dev ## wheel and sdist built twice to the same bytes, checksums and SBOM, in dist/
	deploy/release.sh $(RUN)

bench: $(VENV)/.dev ## every figure with its peer, as JSON in bench-results/
	$(PIP) install --prefer-binary --editable '.[dev,bench]'
	$(RUN) -m tests.benchmarks

clean: ## remove what these commands made
	rm -rf $(VENV) .venv-lowest dist demo-output bench-results .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
