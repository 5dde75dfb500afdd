# SPDX-License-Identifier: Apache-2.0
# Every target sets up what it needs and is quick when that is done. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
JOBS ?= $(shell nproc)
VENV := .venv
BIN := $(VENV)/bin
# Stamps tell what was done last; one lock per environment, because two builds would collide.
STAMPS := $(VENV)/.vmalab
LOCKED := flock $(STAMPS)/lock
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The folders are there for files that are removed.
NATIVE := $(wildcard native/src/*.[ch] native/include/vmalab/*.h native/front/*.c) native/src \
	native/include/vmalab native/core.cdef native/lab.cdef native/build_ffi.py native/Makefile \
	native/random_layout.py setup.py
C_FILES := $(wildcard native/src/*.[ch] native/include/vmalab/*.h native/front/*.c native/tests/*.[ch] \
	native/bench/*.[ch] tests/support/*.c loadgen/vmalab_loadgen/diff/*.c)
TESTS ?= tests
PYTEST := $(BIN)/python -m pytest -n $(JOBS)

.PHONY: help setup native demo races models test test-models test-long format lint check-native bench proto clean distclean tools

help: ## this list
	@echo "vmalab: the kernel's per-VMA locking, run for real between processes"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: tools $(STAMPS)/installed ## the virtual environment with everything in it, and the native core
	@$(MAKE) --no-print-directory native

tools:
	@.ci/tools gcc=gcc make=make flock=util-linux strace=strace spin=spin 'perf=linux-perf?' 'pahole=dwarves?'
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "vmalab needs Python 3.11 or newer; '$(PYTHON)' is not." >&2; \
	  echo "Name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@.ci/headers $(PYTHON)

$(STAMPS)/venv: | tools
	@echo "making $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "Debian keeps venv in a package of its own: apt-get install python3-venv" >&2; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

# The editable install compiles the core too, hence the second stamp.
$(STAMPS)/installed: pyproject.toml setup.py | $(STAMPS)/venv
	@echo "installing vmalab and what it needs into $(VENV) (a minute the first time)"
	@rm -rf build/lib* build/temp* build/bdist* native/vmalab_native/cores
	@touch $@.begin
	@$(PIP) 'setuptools>=77' wheel 'cffi>=1.17'
	@$(LOCKED) $(PIP) --no-build-isolation -e '.[dev]'
	@cp -p $@.begin $(STAMPS)/native && mv $@.begin $@

native: $(STAMPS)/installed ## the native core, when its sources changed
	@$(LOCKED) $(MAKE) --no-print-directory --silent $(STAMPS)/native

# --force: distutils looks at times only and would keep objects that were built with other flags.
# Cores go away first: those of other layouts are built again when they are asked for.
$(STAMPS)/native: $(NATIVE)
	@echo "building the native core"
	@rm -rf build/lib* build/temp* native/vmalab_native/cores
	@touch $@.begin
	@$(BIN)/python setup.py --quiet build_ext --inplace --force
	@mv $@.begin $@

demo: setup ## a server, two recorded programs replayed, a load from four processes: half a minute
	@$(BIN)/python -m vmalab_loadgen.demo

test: setup ## everything that must hold: lint, types, C tests with sanitizers, pytest
	@$(MAKE) --no-print-directory lint
	@echo "C and Python tests, $(JOBS) at a time"
	@$(PYTEST) -m 'not long' $(TESTS)

MODELS := mmap-lock split-rwsem embedded-rwsem refcount
test-models: setup ## service, client and tools on every other lock model, four minutes each
	@for m in $(MODELS); do echo "lock model $$m"; \
	  VMALAB_MODEL=$$m $(PYTEST) -m 'not long' tests/unit tests/integration tests/e2e tests/clients; done

test-long: setup ## the tests that take minutes: torture, soak, crash
	@$(PYTEST) -m long --timeout 21600 $(TESTS)

format: setup ## put Python and C into the house's form
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .
	@$(BIN)/clang-format -i $(C_FILES)

lint: setup ## ruff, mypy --strict, the form of C files, stale generated code
	@echo "ruff, mypy, clang-format"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/clang-format --dry-run -Werror $(C_FILES)
	@$(BIN)/python protos/generate.py --check
	@$(BIN)/mypy --no-error-summary

check-native: tools ## the C tests alone: plain, narrow lives, thread sanitizer, address sanitizer
	@$(MAKE) -C native/tests --silent -j$(JOBS) BUILD=$(CURDIR)/build/native-tests check check-narrow check-broken check-tsan check-asan

bench: setup ## every claim measured anew in ten minutes: docs/measurements.md and its pictures
	@$(BIN)/vmalab bench all --out docs/measurements.md

races: setup ## docs/races.md anew: every mutant shown, with its picture
	@$(BIN)/vmalab race book --out docs/races.md

models: setup ## the lock protocols and their orderings on models: spin and loom; TRAIL="refcount foreign_wake_unpinned": a trail as a schedule
	@.ci/tools gcc=gcc spin=spin
	@$(BIN)/python native/models/$(if $(TRAIL),trail.py $(TRAIL),run.py)

proto: setup ## the Python modules of the protos, after a change of a .proto
	@$(BIN)/python protos/generate.py

clean: ## remove what was built
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@rm -rf native/vmalab_native/_core*.so native/vmalab_native/_core.c native/vmalab_native/cores
	@rm -f $(STAMPS)/native
	@find native server clients/python loadgen protos tests -name __pycache__ -prune \
	  -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## and the virtual environment
	@rm -rf $(VENV)
