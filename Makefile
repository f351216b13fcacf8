# `make demo` and `make test` are the two commands; both build .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test lint system clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: setup
	$(BIN)/inspector demo

test: setup system lint
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# what the tests use besides Python packages; without the right to install, those tests are skipped and say so
system:
	@sh tests/support/install_system_packages.sh mosquitto chromium

clean:
	rm -rf .venv var
