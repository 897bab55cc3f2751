# Every target does its own set-up, and can be run again: what is there is left alone.

MODEL ?= smollm2-135m-instruct
ROWS ?=
# What the tests run when they need a real model. Without a network: make test TEST_MODELS=
TEST_MODELS ?= smollm2-135m-instruct all-minilm-l6-v2

# Where rustup puts cargo; a shell that was open before doesn't have it on its path yet.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

CARGO := cargo
FLAGS := --release --locked --workspace

.PHONY: help setup build demo test lint bench clean-demo
.DEFAULT_GOAL := help

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing: system packages, Rust, ONNX Runtime
	@scripts/setup

build: setup ## Build target/release/refuel
	$(CARGO) build $(FLAGS)

demo: build ## Label real messages; MODEL=NAME takes another model, ROWS=N the first N rows
	@scripts/setup --models $(MODEL)
	@scripts/demo $(MODEL) $(ROWS)

lint: setup ## Check formatting, and run clippy
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(FLAGS) --all-targets -- -D warnings

# The tests come last, so that what they say at the end is the end.
test: lint build ## Lint, and run every test on real models
	@$(if $(strip $(TEST_MODELS)),scripts/setup --models $(TEST_MODELS) && scripts/setup --fixtures)
	$(CARGO) test $(FLAGS) --doc --quiet
	@if $(CARGO) nextest --version >/dev/null 2>&1; then set -x; $(CARGO) nextest run $(FLAGS); \
	else set -x; $(CARGO) test $(FLAGS) --lib --bins --tests; fi

bench: build ## Run the benchmarks; bench/README.md says what they need
	@scripts/setup --models $(MODEL)
	bench/run.py $(ARGUMENTS)

clean-demo: ## Remove what the demo wrote
	rm -rf demo-output
