# Two commands on a bare Debian or Ubuntu: `make demo` and `make test`. `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install -q --no-compile --disable-pip-version-check -c constraints.txt
APT := DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120
VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
DEMO_PACKAGES = g++ iverilog libpython$(VERSION)
TEST_PACKAGES = $(DEMO_PACKAGES) verilator chromium
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help setup setup-test setup-train python-packages system-packages demo test test-slow \
        test-train estimator lint clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

# Installs Debian packages that are missing. A plain user goes on without them: what they enable
# is then shown as not run, with the reason.
define install-packages
	@missing=""; for package in $(1); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' \
	        || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        echo "installing$$missing"; \
	        { $(APT) update && $(APT) install -y --no-install-recommends $$missing; } \
	            >packages.log 2>&1 \
	            || for package in $$missing; do \
	                $(APT) install -y --no-install-recommends $$package >>packages.log 2>&1 \
	                    || echo "going on without $$package (see packages.log)"; done; \
	    else echo "not installed (needs root):$$missing; what they enable is left out"; fi; fi
endef

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "pqhw needs Python 3.11 or newer; set PYTHON=python3.x"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	    [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	        && echo "installing python$(VERSION)-venv" \
	        && { $(APT) update && $(APT) install -y --no-install-recommends python$(VERSION)-venv; \
	           } >packages.log 2>&1 && $(PYTHON) -c 'import ensurepip' 2>/dev/null; } \
	    || { echo "pqhw needs Python's ensurepip; run: apt install python$(VERSION)-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.ready: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing Python packages into $(VENV)"
	@$(PIP) -e '.[all]'
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	@$(PIP) -e '.[test,lint]'
	@touch $@

$(VENV)/.ready-train: $(VENV)/.ready-test
	@echo "installing PyTorch into $(VENV)"
	@$(PIP) -e '.[test,train]'
	@touch $@

setup: | $(BIN)/python ## virtual environment with pinned packages, and the simulators
	@$(MAKE) -s -j2 python-packages system-packages

python-packages: $(VENV)/.ready

system-packages:
	$(call install-packages,$(DEMO_PACKAGES))

setup-test: setup $(VENV)/.ready-test
	$(call install-packages,$(TEST_PACKAGES))

setup-train: setup-test $(VENV)/.ready-train

demo: setup ## digits: train, convert, prove bit-exact, route, compare; writes runs/demo/report.html
	@$(BIN)/pqhw demo

test: setup-test ## the fast tests
	@$(BIN)/python -m pytest -n $(WORKERS)

test-slow: setup-test ## the long sweeps too
	@$(BIN)/python -m pytest -n $(WORKERS) -m 'slow or not slow'

test-train: setup-train ## what needs PyTorch, which is large and which nothing else installs
	@$(BIN)/python -m pytest -n $(WORKERS) tests/quant tests/study \
	    tests/cli/test_cli_train.py tests/cli/test_cli_study.py tests/docs -k 'train or study'

estimator: setup ## route the estimator's points that changed and fit it again: hours
	@$(BIN)/python benchmarks/estimator_points.py --fit

lint: setup-test ## ruff and mypy
	@$(BIN)/ruff check pqhw boards tests benchmarks
	@$(BIN)/mypy

clean: ## remove the environment and the runs; the cache of runs stays
	@rm -rf $(VENV) packages.log runs build *.egg-info
