# `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What the compiled kernels and the installed metadata are made from.
SOURCES := setup.py pyproject.toml $(wildcard sklearn_sagemaker/_kernels/*.pyx) \
	$(wildcard sklearn_sagemaker/_kernels/*.pxi) \
	$(wildcard sklearn_sagemaker/_kernels/*.h) \
	$(wildcard sklearn_sagemaker/io/*.pyx) $(wildcard sklearn_sagemaker/io/*.pxi) \
	$(wildcard sklearn_sagemaker/io/*.h) \
	sklearn_sagemaker/_kernels/_codegen.py sklearn_sagemaker/_kernels/losses.py \
	sklearn_sagemaker/_kernels/optimizers.py

.PHONY: demo test lint fuzz clean

demo: $(VENV)/installed
	$(BIN)/sklearn-sagemaker demo

test: $(VENV)/test-tools lint
	$(BIN)/python -m pytest

lint: $(VENV)/test-tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint sklearn_sagemaker
	$(BIN)/codespell
	$(BIN)/mypy

# A million damaged files against a reader over protobuf: doc/contributing/fuzz.md.
fuzz: $(VENV)/installed
	$(BIN)/python tests/io/test_recordio_fuzz.py --count 1000000

clean:
	rm -rf $(VENV) build dist *.egg-info sklearn_sagemaker/_kernels/*.so sklearn_sagemaker/io/*.so

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; v = sys.version_info; \
	sys.exit(v < (3, 11) and f'sklearn_sagemaker needs Python 3.11 or newer, \
	this is {v[0]}.{v[1]}: run make PYTHON=/path/to/python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

# Built in place without isolation, so that only what changed is compiled again.
$(VENV)/installed: $(VENV)/bin/python $(SOURCES)
	@$${CC:-cc} --version >/dev/null 2>&1 || { echo "sklearn_sagemaker needs a C \
	compiler to build its kernels: install gcc and Python's headers (Debian and Ubuntu: \
	apt-get install gcc python3-dev; Fedora: dnf install gcc python3-devel; macOS: \
	xcode-select --install)." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet "setuptools>=77" "Cython>=3.1" "numpy>=2.0" "scipy>=1.13"
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	touch $@

$(VENV)/test-tools: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group dev
	touch $@
