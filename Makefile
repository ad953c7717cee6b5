# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

RUN_STAMP := $(VENV)/.run-$(shell sha256sum requirements.lock pyproject.toml | sha256sum | cut -c1-16)
DEV_STAMP := $(VENV)/.dev-$(shell sha256sum requirements-dev.lock pyproject.toml | sha256sum | cut -c1-16)
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test lint bench lock format screenshots clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(RUN_STAMP): requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes --only-binary :all: -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.run-*; touch $@

$(DEV_STAMP): requirements-dev.lock $(RUN_STAMP)
	@$(PIP) --require-hashes --only-binary :all: -r requirements-dev.lock
	@rm -f $(VENV)/.dev-*; touch $@

demo: $(RUN_STAMP) ## five tiers on this machine, two years played in two minutes (ARGS=--once exits after the proofs)
	@$(BIN)/wuji demo $(ARGS)

test: $(DEV_STAMP) ## every test; Postgres and Chromium tests run where these are installed
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(DEV_STAMP) ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(DEV_STAMP) ## measured against floors of the same run (see docs/benchmarks.md)
	@$(BIN)/python -m benchmarks $(ARGS)

screenshots: $(DEV_STAMP) ## the pictures of the README, taken anew from the demo (needs Chromium)
	@WUJI_SCREENSHOTS=1 WUJI_DEMO_PEOPLE=120 $(BIN)/python -m pytest -q tests/browser/test_journey_pages.py

format: $(DEV_STAMP) ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix-only . && $(BIN)/ruff format .

lock: ## resolve the pinned dependencies again (needs uv)
	uv lock && uv export --frozen --no-emit-project --no-annotate --no-header --no-dev -o requirements.lock >/dev/null
	uv export --frozen --no-emit-project --no-annotate --no-header -o requirements-dev.lock >/dev/null && rm uv.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .demo
