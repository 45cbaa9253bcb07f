# The chores of Guatu. `make help` lists them.

HOST ?= 127.0.0.1
PORT ?= 5000
GUATU_STORE ?= sqlite:///$(CURDIR)/data/live/district.db
GUATU_DATA ?= $(CURDIR)/data/live
# The newest Python on this machine that can make a .venv and that the pins are made for.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c '$(FIT)' 2>/dev/null && { echo $$p; break; }; done)
FIT := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --only-binary=:all: --require-hashes
VENDOR := webmap/static/vendor/.copied
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard webmap/translations/*/LC_MESSAGES/*.po))
# The errors' texts are translated where they are shown.
ERRORS = $(shell awk -F'[ ()]' '/^class .*(Error|Exception)/ {print $$2}' geo/errors.py)
# Tests and benchmarks make stores of their own and must not find the live one.
APART := env -u GUATU_STORE -u GUATU_DATA -u GUATU_LOCAL_ROLE

.PHONY: help run setup dask test check bench prove texts pins clean chromium poppler postgis
.DELETE_ON_ERROR:

help: ## List what make can do
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16
	@echo "Settings: HOST=$(HOST) PORT=$(PORT) GUATU_STORE=$(GUATU_STORE) GUATU_DATA=$(GUATU_DATA) PYTHON=$(PYTHON)" \
		| sed 's#\(://[^:/@ ]*\):[^ ]*@#\1:***@#'

run: export GUATU_STORE := $(GUATU_STORE)
run: export GUATU_DATA := $(GUATU_DATA)
run: setup ## Set up what is missing, make the sample district if the store is empty, serve it
	@$(BIN)/flask sample --if-empty
	@case "$(HOST)" in 127.*|localhost|::1) export GUATU_LOCAL_ROLE="$${GUATU_LOCAL_ROLE-bureau}";; esac; \
	exec $(BIN)/flask serve --host "$(HOST)" --port "$(PORT)"

setup: .venv/packages $(VENDOR) $(CATALOGUES) .venv/compiled ## Make .venv, fetch the browser files, compile texts and loops

dask: setup .venv/dask-packages ## Install what `flask assign --engine dask` needs besides

test: setup .venv/test-packages .venv/dask-packages chromium poppler postgis ## Run every test, in Chromium and on PostGIS too
	@$(APART) $(BIN)/pytest -n logical --dist loadfile

check: setup .venv/test-packages .venv/dask-packages ## Check style, docstrings, format, and that the rooms import one way
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports
	@$(BIN)/python -m pip check
	@$(APART) $(BIN)/pytest -q tests/test_rooms.py

bench: setup .venv/dask-packages ## Run the benchmarks of tests/bench
	@set -e; for f in tests/bench/bench_*.py; do echo "== $$f"; $(APART) PYTHONPATH=. $(BIN)/python $$f; done

prove: setup .venv/test-packages postgis ## Prove the store in long campaigns (half an hour) and write docs/proof.md
	@$(APART) PYTHONPATH=.:tests $(BIN)/python tests/prove/all.py $(PROVE)

texts: setup ## Bring new texts of the program into the translations
	@mkdir -p build
	@PYTHONPATH=. $(BIN)/pybabel -q extract -F babel.cfg -o build/messages.pot --no-location --project Guatu \
		$(foreach class,$(ERRORS),-k $(class)) .
	@$(BIN)/pybabel update --no-fuzzy-matching --init-missing --ignore-obsolete -w 110 -l zh -i build/messages.pot \
		-d webmap/translations

pins: setup ## Renew the pins, the lock and NOTICE from what they are made of (needs uv and npm)
	@for r in requirements requirements-test requirements-dask requirements-node; do uv pip compile -q --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		$$r.in -o $$r.txt || exit 1; done
	@npm install --package-lock-only
	@$(MAKE) --no-print-directory setup
	@PYTHONPATH=. $(BIN)/python -P webmap/assets.py --notice

clean: ## Remove all that can be made again (never data/live)
	@rm -rf .venv node_modules webmap/static/vendor build .pytest_cache .hypothesis .ruff_cache \
		.import_linter_cache $(CATALOGUES)
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# What follows is made once, and again when what it is made from changes.

.venv/made:
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(FIT)' 2>/dev/null || { \
		echo "Guatu needs Python 3.11, 3.12 or 3.13 with venv$(if $(PYTHON),; $(PYTHON) is not that)." \
		"Install one (Debian: apt-get install python3 python3-venv)" \
		"or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "== Making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/packages: requirements.txt | .venv/made
	@echo "== Installing the Python packages (a minute or two the first time)"
	@$(PIP) -r requirements.txt
	@touch $@

# The loops of tiles and joins: compiled here, not while the first reader of the map waits.
.venv/compiled: $(wildcard geo/*.py) | .venv/packages
	@echo "== Compiling the loops of tiles and joins (a minute)"
	@$(BIN)/python -m geo.warming
	@touch $@

.venv/test-packages: requirements-test.txt | .venv/packages
	@echo "== Installing what the tests need besides"
	@$(PIP) -r requirements-test.txt
	@touch $@

.venv/dask-packages: requirements-dask.txt | .venv/packages
	@echo "== Installing dask"
	@$(PIP) -r requirements-dask.txt
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json | .venv/packages
	@echo "== Fetching the browser files"
	@npm --version >/dev/null 2>&1 || { echo "No npm here: installing one into .venv"; \
		$(PIP) -r requirements-node.txt; }
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts
	@touch $@

$(VENDOR): node_modules/.package-lock.json webmap/assets.py
	@PYTHONPATH=. $(BIN)/python -P webmap/assets.py
	@touch $@

# A catalogue marked fuzzy is skipped without an error, hence the test.
%.mo: %.po | .venv/packages
	@echo "== Compiling $<"
	@$(BIN)/pybabel -q compile -i $< -o $@ && test -f $@ || { echo "$< is marked fuzzy" >&2; exit 1; }

# Installs $(1) by apt where that is allowed.
install = if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as=sudo; else as=no; fi; \
	if [ "$$as" != no ] && command -v apt-get >/dev/null; then \
		echo "== Installing $(1)"; \
		$$as apt-get update && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y $(1) && exit 0; \
	fi

chromium:
	@for c in chromium chromium-browser google-chrome; do command -v $$c >/dev/null && exit 0; done; \
	$(call install,chromium fonts-noto-cjk); \
	echo "No Chromium here: the browser tests are left out. Install it with your system's package" \
		"manager (Debian: apt-get install chromium fonts-noto-cjk)."

poppler:
	@command -v pdftotext >/dev/null && exit 0; \
	$(call install,poppler-utils); \
	echo "No poppler here: the tests that read a PDF are left out. Install it with your system's package" \
		"manager (Debian: apt-get install poppler-utils)."

postgis: | .venv/packages
	@PYTHONPATH=tests $(BIN)/python -c 'import cluster, sys; sys.exit(cluster.find_programs() is None)' && exit 0; \
	$(call install,postgresql-15 postgresql-15-postgis-3); \
	echo "No PostGIS here: the tests of the shared store are left out. Install it with your system's package" \
		"manager (Debian: apt-get install postgresql-15 postgresql-15-postgis-3)."
