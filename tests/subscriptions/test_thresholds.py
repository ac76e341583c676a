"""`subscriptions.domain.thresholds`: customers are told when most of their data is used, or all."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.models import AccountMessage
from esim.models import Sim
from outbox.models import Task
from subscriptions.domain.thresholds import KIND, threshold
from subscriptions.models import Bucket, Line, Period, Subscription
from tests.builders import GB
from tests.processing import process_task
from tests.subscriptions.usages import DAY, give, said, tell


@pytest.fixture
def bucket(line: Line) -> Bucket:
    return give(line, now() - DAY, now() + 10 * DAY, total=GB)


def use(sim: Sim, number: int, used: int) -> None:
    tell(said(number, sim, now() - timedelta(seconds=60 - number), used))


def told(bucket: Bucket) -> list[str]:
    """Let a worker process what waits, and return what the customer has read."""
    for _ in Task.objects.filter(kind=KIND, closed_at=None):
        process_task(KIND, bucket.pk)
        Task.objects.filter(kind=KIND, closed_at=None).update(closed_at=now())
    return [*AccountMessage.objects.order_by("pk").values_list("occasion", flat=True)]


def test_each_threshold_is_told_once(bucket: Bucket, sim: Sim) -> None:
    use(sim, 1, 799_999_999)
    assert told(bucket) == []

    use(sim, 2, 1)
    assert told(bucket) == ["data_low"]

    use(sim, 3, GB // 10)
    assert told(bucket) == ["data_low"]

    use(sim, 4, GB)
    assert told(bucket) == ["data_low", "data_used_up"]


def test_who_uses_all_at_once_is_told_the_last_threshold_alone(bucket: Bucket, sim: Sim) -> None:
    use(sim, 1, 2 * GB)

    assert told(bucket) == ["data_used_up"]


def test_an_unlimited_plan_reaches_no_threshold(line: Line, sim: Sim) -> None:
    give(line, now() - DAY, now() + DAY, total=None)

    use(sim, 1, 50 * GB)

    assert not Task.objects.filter(kind=KIND).exists()


@pytest.mark.parametrize("why", ["it is over", "the operator's billing counts", "late usage"])
def test_what_can_no_longer_be_said_is_not_said(bucket: Bucket, sim: Sim, why: str) -> None:
    use(sim, 1, GB)
    if why == "it is over":
        Period.objects.update(usable_until=now())
    elif why == "the operator's billing counts":
        Subscription.objects.update(master="operator")
    else:
        Bucket.objects.update(used_bytes=0)

    assert told(bucket) == []


def test_usage_below_a_threshold_costs_no_query(bucket: Bucket, sim: Sim) -> None:
    def queries(number: int, used: int) -> int:
        with CaptureQueriesContext(connection) as found:
            use(sim, number, used)
        return len([one for one in found if "outbox_task" in one["sql"]])

    assert queries(1, 1000) == 0
    assert queries(2, GB) > 0


@pytest.mark.parametrize(
    ("used", "total", "reached"), [(0, 0, 0), (79, 100, 0), (80, 100, 80), (100, 100, 100)]
)
def test_a_threshold_is_reached_exactly(used: int, total: int, reached: int) -> None:
    assert threshold(used, total) == reached
