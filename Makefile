# The commands of this repository; `make` lists them.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .local/uv/bin/uv
BIN := .venv/bin
READY := .local/ready

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check chaos bench soak rivals kafka-stop clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## install everything into .venv/ and .local/ (the other commands do it when needed)

$(READY): Makefile pyproject.toml uv.lock deploy/kafka/pom.xml deploy/system-packages.sh
	@echo 'setup: packages into .venv/, Kafka into .local/jars/ (the first time takes a minute or two)'
	@PYTHON=$(PYTHON) deploy/system-packages.sh
	@test -x .local/uv/bin/pip || $(PYTHON) -m venv .local/uv
	@.local/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never $(UV) sync --frozen --quiet --compile-bytecode
	@test -n "$$SINGLE_WINDOW_KAFKA" || $(BIN)/python -m deploy.jars
	@touch $@

run: setup ## the demonstration: a local Kafka, a worker, simulated declarations, live figures
	@$(BIN)/single-window demo

demo: run ## the same as run

test: setup ## the whole test suite, on a real Kafka of its own
	@$(BIN)/pytest

chaos: setup ## all that may go wrong, each a scenario on a real Kafka: about half an hour, and a table
	@$(BIN)/pytest tests/crash tests/chaos --long -n 2 --dist loadfile

check: setup ## format, lint, types, imports
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

rivals: setup
	@UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never $(UV) sync --frozen --quiet --group bench

bench: rivals ## the worker beside what its users would pick instead: ratios, latency, growth, recovery (20 minutes)
	@$(BIN)/python -W ignore -m tests.bench $(BENCH)

soak: setup ## twenty minutes at a steady rate: does memory stay flat?
	@$(BIN)/python -W ignore -m tests.bench.soak $(SOAK)

kafka-stop: setup ## stop the local Kafka; its data stays in .local/kafka
	@$(BIN)/single-window kafka stop

clean: kafka-stop ## stop the local Kafka and remove its data, state and caches; what setup installed stays
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find .local -mindepth 1 -maxdepth 1 ! -name uv ! -name jars ! -name ready -exec rm -rf {} +
