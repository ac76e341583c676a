"""`bench.writes`: the benchmark's bare script still writes what an order of the portal writes."""

from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from accounts.models import User
from bench import bare_round
from bench.writes import Writes
from esim.models import Sim
from orders.models import Draft, Order
from outbox.models import Task
from payments.models import ReceiptCounter
from subscriptions.models import Bucket
from tests.builders import make_draft, make_pool

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_bare_script_completes_an_order(alice: User) -> None:
    make_pool(1)
    draft, sim = make_draft(alice), Sim.objects.get()
    # The benchmark's drafts are complete from the start, so they are never changed.
    Draft.objects.update(version=1)
    ReceiptCounter.objects.create(year=datetime.now(UTC).year)
    prepared = bare_round._order(draft, sim)  # noqa: SLF001 -- the benchmark's own preparation

    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as bare:
        _write(Writes(bare, prepared))

    order = Order.objects.get()
    assert (order.state, order.payment.state, order.profile_id is not None) == (
        "completed",
        "captured",
        True,
    )
    assert order.payment.receipt.number == 1
    assert Bucket.objects.get().subscription == order.subscription
    assert Task.objects.get().closed_at is not None


def _write(writes: Writes) -> None:
    """Write in the order of `bench.bare.Script.handle`, without its calls."""
    writes.place()
    writes.claim()
    writes.take_up()
    writes.prolong()
    writes.gateway_answer(writes.gateway_call("authorise", "key"))
    writes.authorised("pay_1")
    writes.intend()
    writes.es2_answer(writes.es2_call("downloadOrder", uuid4(), {}), "{}")
    writes.reserved()
    writes.es2_answer(writes.es2_call("confirmOrder", uuid4(), {}), "{}")
    writes.released("smdp.example")
    writes.put_on_line()
    writes.network_answer(writes.network_call("8944"))
    writes.live("8944")
    writes.decide_to_charge()
    writes.gateway_answer(writes.gateway_call("capture", "key:capture"))
    writes.captured()
    writes.complete()
    writes.close()
