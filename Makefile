# LexiQuery. `make demo` asks a question on a fresh machine, `make test` runs the tests, `make` is what CI wants green.
SHELL := /bin/bash
.DEFAULT_GOAL := check
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
UV = $(shell command -v uv 2>/dev/null || echo .venv/uv/bin/uv)
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export UV_LINK_MODE ?= copy
# Certificates of the system, for companies whose network has its own authority.
export UV_SYSTEM_CERTS ?= 1
# Packages are compiled once as they are installed, our own modules by the first run: without that every start takes
# ten seconds more, and the workers of the tests compile the same modules side by side.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: check demo test bench eval-regression fuzz format-check format lint types lock clean install install-dev

check: format-check lint types test  ## everything CI wants

demo: install  ## set up everything, start everything, ask a question
	$(BIN)/lexiquery demo

# One worker more than cores, since many tests wait for a process or a server; each more costs nine seconds to start.
WORKERS = $(shell echo $$((1 + $$(getconf _NPROCESSORS_ONLN))))

# One call for all of it: what waits for a model or for a killed server's next start leaves its core to the others. A
# file stays on one worker; tests/conftest.py puts the longest files first.
test: install-dev  ## the whole test suite: load, the embedded model, the public data, and what needs nothing more
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

bench: CALLS := 1000000
bench: install  ## what the ledger costs with CALLS calls on it, on SQLite and PostgreSQL (docs/performance.md)
	$(BIN)/python -m benchmarks --calls $(CALLS)

eval-regression: REGRESSION := data/runtime/regression
eval-regression: install  ## 24 questions to the smallest model, and whether fewer are right than were
	export LEXIQUERY_DATA_DIR=$(REGRESSION) LEXIQUERY_MODEL_DIR=data/runtime/models LEXIQUERY_MODEL=qwen2.5-coder:0.5b; \
		$(BIN)/lexiquery models pull && $(BIN)/lexiquery seed && \
		$(BIN)/lexiquery eval data/seed/regression.jsonl --out $(REGRESSION)/out && \
		$(BIN)/python -m core_engine.evaluation.regression $(REGRESSION)/out

fuzz: SECONDS := 60
fuzz: .venv/installed-fuzz  ## look for texts that crash or hang a proof, SECONDS a target (Linux)
	for target in spl-parser spl kql sql; do $(BIN)/python -m tests.fuzz.run $$target $(SECONDS) || exit 1; done

format-check: install-dev
	$(BIN)/ruff format --check .

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: install-dev
	$(BIN)/ruff check .

types: install-dev
	$(BIN)/mypy

install: .venv/installed
install-dev: .venv/installed-dev .venv/installed-node

.venv/uv-ready:
	@test -n "$(PYTHON)" || { echo "LexiQuery needs Python 3.11, 3.12 or 3.13; none is on the PATH"; exit 1; }
	@command -v uv >/dev/null || { echo "installing uv into .venv/uv"; \
		$(PYTHON) -m venv .venv/uv && .venv/uv/bin/python -m pip install -q --require-hashes -r requirements/uv.txt; } \
		|| { echo "uv is missing and could not be installed: python3-venv or a package registry is missing"; exit 1; }
	@test -x $(BIN)/python || $(UV) venv -q --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@touch $@

.venv/installed: .venv/uv-ready requirements/all.txt pyproject.toml
	$(UV) pip install -q --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r requirements/all.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-dev: .venv/installed requirements/dev.txt
	$(UV) pip install -q --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

NODE := tests/protocol_interface/mcp_conformance

# The MCP conformance suite and inspector; their tests are skipped where they are not.
.venv/installed-node: .venv/installed-dev $(NODE)/package-lock.json
	@mkdir -p .venv/node && cp $(NODE)/package.json $(NODE)/package-lock.json .venv/node/
	@cd .venv/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null && touch ../installed-node \
		|| echo "npm did not install $(NODE)/package.json: the tests of MCP conformance are skipped"

.venv/installed-fuzz: .venv/installed-dev requirements/fuzz.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps --require-hashes -r requirements/fuzz.txt
	@touch $@

GROUPS := core-engine protocol-interface planner knowledge data embedded-model fuzz
COMPILE = $(UV) pip compile -q pyproject.toml --universal --generate-hashes --no-emit-index-url --no-annotate \
	--no-header --override requirements/overrides.txt

lock: .venv/uv-ready  ## resolve again, on purpose: every lock file, all with the same versions
	$(COMPILE) --group all --group dev -o requirements/dev.txt
	$(COMPILE) --group all -c requirements/dev.txt -o requirements/all.txt
	for group in $(GROUPS); do $(COMPILE) --group $$group -c requirements/dev.txt -o requirements/$$group.txt; done
	echo uv | $(UV) pip compile -q - --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		-c requirements/dev.txt -o requirements/uv.txt
	! grep -nE 'https?://' requirements/*.txt

clean:  ## the environment and what tools left; never data/runtime
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
