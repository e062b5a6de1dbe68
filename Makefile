# Every goal does its own set-up: a virtual environment with locked dependencies, a release build, the wheel installed.
# Needs Python 3.11 or later, stable Rust, make and a C compiler. `make PYTHON=python3.12 test` picks an interpreter.
PYTHON ?= python3
OUT ?= out
VENV := .venv
BIN := $(VENV)/bin
WHEELS := target/wheels

SOURCES := Cargo.toml Cargo.lock pyproject.toml README.md $(wildcard LICENSE*) \
  $(shell find rust python -type f ! -name '*.pyc' ! -name '*.so')

.DEFAULT_GOAL := build
.PHONY: build demo docs test test-rust test-python bench soak check sdist clean

build: $(VENV)/.installed

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: set PYTHON")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.locked: requirements/dev.txt $(VENV)/.created
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	@touch $@

$(VENV)/.installed: $(SOURCES) $(VENV)/.locked
	@rm -rf $(WHEELS)
	$(BIN)/maturin build --quiet --release --interpreter $(BIN)/python --out $(WHEELS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(WHEELS)/*.whl
	@touch $@

# The main job: a million accounts under real rules, scored, summed up and written as Arrow IPC.
demo: build
	$(BIN)/python -m crossmargin.cli demo --out $(OUT)

test: test-rust test-python

test-rust:
	@if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --locked -p crossmargin && cargo test --locked -p crossmargin --doc; \
	else \
	  cargo test --locked -p crossmargin; \
	fi

test-python: build
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest --doctest-modules --pyargs crossmargin

$(VENV)/.bench: requirements/bench.txt $(VENV)/.locked
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/bench.txt
	@touch $@

# Programs that are asked in processes of their own need packages that do not go with ours: each has an environment of
# its own. One that cannot be installed is left out of the table, and tried again the next time.
PEERS := freqtrade driftpy lrvx nautilus

$(VENV)/.peers: $(PEERS:%=requirements/bench-%.txt) $(VENV)/.created
	@failed=; for peer in $(PEERS); do \
	  $(PYTHON) -m venv --clear $(VENV)/peers/$$peer && \
	  $(VENV)/peers/$$peer/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/bench-$$peer.txt || \
	  { failed=1; rm -rf $(VENV)/peers/$$peer; echo "$$peer could not be installed: it is left out"; }; \
	done; test -n "$$failed" || touch $@

bench: build $(VENV)/.bench $(VENV)/.peers
	$(BIN)/python benches/python/bench_score.py $(BENCH_ARGS)
	$(BIN)/python benches/python/bench_monitor.py $(MONITOR_ARGS)
	$(BIN)/python benches/python/bench_decide.py $(DECIDE_ARGS)

# The monitor against a full scan after every frame, a billion pools times frames: SOAK_ARGS="--seed 7 --pool-frames 1e8".
soak: build
	$(BIN)/python -m crossmargin.testing.watching.soak $(SOAK_ARGS)

$(VENV)/.check: requirements/check.txt $(VENV)/.locked
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/check.txt
	@touch $@

# Licences and sources of the crates are checked where cargo-deny is installed: CONTRIBUTING.md says how.
check: build $(VENV)/.check
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest crossmargin._core
	$(BIN)/basedpyright
	@if cargo deny --version >/dev/null 2>&1; then \
	  cargo deny --locked check bans licenses sources; \
	else \
	  echo 'cargo-deny is not installed: licences and sources of the crates were not checked'; \
	fi

$(VENV)/.docs: requirements/docs.txt $(VENV)/.locked
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/docs.txt
	@touch $@

# The pages as a site, with the reference made of the docstrings; a warning fails it. No build of the engine is needed.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# The source distribution, and a wheel built from nothing else.
sdist: $(VENV)/.locked
	@rm -rf target/sdist
	$(BIN)/maturin sdist --out target/sdist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir target/sdist target/sdist/*.tar.gz

clean:
	rm -rf $(VENV) $(OUT) target
