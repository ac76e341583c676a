"""`bench.writes`: the benchmark's bare script still writes what an order of the portal writes."""

from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from accounts.models import AccountMessage, AttemptCount, User
from bench import bare_round
from bench.writes import Writes
from esim.models import Sim
from messages.models import Message
from messages.states import MessageState
from orders.models import Draft, Order
from outbox.models import Task
from payments.models import ReceiptCounter
from subscriptions.models import Bucket
from tests.builders import make_draft, make_pool, payment_of

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
    assert (order.state, payment_of(order).state, order.profile_id is not None) == (
        "completed",
        "captured",
        True,
    )
    assert payment_of(order).receipt.number == 1
    assert Bucket.objects.get().period.subscription == order.subscription
    assert Message.objects.get().state == MessageState.SENT
    assert AccountMessage.objects.get().account == alice
    assert not Task.objects.filter(closed_at=None).exists()
    assert not AttemptCount.objects.exists()


def _write(writes: Writes) -> None:
    """Write in the order of `bench.bare.Script.handle`, without its calls."""
    writes.place_order()
    writes.claim_task()
    writes.start_order()
    writes.renew_lease()
    writes.store_gateway_answer(writes.insert_gateway_call("authorise", "key"))
    writes.mark_authorised("pay_1")
    writes.intend_profile()
    writes.store_es2_answer(writes.insert_es2_call("downloadOrder", uuid4(), {}), "{}")
    writes.mark_profile_reserved()
    writes.store_es2_answer(writes.insert_es2_call("confirmOrder", uuid4(), {}), "{}")
    writes.mark_profile_released("smdp.example")
    writes.create_line()
    writes.store_network_answer(writes.insert_network_call("8944"))
    writes.mark_active_in_network()
    writes.decide_to_charge()
    writes.store_gateway_answer(writes.insert_gateway_call("capture", "key:capture"))
    writes.mark_captured()
    writes.complete_order()
    writes.close_task()
    writes.begin_message()
    writes.end_message(writes.insert_sending_call(), "message-1")
