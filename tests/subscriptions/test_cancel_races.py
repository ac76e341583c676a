"""A cancel at each moment of a renewal: it ends the plan before the charge, or after that month.

The worker renews on one connection. At one of its statements, the customer cancels on another one.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from subscriptions.domain import cancelling, renewing
from subscriptions.models import Subscription
from subscriptions.states import SubscriptionState
from tests.constraints import without_constraint
from tests.speeds import long
from tests.subscriptions.months.play import Life, living
from tests.subscriptions.months.stories import DAY, HOUR
from tests.subscriptions.months.test_months import PLANS
from tests.subscriptions.test_renewal_races import FEBRUARY, GOOD, MARCH, process

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(0),
    pytest.mark.usefixtures("in_process"),
]
When = Callable[[int, str], bool]
CONSTRAINT = "nothing_is_charged_after_the_last_period"
# How often it is asked whether the customer waits for a lock of the worker, in seconds.
ASKED_EVERY = 0.01


class Meanwhile:
    """A customer who acts, here who cancels, just before the statement for which `when` holds.

    `when` is given the statement's number and its text.
    """

    def __init__(self, subscription: Subscription, when: When) -> None:
        self.ends_at: datetime | None = None
        self._pk, self._when, self._statements = subscription.pk, when, 0
        self._customer: threading.Thread | None = None

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        self._statements += 1
        if self._customer is None and self._when(self._statements, sql):
            self._customer = threading.Thread(target=self._act)
            self._customer.start()
            while self._customer.is_alive() and not is_waited_for():
                self._customer.join(ASKED_EVERY)
        return execute(sql, *rest)

    def wait(self) -> datetime | None:
        """Return the end that the customer was told, or None if the worker was done before."""
        if self._customer:
            self._customer.join()
        return self.ends_at

    def _act(self) -> None:
        try:
            self.act(Subscription.objects.get(pk=self._pk))
        finally:
            connection.close()

    def act(self, subscription: Subscription) -> None:
        self.ends_at = cancelling.cancel(subscription)


def is_waited_for() -> bool:
    """Return whether another connection waits for a lock of this one.

    It asks the driver, so that this is no statement of the worker's.
    """
    waits = "SELECT pg_backend_pid() = ANY(pg_blocking_pids(pid)) FROM pg_locks WHERE NOT granted"
    return any(found for (found,) in connection.connection.execute(waits))


def renew(subscription: Subscription, when: When) -> datetime | None:
    """Renew the plan, with a cancel meanwhile. Return the end that the customer was told."""
    meanwhile = Meanwhile(subscription, when)
    try:
        with connection.execute_wrapper(meanwhile):
            process(subscription)
    finally:
        ends_at = meanwhile.wait()
    return ends_at


def renew_and_cancel(life: Life, step: int) -> dict[str, datetime]:
    """Renew each plan, with a cancel at the next statement. Return what the customers were told.

    After the worker's last statement it begins again with the first one.
    """
    told, statement = {}, 1
    for subscription in life.subscriptions:
        ends_at = renew(subscription, partial(is_numbered, statement))
        if ends_at:
            told[subscription.reference] = ends_at
        statement = statement + step if ends_at else 1
    return told


def is_numbered(wanted: int, number: int, _sql: str) -> bool:
    return number == wanted


def is_decision(_number: int, sql: str) -> bool:
    changes = sql.partition(" WHERE ")[0]
    return changes.startswith('UPDATE "subscriptions_subscription"') and "decided_number" in changes


def charged(life: Life) -> set[str]:
    captured = [entry for entry in life.books.entries if entry.status == "captured"]
    return {entry.reference.partition("-")[0] for entry in captured}


@pytest.mark.parametrize(
    ("plans", "step"), [(8, 6), long(1000 if PLANS else 30, 1)], ids=["few", "many"]
)
def test_a_cancel_at_any_statement_of_a_renewal_leaves_one_of_two_results(
    alice: User, plans: int, step: int
) -> None:
    with living(alice, *[GOOD] * plans) as life:
        life.pass_to(FEBRUARY - HOUR)
        life.clock.move_to(FEBRUARY, tick=False)
        told = renew_and_cancel(life, step)
        life.pass_to(MARCH + DAY)

        early = {reference for reference, end in told.items() if end == FEBRUARY}
        assert set(told.values()) == {FEBRUARY, MARCH}
        assert charged(life) == {one.reference for one in life.subscriptions} - early
        ended = Subscription.objects.filter(state=SubscriptionState.ENDED)
        assert {one.reference for one in ended} == set(told)


def test_without_both_guards_a_plan_is_charged_after_a_confirmed_cancel(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        renewing,
        "compare_and_set",
        lambda model, pk, _expected, **changes: model.objects.filter(pk=pk).update(**changes),
    )
    undo = partial(Subscription.objects.update, last_number=None, cancelled_at=None)
    with living(alice, GOOD) as life, without_constraint(Subscription, CONSTRAINT, mend=undo):
        [subscription] = life.subscriptions
        life.pass_to(FEBRUARY - HOUR)
        life.clock.move_to(FEBRUARY, tick=False)

        assert renew(subscription, is_decision) == FEBRUARY
        assert charged(life) == {subscription.reference}
