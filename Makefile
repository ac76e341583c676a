# `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PORT ?= 8000
LOCALES := $(notdir $(wildcard locale/*))
# The virtual environment, and the Python that makes it: 3.11 to 3.13, whichever is installed.
VENV ?= .venv
BASE_PYTHON ?=
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/django.po))
# pip resolves nothing: the lock names every package with its version and hashes, and only wheels are
# installed. `pip check` then fails if the lock lacks a requirement.
INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check \
    --no-deps --require-hashes --only-binary :all:
PIP_CHECK := $(PYTHON) -m pip --disable-pip-version-check --quiet check

# localstripe is GPL-3 and has no wheel. It runs in an environment of its own, and the product never does.
LOCALSTRIPE := var/localstripe

export PORT

##@ Run it

.PHONY: run
run: $(VENV)/.run $(CATALOGUES)  ## Start the portal with its simulators and demo data (PORT=8000)
	@exec $(PYTHON) -m demo.run

.PHONY: age
age: $(VENV)/.run  ## Move the demo customers' plans on (ARGS="--months 1" or "--days 1") while `make run` runs
	@$(PYTHON) -m demo.manage age $(ARGS)

.PHONY: reset
reset:  ## Delete what `make run` has stored
	@if [ -e var/run.lock ] && ! flock --nonblock var/run.lock true; then \
	    echo "make run is still running: stop it first (Ctrl-C)" >&2; exit 1; fi
	rm -rf var

##@ Test it

# Code that moves money, tells customers or lets them in must have full branch coverage. Only the whole suite can show that.
WHOLE := --cov=accounts --cov=messages --cov=orders --cov=outbox --cov=payments --cov-report=term --cov-fail-under=100
# The workers share what pytest makes of each test module (`tests/scheduling.py`), so it must be kept.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m tests.services -- $(PYTHON) -m pytest -n 3 --dist loadgroup

# These tests wait for nothing outside: more workers than cores would only collect them once more.
.PHONY: test-fast
test-fast: services $(VENV)/.dev $(CATALOGUES)  ## Run the tests that start no other process, in some minutes (ARGS=…)
	$(PYTEST) -n auto -m "not processes and not long" $(ARGS)

.PHONY: test
test: services $(VENV)/.dev $(CATALOGUES)  ## Run all tests except the long forms, on a throwaway PostgreSQL and Redis (ARGS=… for pytest, LONG=1 with the long forms)
	$(PYTEST) -m "$(if $(LONG),,not long)" $(if $(ARGS),$(ARGS),$(WHOLE))

.PHONY: test-long
test-long: services $(VENV)/.dev $(CATALOGUES)  ## Run the tests in their long form (ARGS=…)
	$(PYTEST) -m long $(ARGS)

.PHONY: sweep
sweep: services $(VENV)/.dev $(CATALOGUES)  ## Send 10 000 random launches, and 20 000 random requests to Get Balance
	SWEEP=1 $(PYTEST) -m long tests/balance_api/test_schema.py tests/e2e/test_random_launches.py $(ARGS)

.PHONY: weight
weight: services $(VENV)/.dev $(CATALOGUES)  ## Count the bytes and requests of a first view and of a purchase
	$(PYTHON) -m tests.services -- $(PYTHON) -m pytest -s -q tests/e2e/test_weight.py $(ARGS)

.PHONY: palette
palette: services $(VENV)/.dev $(CATALOGUES)  ## Show the least contrast that any accent colour has on the pages
	$(PYTHON) -m tests.services -- $(PYTHON) -m pytest -s -q tests/brand/test_colours.py

.PHONY: walk
walk: services $(VENV)/.dev  ## Run the commands of docs/operate.md on a copy of this machine, as root
	$(PYTHON) -m tests.walk

.PHONY: promise
promise: services $(VENV)/.dev $(CATALOGUES)  ## Inject every fault at every step of an order (EXAMPLES=5000; takes an hour)
	PROMISE_EXAMPLES=$(or $(EXAMPLES),5000) $(PYTEST) -m "" tests/orders/test_promise.py tests/orders/test_moments.py $(ARGS)

.PHONY: renewals
renewals: services $(VENV)/.dev $(CATALOGUES)  ## Play two years of plans that renew, beside an oracle (PLANS=10000; takes hours)
	@rm -f var/renewals.jsonl
	RENEWALS=$(or $(PLANS),10000) $(PYTEST) -m "" tests/subscriptions/months \
	    tests/subscriptions/test_renewal_races.py tests/subscriptions/test_cancel_races.py $(ARGS)
	@cat var/renewals.jsonl

.PHONY: check
check: services $(VENV)/.dev $(CATALOGUES)  ## Check style, types, templates, imports, dead code, migrations and translations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(PYTHON) -m tests.settings_for check -- $(BIN)/mypy
	$(BIN)/djlint --quiet --check templates
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/lint-imports
	$(PYTHON) -m tests.dead_code
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) -m tests.services -- $(PYTHON) -m tests.migrations
	$(PYTHON) -m tests.settings_for production -- $(PYTHON) manage.py check --deploy --fail-level WARNING
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) -m tests.translations $(LOCALES)

.PHONY: coverage
coverage: services $(VENV)/.dev $(CATALOGUES)  ## Run the tests and show the lines and branches that they miss
	$(PYTHON) -m tests.services -- $(PYTHON) -m pytest -n 3 --dist loadgroup --cov --cov-report=term $(ARGS)

.PHONY: screens
screens: services $(VENV)/.dev $(CATALOGUES)  ## Retake the screenshots in docs/screens/ (ARGS="link_lines recovery" for some walks)
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) -m tests.screens $(ARGS)

.PHONY: chaos
chaos: services $(VENV)/.dev $(CATALOGUES)  ## Make services fail while orders and messages are in progress (ARGS="--orders 1000", SENDING="--messages 100")
	$(PYTHON) -m tests.chaos --json var/chaos.json $(ARGS)
	$(PYTHON) -m tests.chaos.sending --json var/sending.json $(SENDING)

.PHONY: camara
camara: services $(VENV)/.dev $(CATALOGUES)  ## Compare the operator's bill with CAMARA's OpenAPI documents (SPEC=FOLDER)
	CAMARA_SPEC=$(SPEC) $(PYTHON) -m tests.services -- $(PYTHON) -m pytest -q -n 0 tests/payments/camara_documents.py

.PHONY: chaos-payments
chaos-payments: services $(VENV)/.dev $(CATALOGUES)  ## Kill workers at every step of payments, then compare all books (ARGS="--gateway vouchers --payments 3000")
	$(PYTHON) -m tests.chaos.payments --json var/payments.json $(ARGS)

.PHONY: chaos-renewals
chaos-renewals: services $(VENV)/.dev $(CATALOGUES)  ## Kill workers at every step of renewals, then compare all books (ARGS="--plans 300 --months 3")
	$(PYTHON) -m tests.chaos.renewals --json var/renewals.json $(ARGS)

.PHONY: stripe
stripe: $(VENV)/.dev  ## Buy, capture, void and refund at Stripe itself, with a test key in STRIPE_API_KEY
	$(PYTHON) -m tests.stripe_journey stripe

.PHONY: localstripe
localstripe: $(VENV)/.dev $(LOCALSTRIPE)/.ready  ## The same against localstripe, a stand-in that others have written
	$(PYTHON) -m tests.stripe_journey localstripe $(LOCALSTRIPE)/bin/localstripe

.PHONY: mutants
mutants: services $(VENV)/.mutants $(CATALOGUES)  ## Check that a test fails for each change to the code that moves money (ARGS="orders.placing*")
	$(PYTHON) -m tests.services -- $(PYTHON) -m tests.mutants $(ARGS)

.PHONY: bench-orders
bench-orders: services $(VENV)/.dev $(CATALOGUES)  ## Measure orders per second and CPU per order (ARGS="--workers 1 2 4")
	$(PYTHON) -m tests.services -- $(PYTHON) -m bench.orders $(ARGS)

.PHONY: bench-renewals
bench-renewals: services $(VENV)/.dev $(CATALOGUES)  ## Measure renewals per second and how late they are (ARGS="--due 5000")
	$(PYTHON) -m tests.services -- $(PYTHON) -m bench.renewals $(ARGS)

.PHONY: bench-guessing
bench-guessing: services $(VENV)/.dev $(CATALOGUES)  ## Guess at an account while its owner signs in (ARGS="--only times")
	$(PYTHON) -m tests.services -- $(PYTHON) -m bench.guessing $(ARGS)

.PHONY: bench-provisioning
bench-provisioning: services $(VENV)/.dev $(CATALOGUES)  ## Measure profiles per second and CPU per profile (ARGS="--profiles 300")
	$(PYTHON) -m tests.services -- $(PYTHON) -m bench.provisioning $(ARGS)

.PHONY: bench-balance
bench-balance: services $(VENV)/.bench $(CATALOGUES)  ## Compare Get Balance with other servers (ARGS="--quick")
	$(PYTHON) -m bench.balance $(ARGS)

.PHONY: load
load: services $(VENV)/.bench $(CATALOGUES)  ## Run Microsoft's load plan against Get Balance (ARGS="--compress 60 --times 10")
	$(PYTHON) -m bench.load $(ARGS)

.PHONY: tables
tables: $(VENV)/.dev  ## Generate the tables of docs/ and docs/openapi.yaml
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) -m tests.tables

##@ Change it

.PHONY: fmt
fmt: $(VENV)/.dev  ## Format code and templates
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(BIN)/djlint --quiet --reformat templates || true

.PHONY: messages
messages: gettext $(VENV)/.dev  ## Collect the texts to translate, then compile the translations
	$(PYTHON) -m tests.settings_for check -- $(PYTHON) manage.py makemessages \
	    $(addprefix --locale=,$(LOCALES)) --add-location=file --no-wrap \
	    --ignore=.venv --ignore=var --ignore=mutants --ignore=tests
	@$(MAKE) --no-print-directory catalogues

.PHONY: language
language:  ## Begin another language (CODE=it, or pt_PT with a country)
	@test -n "$(CODE)" || { echo "Name the language: make language CODE=it" >&2; exit 1; }
	mkdir -p locale/$(CODE)/LC_MESSAGES
	@$(MAKE) --no-print-directory messages

.PHONY: catalogues
catalogues: $(VENV)/.run $(CATALOGUES)

.PHONY: lock
lock: $(VENV)/.lock  ## Lock the newest compatible package versions with their hashes
	cd requirements && lock() { $(abspath $(BIN))/uv pip compile --quiet --upgrade --universal \
	    --python-version 3.11 --generate-hashes --only-binary :all: \
	    --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command "make lock" "$$@"; } && \
	lock --output-file dev.txt dev.in && \
	lock --constraint dev.txt --output-file run.txt run.in && \
	lock --output-file mutants.txt mutants.in && \
	lock --output-file bench.txt bench.in && \
	lock --output-file lock.txt lock.in && \
	lock --output-file localstripe-build.txt localstripe-build.in && \
	lock --no-binary localstripe --output-file localstripe.txt localstripe.in

##@ Set it up (the other targets call these)

.PHONY: services
services:  ## Install the servers, the browser and the fonts that the tests need
	@sh tests/install.sh

.PHONY: gettext
gettext:
	@sh tests/install.sh gettext

.PHONY: help
help:  ## Show this list
	@awk 'BEGIN { FS = ":.*##" } \
	    /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*##/ { printf "  make %-19s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/bin/pip:
	@BASE_PYTHON='$(BASE_PYTHON)' sh demo/venv.sh '$(VENV)'

$(VENV)/.run: requirements/run.txt | $(VENV)/bin/pip
	$(INSTALL) -r requirements/run.txt
	@$(PIP_CHECK)
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/pip
	$(INSTALL) -r requirements/dev.txt
	@$(PIP_CHECK)
	@touch $(VENV)/.run $@

# These three add packages to the test environment. The tests do not need them.
$(VENV)/.mutants $(VENV)/.bench $(VENV)/.lock: $(VENV)/.%: requirements/%.txt $(VENV)/.dev
	$(INSTALL) -r requirements/$*.txt
	@$(PIP_CHECK)
	@touch $@

# What builds localstripe is locked too, so nothing is installed that no lock names.
$(LOCALSTRIPE)/.ready: requirements/localstripe.txt requirements/localstripe-build.txt
	@BASE_PYTHON='$(BASE_PYTHON)' sh demo/venv.sh '$(LOCALSTRIPE)'
	$(LOCALSTRIPE)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-deps --require-hashes --only-binary :all: -r requirements/localstripe-build.txt
	$(LOCALSTRIPE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    --require-hashes --no-build-isolation --no-binary localstripe -r requirements/localstripe.txt
	@touch $@

# gettext marks the header of a new catalogue as fuzzy. Without --use-fuzzy the whole catalogue would be
# skipped. `make check` refuses fuzzy texts.
locale/%/LC_MESSAGES/django.mo: locale/%/LC_MESSAGES/django.po | $(VENV)/.run
	@$(BIN)/pybabel --quiet compile --use-fuzzy --domain django --locale $* --input-file $< --output-file $@
