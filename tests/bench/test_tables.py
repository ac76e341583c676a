"""What the benchmarks write into the tables fits them, and the bare loop renews as the portal."""

from datetime import timedelta

import httpx
import psycopg
import pytest
from django.db import connection
from django.utils.timezone import now

from bench import bare_renewals, history, renewal_data, renewals
from orders.models import Order
from outbox.models import Task
from payments.models import Payment, Receipt
from subscriptions.domain import renewing
from subscriptions.models import KIND, Period, Subscription
from tests.builders import make_plan, make_provider
from tests.processing import process_task
from tests.providers import books
from tests.subscriptions.renewals import make_monthly

pytestmark = pytest.mark.django_db(transaction=True)


def test_finished_orders_of_the_past_are_written_once() -> None:
    make_plan()
    make_provider()

    history.create_finished_orders(12)
    history.create_finished_orders(12)

    assert Order.objects.filter(state="completed").count() == 12


def test_the_bare_loop_renews_a_plan_as_the_portal_does(gateway: str, network: str) -> None:
    make_monthly()
    crowd = renewal_data.Crowd(
        ended=3, running=3, due=1, bare=1, since=now() - timedelta(hours=1), within=timedelta()
    )
    renewal_data.create(crowd)
    [due], [bare] = crowd.due_keys, crowd.bare_keys
    assert renewing.enqueue_due() == 1
    process_task(KIND, due)

    with (
        psycopg.connect(connection.connection.info.dsn, autocommit=True) as raw,
        httpx.Client(trust_env=False) as client,
    ):
        script = bare_renewals.Script(raw, client, gateway, network, message_url="")
        [renewal] = renewal_data.bare_renewals(crowd)
        script.charge(renewal)

    for key in (due, bare):
        second = Period.objects.get(subscription=key, number=2)
        assert (second.state, second.buckets.count()) == ("paid", 1)
        payment = Payment.objects.get(attempt__period=second)
        assert (payment.state, payment.minor_units) == ("captured", 2500)
        assert Receipt.objects.filter(payment=payment).exists()
        told = [one for one in books(network)["services"] if one["reference"] == f"B{key}"]
        assert told[0]["period"] == 2
    assert Subscription.objects.filter(due_at__isnull=False).count() == 3
    assert not Task.objects.filter(kind=KIND, closed_at=None).exclude(subject=str(due)).exists()
    assert len(renewals.lateness()) == 2
