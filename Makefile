# One place for every command. `make demo` and `make test` set up what they need by themselves.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
RUN_READY = $(VENV)/.worker-ready
DEV_READY = $(VENV)/.dev-ready
BENCH_READY = $(VENV)/.bench-ready
# On two cores: processes of tests wait for a fifth of their time.
PROCESSES ?= 3
TESTS = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

PROGRAMS = curl jq shellcheck
BROWSERS = chromium chromedriver firefox-esr pulseaudio
BROWSER_PACKAGES = chromium chromium-driver firefox-esr pulseaudio
DENO_READY = .tools/.deno-ready
PROGRAMS_READY = .clients/.ready

# Tests start hundreds of processes: without compiled files each compiles its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: image image-check help setup tools browser clients demo serve serve-queue timing drills fuzz quick test check format bench clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(RUN_READY): requirements/worker.txt pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@echo "Setting up $(VENV) (once; most of it is download) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --no-deps -r requirements/worker.txt
	@$(PIP) --no-deps --no-build-isolation -e . -e clients/python
	@touch $@

$(DEV_READY): $(RUN_READY) requirements/chatterbox.txt requirements/multilingual.txt requirements/japanese.txt requirements/dev.txt
	@$(PIP) --no-deps -r requirements/chatterbox.txt -r requirements/multilingual.txt -r requirements/japanese.txt -r requirements/dev.txt
	@touch $@

$(BENCH_READY): $(DEV_READY) requirements/bench.txt
	@$(PIP) --no-deps -r requirements/bench.txt
	@touch $@

demo: $(RUN_READY)  ## hear a paragraph begin while it is being made, then once more from the cache
	@$(BIN)/python -m bench.demo

serve: $(RUN_READY)  ## speak on this machine by HTTP and WebSocket, with a page to try it
	@$(BIN)/python -m gateway.direct

serve-queue: $(RUN_READY)  ## keep a local RunPod queue running, with a page to try it
	@$(BIN)/python -m localpod

setup: $(DEV_READY)  ## install what checks and tests need

tools: $(DENO_READY)  ## install the programs that tests start, as root on Debian; else say what is missing
	@missing=; for name in $(PROGRAMS); do command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	test -z "$$missing" \
	|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get -qq update \
	&& DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $$missing >/dev/null; } \
	|| { echo "The tests need programs that are missing:$$missing (Debian: apt-get install$$missing)"; exit 1; }

browser:  ## install the browsers that the player is tested in, as root on Debian; else say what is missing
	@missing=; for name in $(BROWSERS); do command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	test -z "$$missing" \
	|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get -qq update \
	&& DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(BROWSER_PACKAGES) >/dev/null; } \
	|| { echo "The player's tests need programs that are missing:$$missing (Debian: apt-get install $(BROWSER_PACKAGES))"; exit 1; }

$(DENO_READY): Makefile
	@command -v npm >/dev/null || { echo "npm is missing: the JavaScript clients are tested with Node 20 and Deno, which npm installs"; exit 1; }
	@npm install --silent --no-audit --no-fund --no-save --no-package-lock --prefix .tools deno@2.9.6
	@touch $@

quick: $(DEV_READY)  ## format, lint, import rules and the tests that start no programs and compute little
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(TESTS) -n $(PROCESSES) -m "not slow"

test: check tools browser  ## every check and every test
	@$(TESTS) -n $(PROCESSES)

check: $(DEV_READY)  ## format, lint, types and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(DEV_READY)  ## put the code into the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

timing: $(DEV_READY)  ## run the tests that wait for real time twenty times, beside two busy processes
	@for each in 1 2; do $(BIN)/python -c 'while True: pass' & busy="$$busy $$!"; done; trap "kill $$busy" EXIT; \
	$(BIN)/python -m pytest -m timing --times 20

$(PROGRAMS_READY): requirements/programs.txt Makefile
	@command -v npm >/dev/null || { echo "npm is missing: OpenAI's JavaScript package is one of the programs"; exit 1; }
	@echo "Installing the programs in .clients (once; most of it is download) ..."
	@test -x .clients/venv/bin/python || $(PYTHON) -m venv .clients/venv
	@.clients/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/programs.txt
	@npm install --silent --no-audit --no-fund --no-save --no-package-lock --prefix .clients openai@6.49.0 @supabase/functions-js@2.109.0
	@touch $@

clients: $(DEV_READY) $(PROGRAMS_READY) $(DENO_READY) browser  ## programs that people run, unmodified, through gateway and worker (some minutes)
	@$(BIN)/python -m tests.programs

drills: $(DEV_READY)  ## kill, cancel, damage and fill up, and count what got lost (about half an hour)
	@$(BIN)/python -m tests.drills

fuzz: $(DEV_READY)  ## give every reader of foreign bytes 100,000 inputs in all, and 100,000 texts rich in marks (some minutes)
	@$(BIN)/python -m tests.fuzz --inputs 100000
	@$(BIN)/python -m tests.fuzz marks --inputs 100000

bench: $(BENCH_READY)  ## measure what this machine can measure
	@$(BIN)/python -m bench.pipeline
	@$(BIN)/python -m bench.clients
	@$(BIN)/python -m bench.gateway
	@$(BIN)/python -m bench.direct
	@$(BIN)/python -m bench.segmenter
	@$(BIN)/python -m bench.hostile
	@$(BIN)/python -m bench.texts
	@$(BIN)/python -m bench.voices
	@$(BIN)/python -W ignore -m bench.chatterbox
	@$(BIN)/python -m bench.image

image:  ## build the image, where there is Docker (docs/start/deploy.md)
	docker build --platform linux/amd64 -f Dockerfile.serverless -t chatterpod .

image-check: $(DEV_READY)  ## build the images of all models from random weights and use them, where there is Docker
	@$(BIN)/python -m tests.image

clean:  ## remove what the commands made
	rm -rf $(VENV) .tools .clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .checkpoints out
