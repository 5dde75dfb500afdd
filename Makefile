# SPDX-License-Identifier: Apache-2.0
# Every target sets up what it needs and is quick when that is done. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Where nothing is kept, each of the thousands of starts of Python compiles our modules again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
JOBS ?= $(shell nproc)
VENV := .venv
BIN := $(VENV)/bin
# Stamps tell what was done last; one lock per environment, because two builds would collide.
STAMPS := $(VENV)/.vmalab
LOCKED := flock $(STAMPS)/lock
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The folders are there for files that are removed.
NATIVE := $(wildcard native/src/*/*.[ch] native/include/vmalab/*.h native/front/*.[ch]) native/src \
	$(wildcard native/src/*) native/include/vmalab native/front native/core.cdef native/ops.cdef native/lab.cdef native/virtual.cdef \
	native/build_ffi.py native/Makefile native/random_layout.py native/vmalab_native/layout_file.py \
	$(wildcard native/vmalab_native/layouts/*.toml) setup.py
C_FILES := $(wildcard native/src/*/*.[ch] native/include/vmalab/*.h native/front/*.c native/tests/*.[ch] \
	native/bench/*.[ch] tests/support/*.c lab/vmalab_diff/*.c docs/findings/*.c) \
	$(filter-out %_gen.hpp %_gen.cpp,$(wildcard clients/cpp/*/*.[ch]pp clients/cpp/include/vmalab/*.hpp))
MARKDOWN := $(wildcard *.md docs/*.md native/*.md protos/*.md tests/*.md tests/traces/*.md clients/*.md clients/*/*.md)
TESTS ?= tests
# One more than processors: many tests wait for a process that starts or ends.
WORKERS ?= $(shell echo $$(($(JOBS) + 1)))
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations 20 --durations-min 10

.PHONY: help setup native demo races screens models test test-clients test-packages release bench-clients test-quick test-models test-long proto-go proto-java proto-node proto-cpp proto-rust format lint lint-types lint-markdown lint-form check-native bench proto clean distclean tools runtime-tools

help: ## this list
	@echo "vmalab: the kernel's per-VMA locking, run for real between processes"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: tools $(STAMPS)/installed ## the virtual environment with everything in it, and all native cores
	@$(MAKE) --no-print-directory native

# What running needs, and what testing and measuring need besides.
runtime-tools:
	@.ci/tools gcc=gcc make=make flock=util-linux
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "vmalab needs Python 3.11 or newer; '$(PYTHON)' is not." >&2; \
	  echo "Name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@.ci/headers $(PYTHON)

tools: runtime-tools
	@.ci/tools strace=strace spin=spin promtool=prometheus 'perf=linux-perf?' 'pahole=dwarves?' 'h2load=nghttp2-client?'
	@.ci/headers $(PYTHON) liburcu

$(STAMPS)/venv: | runtime-tools
	@echo "making $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "Debian keeps venv in a package of its own: apt-get install python3-venv" >&2; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

# The packages without their native part, which is built in a step of its own: $(1) the extra.
install = $(PIP) 'setuptools>=77' wheel 'cffi>=1.17' && \
	$(LOCKED) env VMALAB_BUILD_NATIVE=no $(PIP) --no-build-isolation -e clients/python -e '.[$(1)]'
# What the cores are linked from is compiled beside it, because pip keeps one processor busy at most.
OBJECTS = mkdir -p native/vmalab_native/cores && flock native/vmalab_native/cores/.lock \
	env -u MAKEFLAGS $(MAKE) -C native --silent -j$(JOBS) objects O=$(CURDIR)/build/cores
PACKAGING := pyproject.toml setup.py clients/python/pyproject.toml clients/python/setup.py

$(STAMPS)/runtime: $(PACKAGING) | $(STAMPS)/venv
	@echo "installing what vmalab runs with into $(VENV) (half a minute the first time)"
	@$(call install,lab)
	@touch $@

$(STAMPS)/installed: $(PACKAGING) | $(STAMPS)/venv
	@echo "installing vmalab and what its tests need into $(VENV) (a minute the first time)"
	@{ $(OBJECTS); } & { $(call install,dev); } || { wait; exit 1; }; wait $$!
	@touch $(STAMPS)/runtime $@

$(STAMPS)/release: $(STAMPS)/installed
	@echo "installing what a release is made with into $(VENV)"
	@$(call install,release)
	@touch $@

native: $(STAMPS)/installed ## the native cores, when their sources changed
	@$(LOCKED) $(MAKE) --no-print-directory --silent $(STAMPS)/native

# What is up to date stays. native/Makefile knows when flags or the list of files changed; distutils
# looks at the times of sources and headers only, so --force when what else it goes by changed. Cores
# that are not built here go away: they are built again when they are asked for.
# $(1): what is built, in the words of setup.py.
FORCE_IF := native/build_ffi.py native/front setup.py
KEPT_default := typesafe-rwsem
KEPT_all = $(KEPT_default) $(MODELS)
build = rm -rf build/lib*; \
	find native/vmalab_native -path '*/cores/*.so' $(KEPT_$(1):%=! -name '%.aligned.so') -delete; \
	VMALAB_BUILD_NATIVE=$(1) $(BIN)/python setup.py --quiet build_ext --inplace \
	$(if $(filter $(FORCE_IF),$?),--force)

$(STAMPS)/native: $(NATIVE)
	@echo "building the native cores, $(JOBS) files at a time"
	@touch $@.begin
	@$(call build,all)
	@touch -r $@.begin $(STAMPS)/default-core && mv $@.begin $@

$(STAMPS)/default-core: $(NATIVE)
	@echo "building the native core, $(JOBS) files at a time"
	@touch $@.begin
	@$(call build,default)
	@mv $@.begin $@

demo: runtime-tools $(STAMPS)/runtime ## a server, two recorded programs replayed, a load from four processes: half a minute
	@$(LOCKED) $(MAKE) --no-print-directory --silent $(STAMPS)/default-core
	@$(BIN)/python -m vmalab_cli.demo

test: setup ## everything that must hold: lint, types, C tests with sanitizers, pytest
	@$(MAKE) --no-print-directory lint
	@echo "C and Python tests, $(WORKERS) at a time"
	@$(PYTEST) -m 'not long' $(TESTS)

CLIENT_TOOLS := npm=npm node=nodejs go=golang cargo=cargo javac=default-jdk-headless mvn=maven \
	g++=g++ cmake=cmake ninja=ninja-build protoc=protobuf-compiler grpc_cpp_plugin=protobuf-compiler-grpc \
	/usr/include/grpcpp/grpcpp.h=libgrpc++-dev? /usr/include/google/protobuf/message.h=libprotobuf-dev?

# Needs the toolchains of the other languages, which `make test` does not.
test-clients: setup ## the clients of all languages: the protos, the conformance cases, their own tests; five minutes
	@.ci/tools $(CLIENT_TOOLS) openssl=openssl \
	  /usr/include/gtest/gtest.h=libgtest-dev? /usr/include/nlohmann/json.hpp=nlohmann-json3-dev?
	@$(BIN)/python -m pytest clients/tests
	@$(BIN)/python clients/conformance/runner.py

# Needs the machine for itself.
bench-clients: setup ## what each client costs beside the bare echo of its gRPC library: two minutes a language
	@.ci/tools $(CLIENT_TOOLS)
	@$(BIN)/python clients/bench/compare.py

# Environments outside of the tree, as a stranger has them: the packages come from the registry.
test-packages: setup $(STAMPS)/release ## what a stranger installs: wheels and source distributions in environments of their own; five minutes
	@.ci/tools strace=strace
	@$(BIN)/python -m pytest release/tests

release: setup $(STAMPS)/release ## the Python packages into dist, both of one version
	@$(BIN)/python release/packages.py dist

# What finds most in a second: tests/README.md says how they were chosen. Three of tests/tidy compile cores.
QUICK := $(filter-out %/test_warnings.py %/test_layers.py %/test_add_an_operation.py,$(wildcard tests/tidy/test_*.py)) \
	$(addprefix tests/,native/test_core.py native/test_operations.py native/test_participants.py \
	client/test_block.py client/test_wire.py server/test_handlers.py server/test_config.py \
	server/test_services.py server/test_standard_services.py race/test_language.py lin/test_checker.py \
	trace/test_strace.py trace/test_ordering.py trace/test_timeline.py loadgen/test_arena.py \
	diff/test_diff_run.py cli/test_cli.py cli/test_old_command_lines.py)
test-quick: setup ## the inner loop, one to two minutes: lint, quick C tests, quick tests of each package
	@$(MAKE) --no-print-directory lint
	@echo "quick C tests"
	@VMALAB_TORTURE_SECONDS=1 $(MAKE) -C native/tests --silent -j$(JOBS) BUILD=$(CURDIR)/build/native-tests check-quick
	@echo "quick tests of each package, $(JOBS) at a time"
	@$(PYTEST) -m 'not long' $(QUICK)

MODELS := mmap-lock split-rwsem embedded-rwsem refcount
test-models: setup ## service, client and tools on every other lock model, four minutes each
	@for m in $(MODELS); do echo "lock model $$m"; \
	  VMALAB_MODEL=$$m $(PYTEST) -m 'not long' $(addprefix tests/,client clients server kernel loadgen trace diff bench cli); done

# A jar is no command, so it is looked for here.
test-long: setup ## the tests that take minutes: torture, soak, crash
	@.ci/tools java=default-jre-headless
	@test -e /usr/share/java/hdrhistogram.jar || .ci/tools 'hdrhistogram.jar=libhdrhistogram-java?'
	@$(PYTEST) -m long --timeout 21600 $(TESTS)

format: setup ## put Python and C into the house's form
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .
	@$(BIN)/clang-format -i $(C_FILES)

lint: setup ## ruff, mypy --strict, the form of C files, stale generated code, Markdown, spelling, words
	@echo "ruff, mypy, clang-format, pymarkdown, codespell, words"
	@$(MAKE) --no-print-directory -j$(JOBS) --output-sync lint-types lint-markdown lint-form

lint-types:
	@$(BIN)/mypy --no-error-summary

lint-markdown:
	@$(BIN)/pymarkdown --strict-config scan $(MARKDOWN)

lint-form:
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/clang-format --dry-run -Werror $(C_FILES)
	@$(BIN)/python protos/generate.py --check
	@$(BIN)/codespell
	@$(BIN)/python tests/support/words.py

check-native: tools ## the C tests alone: plain, narrow lives, thread sanitizer, address sanitizer
	@$(MAKE) -C native/tests --silent -j$(JOBS) BUILD=$(CURDIR)/build/native-tests check check-narrow check-broken check-tsan check-asan

bench: setup ## every claim measured in ten minutes: docs/measurements.md and its pictures
	@$(BIN)/vmalab bench all --out docs/measurements.md

races: setup ## the race catalogue, docs/races.md: every mutant shown, with its picture
	@$(BIN)/vmalab race catalogue --out docs/races.md
	@$(BIN)/vmalab race checks --out docs/series.md >/dev/null

screens: setup ## the pictures of vmalab top, docs/top: an instance with a load, two processes stopped in it
	@$(BIN)/python tests/support/top_screens.py docs/top

models: setup ## the lock protocols and their orderings on models: spin and loom; TRAIL="refcount foreign_wake_unpinned": a trail as a schedule
	@.ci/tools gcc=gcc spin=spin
	@$(BIN)/python native/models/$(if $(TRAIL),trail.py $(TRAIL),run.py)

proto: setup ## the Python modules of the protos, after a change of a .proto
	@$(BIN)/python protos/generate.py

proto-go: setup ## the messages of the Go client, after a change of a .proto; needs Go
	@$(BIN)/python protos/generate_go.py

proto-java: setup ## the messages of the Java client, after a change of a .proto; needs Maven
	@$(BIN)/python protos/generate_java.py

proto-node: ## the messages of the Node client, after a change of a .proto; needs Node
	@$(BIN)/python protos/generate_node.py

proto-cpp: setup ## the messages of the C++ client, after a change of a .proto; needs protoc 3.21
	@$(BIN)/python protos/generate_cpp.py

proto-rust: setup ## the messages of the Rust client, after a change of a .proto; needs Rust
	@$(BIN)/python protos/generate_rust.py

clean: ## remove what was built
	@rm -rf build dist *.egg-info clients/python/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@rm -rf native/vmalab_native/_core*.so native/vmalab_native/_core.c native/vmalab_native/cores
	@rm -f $(STAMPS)/native $(STAMPS)/default-core
	@find cli lab native server clients/python loadgen protos tests -name __pycache__ -prune \
	  -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## and the virtual environment
	@rm -rf $(VENV)
