# demo   try it: no account, no key        test         lint, types and the whole suite
# lint   ruff, mypy, import contracts      bench        measure, side by side, in one run
# screenshots   draw screenshots/ from the demo    soak   writers killed at random, for long
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench soak screenshots clean

$(VENV)/.app: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("sessiontree needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.test: $(VENV)/.app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

demo: $(VENV)/.app
	@$(BIN)/sessiontree demo

lint: $(VENV)/.test
	$(BIN)/ruff format --check sessiontree tests
	$(BIN)/ruff check sessiontree tests
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# In the order of the files: by their number of tests, those with one long test would come last.
test: lint
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

bench: $(VENV)/.test
	$(BIN)/python -m tests.bench

soak: $(VENV)/.test
	$(BIN)/python -m tests.soak_store

screenshots: $(VENV)/.test
	$(BIN)/python -m tests.screenshots

clean:
	rm -rf $(VENV) build dist *.egg-info
