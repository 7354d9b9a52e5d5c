# make deploy   deploy the shipped network: synthetic sections, two emulated chips
# make test     run the tests, notebooks included, on all cores
# make check    format, style and types
# make docs     build the documentation into build/site, warnings as errors
# make fuzz     damaged files of every format, for MINUTES (10)
# make clean    remove what these made, reports in runs/ excepted
#
# Where no interpreter fits and uv is on the PATH, uv brings Python 3.12.
# All install into .venv first, once, with the versions of constraints.txt; docs into .venv-docs.
# Another interpreter: make PYTHON=/path/to/python3.11 deploy. Another folder: make VENV=name deploy.

PYTHON = python3.12 python3.11 python3
VENV = .venv
MINUTES = 10

is_supported = import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
# pyenv puts stand-ins for versions that are not active on the path, so each is tried.
supported = $(shell for p in $(PYTHON); do \
	if $$p -c '$(is_supported)' >/dev/null 2>&1; then echo $$p; break; fi; done)
# uv takes one that it knows of, and else downloads it; what it says goes to the terminal.
from_uv = $(shell if uv --version >/dev/null 2>&1; then \
	uv python find 3.12 2>/dev/null || { uv python install 3.12 >&2 && uv python find 3.12; }; fi)
python_for = $(or $(supported),$(from_uv))
wanted = loihiseg needs Python 3.11 or 3.12 (nengo-loihi runs on no newer one), found neither as \
	$(PYTHON): install one, or uv, which brings it, or name it with make PYTHON=/path/to/python3.12
# A folder of the user's own is not installed into.
foreign = $(if $(wildcard $(VENV)),$(if $(wildcard $(VENV)/.made-by-make),,yes))
taken = $(VENV) was not made by this Makefile: move it away, or name another: make VENV=.venv-loihiseg

check = $(if $(foreign),$(error $(taken)))$(if $(python),,$(error $(wanted)))
pip = $(VENV)/bin/python -m pip --disable-pip-version-check

.PHONY: deploy test check docs fuzz clean

deploy: $(VENV)/.installed
	$(VENV)/bin/python -m loihiseg.deploy --chips 2

test: $(VENV)/.installed-test
	$(VENV)/bin/python -m pytest -n auto --dist worksteal

check: $(VENV)/.installed-test
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy

# It reads the sources and imports nothing of them: an environment of its own, without TensorFlow.
docs: $(VENV)-docs/.installed
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/python -m mkdocs build --strict

fuzz: $(VENV)/.installed-test
	$(VENV)/bin/python -m tests.fuzz --minutes $(MINUTES)

$(VENV)/.installed: extras = [partition]
$(VENV)/.installed-test: extras = [test,notebook,partition,cluster,calibration,check]

$(VENV)/.installed $(VENV)/.installed-test: setup.cfg pyproject.toml constraints.txt
	$(eval python := $(python_for))$(check)
	@rm -f $@
	@if ! $(pip) --version >/dev/null 2>&1; then \
		rm -rf $(VENV) && mkdir -p $(VENV) && touch $(VENV)/.made-by-make && \
		$(python) -m venv $(VENV); fi
	@echo "installing into $(VENV): a few minutes, TensorFlow is large"
	@# NengoDL asks for a setuptools that Python 3.12 does not run: built with the one put here.
	@$(pip) install --quiet -c constraints.txt setuptools wheel
	@$(pip) install --quiet -c constraints.txt --no-deps --no-build-isolation nengo-dl
	@$(pip) install --quiet -c constraints.txt -e '.$(extras)'
	@touch $@

$(VENV)-docs/.installed: docs/site/requirements.txt
	$(eval python := $(python_for))$(if $(python),,$(error $(wanted)))
	@if [ -e $(VENV)-docs ] && [ ! -e $(VENV)-docs/.made-by-make ]; then \
		echo "$(VENV)-docs was not made by this Makefile: move it away"; exit 1; fi
	@rm -rf $(VENV)-docs && mkdir -p $(VENV)-docs && touch $(VENV)-docs/.made-by-make
	@$(python) -m venv $(VENV)-docs
	@$(VENV)-docs/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	@touch $@

clean:
	@if [ -e $(VENV)/.made-by-make ]; then rm -rf $(VENV); fi
	@if [ -e $(VENV)-docs/.made-by-make ]; then rm -rf $(VENV)-docs; fi
	rm -rf build loihiseg.egg-info .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find loihiseg partition tests -name __pycache__ -prune -exec rm -rf {} +
