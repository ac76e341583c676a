"""Time is given back while other workers confirm the download, charge or cancel the plan."""

from datetime import timedelta

import pytest

from subscriptions.domain import cancelling, giving_back, renewing
from subscriptions.models import Period, Subscription
from tests.races import at_once
from tests.subscriptions.months.play import Life
from tests.subscriptions.months.stories import DAY, HOUR
from tests.subscriptions.test_renewal_races import (
    FEBRUARY,
    SOLD,
    both,
    life,  # noqa: F401 -- a fixture
    process,
    statuses,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("in_process")]
LOST = 3 * DAY


def give() -> None:
    subscription = Subscription.objects.get()
    giving_back.give_back(subscription, since=SOLD, until=SOLD + LOST)


def test_two_notices_at_once_give_the_time_once(life: Life) -> None:  # noqa: F811
    life.pass_to(SOLD + LOST)

    at_once(give, 4)

    assert Period.objects.get().ends_at == FEBRUARY + LOST
    assert Subscription.objects.get().lost_time == LOST


def test_a_charge_at_the_same_moment_is_made_once(life: Life) -> None:  # noqa: F811
    """The new month gets the time; or the old one gets it, and the charge comes later."""
    [subscription] = life.subscriptions
    life.pass_to(FEBRUARY - HOUR)
    life.clock.move_to(FEBRUARY, tick=False)

    def charge() -> None:
        process(subscription)

    found = dict(both(give, charge))
    assert not [error for error in found.values() if isinstance(error, Exception)]
    life.pass_to(FEBRUARY + LOST)

    assert statuses(life) == ["captured"]
    first, second = Period.objects.order_by("number")
    assert first.ends_at == second.starts_at
    given = [period.given_back or timedelta() for period in (first, second)]
    assert sorted(given) == [timedelta(), LOST]


def test_a_worker_that_has_read_the_old_start_does_not_charge(
    life: Life,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [subscription] = life.subscriptions
    life.pass_to(FEBRUARY - HOUR)
    decide = renewing._decide_to_charge  # noqa: SLF001 -- the moment that the race is about

    def give_first(*subject: object) -> bool:
        give()
        return decide(*subject)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(renewing, "_decide_to_charge", give_first)
    life.clock.move_to(FEBRUARY, tick=False)
    process(subscription)
    assert statuses(life) == ["authorised"]

    monkeypatch.setattr(renewing, "_decide_to_charge", decide)
    life.pass_to(FEBRUARY + LOST - HOUR)
    assert statuses(life) == ["authorised"]
    life.pass_to(FEBRUARY + LOST)
    assert statuses(life) == ["captured"]


def test_a_cancel_at_the_same_moment_ends_the_plan_later(life: Life) -> None:  # noqa: F811
    life.pass_to(SOLD + LOST)

    def cancel() -> None:
        cancelling.cancel(Subscription.objects.get())

    both(give, cancel)
    life.pass_to(FEBRUARY + LOST + HOUR)

    assert Subscription.objects.get().state == "ended"
    assert statuses(life) == []
    assert Period.objects.get().ends_at == FEBRUARY + LOST
