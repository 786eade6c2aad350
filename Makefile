# Everything a newcomer types. Needs Python 3.11 or newer and make; each target does its own set-up.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv-bench/.ready

.PHONY: audit test test-slow test-browser test-postgres test-prefect test-wheel fuzz fmt lint types bench docs clean

audit: $(READY)  ## the whole pipeline over an invented state, on this machine alone
	$(BIN)/rollcall demo

test: lint types  ## everything that needs no system package
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile -m "not prefect and not wheel and not postgres and not browser and not slow"

test-slow: $(READY)  ## the way from a run to a filed report, and every count held against the truth
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile -m slow

test-prefect: $(READY)  ## a real Prefect server, work pool and worker
	$(BIN)/pytest -m prefect

test-postgres: $(READY)  ## the ledger in PostgreSQL: a throw-away cluster on loopback; Debian's package is fetched where there is none
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  root=; [ "$$(id -u)" = 0 ] || root=sudo; $$root apt-get update -q && $$root apt-get install -qy --no-install-recommends postgresql; }
	$(BIN)/pytest -m postgres tests/pipelines/test_ledger.py

test-browser: $(READY)  ## every page in a real browser with axe, every PDF under a validator that is not ours; fetches Debian's chromium where there is none
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  root=; [ "$$(id -u)" = 0 ] || root=sudo; $$root apt-get update -q && $$root apt-get install -qy --no-install-recommends chromium; }
	$(BIN)/pytest -m browser

test-wheel: $(READY)  ## the built wheel, installed in a fresh environment outside the checkout
	$(BIN)/pytest -m wheel

fuzz: $(READY)  ## every format's reader under a coverage-guided fuzzer, for FUZZ_SECONDS (60) in all; Linux
	$(BIN)/python -m tests.fuzz

fmt: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY) $(PEERS)  ## linking beside Splink, providers, and the measured error rate over ten seeds (benchmarks/README.md)
	$(BIN)/python -m benchmarks

docs: $(READY)  ## every command and example in the documents, run
	$(BIN)/pytest tests/test_docs.py

lock: $(READY)  ## resolve pyproject.toml anew; the lock holds hashes and no host names
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --upgrade -o requirements.lock
	$(BIN)/uv pip compile --group bench --constraints requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --upgrade -o benchmarks/requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Rollcall needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>&1`. Say PYTHON=python3.12 make ..."; exit 2; }
	$(PYTHON) -m venv --clear .venv
	@awk '/^uv==/{on=1} on{print} on && !/\\$$/{exit}' requirements.lock > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

# Splink and its sets stand apart, so that a test needs none of it; the lock holds DuckDB and nicknames at the version of ours.
$(PEERS): benchmarks/requirements.lock $(READY)
	$(PYTHON) -m venv --clear --without-pip .venv-bench
	VIRTUAL_ENV=.venv-bench $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --build-constraints requirements.lock \
	  benchmarks/requirements.lock
	@touch $(PEERS)

clean:
	rm -rf .venv .venv-bench build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
