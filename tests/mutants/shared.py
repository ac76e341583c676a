"""Fixtures that replace those which start a database or a simulator (`tests.mutants.plugin`)."""

import os

import pytest
from django.db import connection
from django.db.backends.base.creation import TEST_DATABASE_PREFIX

SIMULATORS = {"smdp": "MUTANTS_SMDP", "payment": "MUTANTS_PAYMENT", "network": "MUTANTS_NETWORK"}


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Use the test database that `python -m tests.mutants` has created."""
    connection.close()
    connection.settings_dict["NAME"] = f"{TEST_DATABASE_PREFIX}{connection.settings_dict['NAME']}"


@pytest.fixture(scope="session")
def smdp_simulator() -> str:
    return os.environ[SIMULATORS["smdp"]]


@pytest.fixture(scope="session")
def payment_simulator() -> str:
    return os.environ[SIMULATORS["payment"]]


@pytest.fixture(scope="session")
def network_simulator() -> str:
    return os.environ[SIMULATORS["network"]]
