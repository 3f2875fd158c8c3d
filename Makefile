# `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ORACLE := .oracle-venv
ORACLE_BASE ?= python3.11
CLIENTS := .client-venvs

# What the compiled kernels and the installed metadata are made from.
SOURCES := setup.py pyproject.toml $(wildcard sklearn_sagemaker/_kernels/*.pyx) \
	$(wildcard sklearn_sagemaker/_kernels/*.pxi) \
	$(wildcard sklearn_sagemaker/_kernels/*.h) \
	$(wildcard sklearn_sagemaker/io/recordio/*.pyx) \
	$(wildcard sklearn_sagemaker/io/recordio/*.pxi) \
	$(wildcard sklearn_sagemaker/io/recordio/*.h) \
	sklearn_sagemaker/_kernels/_codegen.py sklearn_sagemaker/_kernels/losses.py \
	sklearn_sagemaker/_kernels/optimizers.py

.PHONY: demo test test-slow lint docs wheel oracle oracles fuzz container clean

demo: $(VENV)/installed
	$(BIN)/sklearn-sagemaker demo

# One more than there are cores: tests of jobs and servers wait for processes.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

test: $(VENV)/test-tools lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# Jobs, servers, examples and long searches from start to end, and the image's steps.
test-slow: $(VENV)/test-tools
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow

lint: $(VENV)/test-tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint sklearn_sagemaker
	$(BIN)/codespell
	$(BIN)/mypy

# The site in build/site; the examples are executed, and a warning is an error.
docs: $(VENV)/doc-tools
	$(BIN)/python doc/_tools/stage_site.py build/site-source
	$(BIN)/python -m sphinx -W --keep-going -q -d build/site-doctrees \
	build/site-source build/site

# An sdist, and a wheel from it: doc/contributing/release.md.
wheel: $(VENV)/release-tools
	rm -rf dist build/wheel
	$(BIN)/python -m build --sdist --outdir dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel dist/*.tar.gz
	PATH="$(CURDIR)/$(BIN):$$PATH" auditwheel repair --strip --wheel-dir dist build/wheel/*.whl
	$(BIN)/python -m twine check --strict dist/*
	@ls -l dist

# MXNet 1.9.1 in an environment of its own, and the tests against it.
oracle: $(VENV)/test-tools $(ORACLE)/installed
	ORACLE_PYTHON=$(ORACLE)/bin/python $(BIN)/python -m pytest tests/oracle

# There are wheels for Linux on x86-64 only, and they are known to work on Python 3.11.
$(ORACLE)/installed:
	$(ORACLE_BASE) -c "import platform, sys; found = sys.version_info[:2], \
	sys.platform, platform.machine(); sys.exit(found != ((3, 11), 'linux', 'x86_64') \
	and f'MXNet wants Python 3.11 on Linux x86-64, this is {found}: run make oracle \
	ORACLE_BASE=/path/to/python3.11')"
	rm -rf $(ORACLE)
	$(ORACLE_BASE) -m venv $(ORACLE)
	$(ORACLE)/bin/python -m pip install --quiet --only-binary :all: "numpy<1.24" \
	"mxnet==1.9.1" requests "graphviz<0.9"
	$(ORACLE)/bin/python -c "import mxnet; assert mxnet.__version__ == '1.9.1'"
	touch $@

# Clients of AWS, each in an environment of its own, and notebooks, against the emulator.
oracles: $(VENV)/test-tools $(CLIENTS)/boto3/installed $(CLIENTS)/aws-cli/installed \
		$(CLIENTS)/sdk-v2/installed $(CLIENTS)/sdk-v3/installed
	CLIENT_ENVIRONMENTS=$(CLIENTS) $(BIN)/python -m pytest -n auto tests/clients

$(CLIENTS)/boto3/installed: CLIENT = boto3
$(CLIENTS)/sdk-v2/installed: CLIENT = "sagemaker==2.257.7" scipy ipython matplotlib
# sagemaker 3 itself would add sagemaker-mlops, which nothing here is made with.
$(CLIENTS)/sdk-v3/installed: CLIENT = "sagemaker-core>=2.27,<3" \
	"sagemaker-train>=1.27,<2" "sagemaker-serve>=1.27,<2"
$(CLIENTS)/aws-cli/installed: CLIENT = "awscli>=1.40,<2"
$(CLIENTS)/%/installed: | $(VENV)/bin/python
	rm -rf $(@D)
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --only-binary :all: $(CLIENT)
	touch $@

# A million damaged files against a reader over protobuf: doc/contributing/fuzz.md.
fuzz: $(VENV)/installed
	$(BIN)/python tests/io/recordio/test_fuzz.py --count 1000000

# The steps of the image's Dockerfile in a fresh environment.
container: $(VENV)/test-tools
	$(BIN)/python -m pytest -m slow tests/serving/test_container.py

clean:
	rm -rf $(VENV) $(ORACLE) $(CLIENTS) build dist *.egg-info sklearn_sagemaker/_kernels/*.so \
		sklearn_sagemaker/io/recordio/*.so

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; v = sys.version_info; \
	sys.exit(v < (3, 11) and f'sklearn_sagemaker needs Python 3.11 or newer, \
	this is {v[0]}.{v[1]}: run make PYTHON=/path/to/python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

# Built in place without isolation; setup.py compiles only what changed in content.
$(VENV)/installed: $(VENV)/bin/python $(SOURCES)
	@$${CC:-cc} --version >/dev/null 2>&1 || { echo "sklearn_sagemaker needs a C \
	compiler to build its kernels: install gcc and Python's headers (Debian and Ubuntu: \
	apt-get install gcc python3-dev; Fedora: dnf install gcc python3-devel; macOS: \
	xcode-select --install)." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet "setuptools>=77" "Cython>=3.1" "numpy>=2.0" "scipy>=1.13"
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable ".[data]"
	touch $@

$(VENV)/doc-tools: pyproject.toml | $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

# The wheel is built from the sdist: what is installed here has no part in it.
$(VENV)/release-tools: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --group release
	touch $@

$(VENV)/test-tools: pyproject.toml | $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group dev
	touch $@
