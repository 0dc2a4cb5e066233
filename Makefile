# Everything a person or CI does here. `make demo` and `make test` need only Python 3.11+ and make: they install the rest
# into .venv. Data goes to stdout and talk to stderr, so `make demo ARGS=--json | tail -1` can be parsed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# Worker processes of the tests; `JOBS=0` runs them in one process, for a debugger.
JOBS ?= logical
PACKAGES := gateway connectors mappings dead_letter replay
CHECKED := $(PACKAGES) benchmarks scripts tests

# The first Python that is new enough. Say PYTHON=... to choose another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

.PHONY: help
help: ## Show what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Setting up -------------------------------------------------------------------------------------------------------

.PHONY: install
install: $(VENV)/.dev ## Install everything into .venv (the other targets do it by themselves)
	@echo "Installed; the command is $(BIN)/lockstep" >&2

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found; install one, or say make PYTHON=..." >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV) >&2 || { rm -rf $(VENV); \
		echo "Python's venv module does not work here; on Debian: apt-get install python3-venv" >&2; exit 1; }

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

$(VENV)/.runtime: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing Lockstep" >&2
	@$(INSTALL) -e . >&2
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "Installing the tools for tests and checks" >&2
	@$(INSTALL) -e '.[dev]' >&2
	@touch $@

.PHONY: constraints
constraints: ## Resolve all dependencies afresh and pin them in constraints.txt
	@$(PYTHON) scripts/pin.py

# --- Using ------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.runtime ## Watch six systems being kept in step; ARGS="--for 30s --edits 20 --json"
	@$(BIN)/lockstep demo $(ARGS)

# Entries of the trail that `make bench` verifies; ten million take 6 GB for the time being. ENTRIES=0 leaves it out.
ENTRIES ?= 10000000

.PHONY: bench
bench: $(VENV)/.dev ## Measure the gateway against its floor, and verifying the trail; ARGS="--quick --json" ENTRIES=...
	@$(BIN)/python -m benchmarks $(ARGS)
	@test "$(ENTRIES)" = 0 || $(BIN)/python -m benchmarks.trail --entries $(ENTRIES)

.PHONY: outage
outage: N ?= 100000
outage: $(VENV)/.dev ## Take a target away for a simulated week and drain the queue; N=1000000 ARGS="--json"
	@$(BIN)/python -m benchmarks.outage --changes $(N) $(ARGS)

.PHONY: scale
scale: $(VENV)/.dev ## Measure 1, 2 and 4 workers on a real broker and server; ARGS="--rounds 1 --json"
	@$(BIN)/python -m benchmarks.scale $(ARGS)

.PHONY: replay-drill
replay-drill: N ?= 10000
replay-drill: $(VENV)/.dev ## Replay dead letters with a gateway that is killed twice, and have the systems judge; N=300
	@$(BIN)/python -m tests.drill $(N) $(ARGS)

.PHONY: siem
siem: N ?= 50000
siem: $(VENV)/.dev ## Events to a real rsyslog and a collector that are killed, judged by the verifier; N=5000 ARGS="--kills 2"
	@$(BIN)/python -m tests.feeds $(N) $(ARGS)

# --- Checking ---------------------------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/.dev ## Run the tests in parallel; ARGS="tests/unit -k lanes"
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

.PHONY: collect
collect: $(VENV)/.dev ## Import all tests and run none; the next run finds them compiled
	@$(BIN)/python -m pytest -n 0 -q --collect-only | tail -n 20 | sed '/^tests\/.*::/d'

# Schedules of `make chaos`, and where they begin; two seeds share none.
SEED ?= 0

.PHONY: chaos
chaos: N ?= 2000
chaos: $(VENV)/.dev ## Play random schedules and judge them by the promises; N=... SEED=... ARGS="--broken"
	@$(BIN)/python -m tests.chaos --schedules $(N) --seed $(SEED) $(ARGS)

.PHONY: leavers
leavers: N ?= 500
leavers: $(VENV)/.dev ## Let somebody leave in the middle of N random stories per kind of record; N=...
	@LOCKSTEP_P8_STORIES=$(N) $(BIN)/python -m pytest tests/promises/test_p8_every_way.py -q -n 0

# Kills of workers in `make chaos-system`; its length follows from them.
KILLS ?= 10

.PHONY: chaos-system
chaos-system: $(VENV)/.dev ## Real workers, broker and database under fire; KILLS=... SEED=... ARGS="--minutes 2"
	@$(BIN)/python -m tests.whole --kills $(KILLS) --seed $(SEED) $(ARGS)

.PHONY: crash
crash: $(VENV)/.dev ## Kill it at every durable step and judge what became of it; ARGS="--point decision --json", ARGS=--real
	@$(BIN)/python -m tests.crash $(ARGS)

.PHONY: conformance
conformance: KITS ?= 4
conformance: $(VENV)/.dev ## Measure all connectors and fail if a grade fell; ARGS="--write" keeps better ones
	@$(BIN)/python -c 'from connectors.conformance.subject import with_fixtures as all; print(*all(), sep="\n")' \
	  | xargs -P $(KITS) -I{} $(BIN)/lockstep connector test {} --check $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## Ruff, import directions, shell scripts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/shellcheck .ci/run

.PHONY: format
format: $(VENV)/.dev ## Format the code and mend what can be mended by machine
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

.PHONY: types
types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy $(CHECKED)

.PHONY: check-wheel
check-wheel: $(VENV)/.dev ## Build the wheel, look into it, install it alone and ask it for help
	@$(BIN)/python -m scripts.check_wheel --install

.PHONY: check-deploy
check-deploy: $(VENV)/.dev ## Check docker-compose.yml against the Compose schema and lint the Dockerfile
	@$(BIN)/python -m scripts.check_compose
	@$(BIN)/hadolint --failure-threshold info Dockerfile

.PHONY: docs
docs: $(VENV)/.dev ## Write the parts of docs/reference that come from the code
	@$(BIN)/python -m scripts.generate

.PHONY: check-docs
check-docs: $(VENV)/.dev ## Check that docs/reference says what the code says
	@$(BIN)/python -m scripts.generate --check

.PHONY: verify
verify: lint types check-docs check-deploy check-wheel test ## All checks, as CI runs them (CI adds the real parts)

.PHONY: clean
clean: ## Remove what was installed and written here
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache deploy/kafka/target
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
