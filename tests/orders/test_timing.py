"""How soon a failing or hanging SM-DP+ is called again while a customer waits, in real time.

Measured are the rows of the calls, with the pauses and timeouts as they are set.
"""

import time
from datetime import timedelta
from itertools import pairwise

import pytest

from esim.models import Es2Call
from orders.models import Order
from orders.states import OrderState
from outbox.domain import due_tasks, process
from tests.providers import break_it, states

pytestmark = pytest.mark.django_db(transaction=True)
# A busy machine may add this to a delay or a timeout.
NOISE = timedelta(seconds=0.4)
WITHIN = 30.0


def worked_off(order: Order) -> Order:
    """Process whatever is due until the order is complete."""
    deadline = time.monotonic() + WITHIN
    while order.state != OrderState.COMPLETED and time.monotonic() < deadline:
        for task in due_tasks():
            process(task)
        time.sleep(0.02)
        order.refresh_from_db()
    return order


def tries(function: str) -> list[Es2Call]:
    return list(Es2Call.objects.filter(function=function))


@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500"])
def test_the_first_retry_comes_within_a_second(
    placed: Order, smdp: str, function: str, fault: str
) -> None:
    break_it(smdp, function, fault)

    assert worked_off(placed).state == OrderState.COMPLETED

    first, second = tries(function)
    assert first.answered_at is not None
    assert second.sent_at - first.answered_at < timedelta(seconds=1) + NOISE
    assert states(smdp) == ["Released"]


def test_three_attempts_that_hang_fit_into_ten_seconds(placed: Order, smdp: str) -> None:
    break_it(smdp, "downloadOrder", "delay", times=2, seconds=9)

    assert worked_off(placed).state == OrderState.COMPLETED

    hung, hung_again, answered = tries("downloadOrder")
    assert [hung.outcome, hung_again.outcome] == [Es2Call.Outcome.NO_ANSWER] * 2
    # The first call took effect, so the last answer is "already".
    assert (answered.subject_code, answered.reason_code) == ("8.2.1", "3.3")
    assert answered.sent_at - hung.sent_at < timedelta(seconds=10)
    assert states(smdp) == ["Released"]


def test_later_attempts_come_less_and_less_often(placed: Order, smdp: str) -> None:
    break_it(smdp, "confirmOrder", "drop_before", times=3)

    assert worked_off(placed).state == OrderState.COMPLETED

    at = [call.sent_at for call in tries("confirmOrder")]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(at)]
    assert pauses == sorted(pauses)
    assert at[2] - at[0] < timedelta(seconds=10)
