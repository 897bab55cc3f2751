# Every target does its own set-up, and can be run again: what is there is left alone.

MODEL ?= smollm2-135m-instruct
# What the tests run when they need a real model. Without a network: make test TEST_MODELS=
TEST_MODELS ?= smollm2-135m-instruct all-minilm-l6-v2
# The PostgreSQL that the extension is built for and installed into.
PG_CONFIG ?= /usr/lib/postgresql/15/bin/pg_config
DESTDIR ?=

# Where rustup puts cargo; a shell that was open before doesn't have it on its path yet.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin
export PG_CONFIG DESTDIR
export PGRX_PG_CONFIG_PATH := $(PG_CONFIG)

CARGO := cargo
FLAGS := --release --locked
# What needs no PostgreSQL; and all there is.
PROGRAM := $(FLAGS) --package refuel
WORKSPACE := $(FLAGS) --workspace

.PHONY: help setup build extension install-extension uninstall-extension demo test lint bench clean-demo
.DEFAULT_GOAL := help

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing: system packages, Rust, ONNX Runtime
	@scripts/setup

build: setup ## Build target/release/refuel
	$(CARGO) build $(PROGRAM)

extension: ## Build the extension for PG_CONFIG's PostgreSQL, and what it starts
	@scripts/setup --postgres
	$(CARGO) build $(PROGRAM) --package refuel-extension

# Not built here: it is run as root, and what root builds is root's.
install-extension: ## Install the extension that `make extension` built
	scripts/install-extension

uninstall-extension: ## Take it away again
	scripts/install-extension --uninstall

demo: build ## Build an example project on SQLite; MODEL=NAME takes another model
	@scripts/setup --models $(MODEL)
	@scripts/demo $(MODEL)

lint: ## Check formatting, run clippy, type-check the extension for every PostgreSQL
	@scripts/setup --postgres
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(WORKSPACE) --all-targets -- -D warnings
	scripts/check-features
	scripts/check-postgres-versions

# One selection of packages throughout, so that nothing is built twice. The tests come last, so that what they say at
# the end is the end. nextest is told which tests need the machine for themselves; without it all of them take turns.
test: lint ## Lint, and run every test, on real models and a real PostgreSQL
	@scripts/setup --postgres-tests
	$(CARGO) build $(WORKSPACE)
	@$(if $(strip $(TEST_MODELS)),scripts/setup --models $(TEST_MODELS) && scripts/setup --fixtures)
	$(CARGO) test $(WORKSPACE) --doc --quiet
	@if $(CARGO) nextest --version >/dev/null 2>&1; then set -x; $(CARGO) nextest run $(WORKSPACE); \
	else set -x; RUST_TEST_THREADS=1 $(CARGO) test $(WORKSPACE) --lib --bins --tests; fi

bench: build ## Run the benchmarks; bench/README.md says what they need
	@scripts/setup --models $(MODEL)
	bench/run.py $(ARGUMENTS)

clean-demo: ## Remove what the demo wrote
	rm -rf dags/*/.refuel dags/*/target dags/*/*.sqlite3*
