"""The subscriptions that are due are found by an index, and each is enqueued once."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now

from outbox.models import Task
from subscriptions.domain import renewing
from subscriptions.models import Line, Subscription
from subscriptions.states import SubscriptionState
from tests.races import at_once

HOUR = timedelta(hours=1)


def make_due(line: Line, reference: str, **more: Any) -> Subscription:
    fields = {"state": SubscriptionState.ACTIVE, "anchored_at": now(), "due_at": now() - HOUR}
    return Subscription.objects.create(line=line, reference=reference, **{**fields, **more})


def test_what_is_due_is_found_by_the_index_and_nothing_else_is_read(line: Line) -> None:
    ended = {"state": SubscriptionState.ENDED, "due_at": None}
    Subscription.objects.bulk_create(
        Subscription(line=line, reference=f"ended {number}", **ended) for number in range(300)
    )
    for number in range(3):
        make_due(line, f"due {number}")
        make_due(line, f"later {number}", due_at=now() + HOUR)

    with connection.cursor() as cursor:
        # PostgreSQL would read so few rows without an index.
        cursor.execute("ANALYZE subscriptions_subscription; SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    plan = json.loads(renewing.due_since(now()).explain(analyze=True, format="json"))

    scan = plan[0]["Plan"]
    assert (scan["Node Type"], scan["Index Name"]) == ("Index Scan", "due_subscriptions")
    assert (scan["Actual Rows"], scan.get("Rows Removed by Filter", 0)) == (3, 0)


@pytest.mark.django_db(transaction=True)
def test_of_several_processes_each_subscription_is_enqueued_once(line: Line) -> None:
    for number in range(20):
        make_due(line, f"due {number}")

    found = at_once(renewing.enqueue_due, 4)

    assert sum(found) == 20
    assert list(Task.objects.values_list("enqueue_count", flat=True)) == [1] * 20


def test_a_round_enqueues_no_more_than_a_batch_and_the_oldest_first(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewing, "BATCH", 2)
    monkeypatch.setattr(renewing, "AT_A_TIME", 1)
    late = [make_due(line, f"due {hours}", due_at=now() - hours * HOUR).pk for hours in (1, 3, 2)]

    assert renewing.enqueue_due() == 2

    enqueued = list(Task.objects.order_by("pk").values_list("subject", flat=True))
    assert enqueued == [str(late[1]), str(late[2])]
