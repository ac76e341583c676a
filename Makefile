# Everything is done from here; `make help` lists it.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PORT ?= 8000
LANGUAGES := de ar
BIN := .venv/bin
PYTHON := $(BIN)/python
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/django.po))
# What is fetched is what the lock names, by hash; where from is the machine's own setting.
INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes

export PORT

##@ Run it

.PHONY: run
run: .venv/.run $(CATALOGUES)  ## Start the portal with its simulators and demo data (PORT=8000)
	@exec $(PYTHON) -m demo.run

.PHONY: reset
reset:  ## Forget what `make run` has stored and start over
	@if [ -e var/run.lock ] && ! flock --nonblock var/run.lock true; then \
	    echo "make run is still running: stop it first (Ctrl-C)" >&2; exit 1; fi
	rm -rf var

##@ Test it

# Where money moves no branch is left untried; a part of the tests cannot show that.
WHOLE := --cov=orders --cov=outbox --cov=payments --cov-report=term --cov-fail-under=100

.PHONY: test
test: services .venv/.dev $(CATALOGUES)  ## Run every test on a throwaway PostgreSQL and Redis (ARGS=… for pytest)
	$(PYTHON) -m tests.services -- $(PYTHON) -m pytest -n 3 --dist loadgroup $(if $(ARGS),$(ARGS),$(WHOLE))

.PHONY: check
check: gettext .venv/.dev $(CATALOGUES)  ## Read the code: style, types, templates, arrows, migrations, texts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(PYTHON) -m tests.settings_for check -- $(BIN)/mypy
	$(BIN)/djlint --quiet --check templates
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/lint-imports
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) -m tests.settings_for production -- $(PYTHON) manage.py check --deploy --fail-level WARNING
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) -m tests.translations $(LANGUAGES)

.PHONY: coverage
coverage: services .venv/.dev $(CATALOGUES)  ## Run the tests and show which lines and branches they leave out
	$(PYTHON) -m tests.services -- $(PYTHON) -m pytest -n 3 --dist loadgroup --cov --cov-report=term $(ARGS)

.PHONY: screens
screens: services .venv/.dev $(CATALOGUES)  ## Take the screenshots of docs/screens/ anew
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) -m tests.screens

.PHONY: chaos
chaos: services .venv/.dev $(CATALOGUES)  ## Break everything while orders are under way (ARGS="--orders 1000 --seed 1")
	$(PYTHON) -m tests.chaos --json var/chaos.json $(ARGS)

.PHONY: mutants
mutants: services .venv/.mutants $(CATALOGUES)  ## Spoil the code that moves money and see a test fail (ARGS="orders.placing*")
	$(PYTHON) -m tests.services -- $(PYTHON) -m tests.mutants $(ARGS)

.PHONY: bench-orders
bench-orders: services .venv/.dev $(CATALOGUES)  ## Measure orders a second and CPU an order (ARGS="--workers 1 2 4")
	$(PYTHON) -m tests.services -- $(PYTHON) -m bench.orders $(ARGS)

.PHONY: bench-provisioning
bench-provisioning: services .venv/.dev $(CATALOGUES)  ## Measure profiles a second and CPU a profile (ARGS="--profiles 300")
	$(PYTHON) -m tests.services -- $(PYTHON) -m bench.provisioning $(ARGS)

.PHONY: bench-balance
bench-balance: services .venv/.bench $(CATALOGUES)  ## Measure Get Balance beside its anchors (ARGS="--quick")
	$(PYTHON) -m bench.balance $(ARGS)

.PHONY: load
load: services .venv/.bench $(CATALOGUES)  ## Run the source's load plan on Get Balance (ARGS="--compress 60 --times 10")
	$(PYTHON) -m bench.load $(ARGS)

.PHONY: tables
tables: .venv/.dev  ## Write the tables of docs/ and docs/openapi.yaml anew
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) -m tests.tables

##@ Change it

.PHONY: fmt
fmt: .venv/.dev  ## Put code and templates into their form
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(BIN)/djlint --quiet --reformat templates || true

.PHONY: messages
messages: gettext .venv/.dev  ## Collect the texts to translate, then compile what is translated
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) manage.py makemessages \
	    $(addprefix --locale=,$(LANGUAGES)) --add-location=file --no-wrap \
	    --ignore=.venv --ignore=var --ignore=mutants --ignore=tests
	@$(MAKE) --no-print-directory catalogues

.PHONY: catalogues
catalogues: .venv/.run $(CATALOGUES)

.PHONY: lock
lock: .venv/.dev  ## Choose the newest packages that fit and write their hashes
	cd requirements && CUSTOM_COMPILE_COMMAND="make lock" && export CUSTOM_COMPILE_COMMAND && \
	set -- --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --strip-extras --allow-unsafe && \
	../$(BIN)/pip-compile "$$@" --output-file dev.txt dev.in && \
	../$(BIN)/pip-compile "$$@" --constraint dev.txt --output-file run.txt run.in && \
	../$(BIN)/pip-compile "$$@" --output-file mutants.txt mutants.in && \
	../$(BIN)/pip-compile "$$@" --output-file bench.txt bench.in

##@ Set it up (the others call these)

.PHONY: services
services:  ## Install the servers, the browser and the fonts that the tests need
	@sh tests/install.sh

.PHONY: gettext
gettext:
	@sh tests/install.sh gettext

.PHONY: help
help:  ## Show this
	@awk 'BEGIN { FS = ":.*##" } \
	    /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*##/ { printf "  make %-19s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/bin/pip:
	@sh demo/venv.sh

.venv/.run: requirements/run.txt | .venv/bin/pip
	$(INSTALL) -r requirements/run.txt
	@touch $@

.venv/.dev: requirements/dev.txt | .venv/bin/pip
	$(INSTALL) -r requirements/dev.txt
	@touch .venv/.run $@

# It adds to what is there for the other tests, which do without it.
.venv/.mutants: requirements/mutants.txt .venv/.dev
	$(INSTALL) -r requirements/mutants.txt
	@touch $@

# What Get Balance is measured with and beside; nothing else needs it.
.venv/.bench: requirements/bench.txt .venv/.dev
	$(INSTALL) -r requirements/bench.txt
	@touch $@

# gettext marks a new catalogue's header fuzzy, which would skip it whole; `make check` refuses fuzzy texts.
locale/%/LC_MESSAGES/django.mo: locale/%/LC_MESSAGES/django.po | .venv/.run
	@$(BIN)/pybabel --quiet compile --use-fuzzy --domain django --locale $* --input-file $< --output-file $@
