"""`bench.sim_tables`: the benchmark's SQL still fills the tables that Get Balance reads."""

import pytest
from django.db import connection
from django.utils.timezone import now

from bench.sim_tables import SAMPLE, SimTables
from subscriptions.balances import balances

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_benchmark_s_sims_have_a_balance() -> None:
    connection.ensure_connection()
    tables = SimTables(connection.connection.info.dsn)

    tables.grow(1002)

    found = balances(SAMPLE, location="US", at=now())
    assert [balance.type for balance in found] == ["MODIRECTPAYG", "MODIRECTPAYG"]
    tables.close()
