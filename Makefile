# `make demo` and `make test` are the two commands; both build .venv first.
PYTHON ?= python3
BIN := .venv/bin
# the rooms that need no broker, browser, model or database
QUICK := tests/domain tests/config tests/messages tests/ports tests/judging tests/station tests/tuning tests/runtime tests/test_text.py
# test files run side by side, each whole in one process
PARALLEL := -n 2 --dist loadfile
LONG := soak or scale or cluster or plant

WEB := inspector/adapters/console/web
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public -type f -not -name schema.d.ts) $(WEB)/index.html $(WEB)/package-lock.json

.PHONY: setup web demo test quick proof lint reference system clean

setup: .venv/ready web

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# the pages in the browser, with the system's node or one from PyPI
web: $(WEB)/dist/index.html

$(WEB)/dist/index.html: .venv/ready $(WEB_SOURCES) docs/reference/openapi.json
	$(BIN)/python $(WEB)/build_pages.py

demo: setup
	$(BIN)/inspector demo

test: setup system lint
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term:skip-covered

# under a minute: while you work
quick: setup
	$(BIN)/python -m pytest -q $(PARALLEL) $(QUICK)

# the long forms: memory over thousands of parts, large sets
proof: setup system
	$(BIN)/python -m pytest -m "$(LONG)" --timeout=7200

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# docs/reference, generated from the code
reference: setup
	$(BIN)/python docs/generate_reference.py

# what the tests use that pip does not install; without the right to install it, those tests are skipped and say so
system:
	@sh tests/support/install_system_packages.sh mosquitto mosquitto-clients chromium prometheus

clean:
	rm -rf .venv var
