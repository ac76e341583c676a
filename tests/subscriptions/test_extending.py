"""Staff extend a plan: it ends later, free of charge, and nothing is charged too early."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.models import User
from subscriptions.domain import extending, lifecycle
from subscriptions.models import KIND, Period, Subscription
from tests.builders import make_card, make_plan
from tests.processing import process_task
from tests.providers import books
from tests.subscriptions.renewals import DAY, SOLD, Renewal, activate


@pytest.fixture
def prepaid(alice: User, network: str) -> Subscription:
    plan, sim = make_plan(validity_days=7), make_card()
    subscription = lifecycle.prepare(alice, sim=sim, plan=plan, plan_name="Week", reference="P1")
    activate(subscription, sim)
    lifecycle.start(subscription, at=now() - 2 * DAY)
    subscription.refresh_from_db()
    return subscription


def end_of(subscription: Subscription) -> object:
    return Period.objects.get(subscription=subscription, number=1).usable_until


def test_a_prepaid_plan_runs_longer_each_time_and_the_network_knows(
    prepaid: Subscription, network: str
) -> None:
    before = end_of(prepaid)

    extending.extend(prepaid, by=3 * DAY)
    extending.extend(prepaid, by=2 * DAY)
    process_task(KIND, prepaid.pk)

    period = Period.objects.get()
    assert period.usable_until == before + timedelta(days=5)  # type: ignore[operator]  # a time
    assert books(network)["services"][0]["until"] == period.usable_until.isoformat()


def test_a_plan_that_renews_is_charged_later_by_the_same_time(monthly: Renewal) -> None:
    monthly.pass_to(SOLD + 4 * DAY)
    extending.extend(monthly.subscription, by=2 * DAY)

    monthly.pass_to(SOLD + 35 * DAY)
    assert monthly.periods[:2] == [
        (1, "paid", "31 Jan", "02 Mar"),
        (2, "paid", "02 Mar", "02 Apr"),
    ]


def test_the_time_of_a_failed_download_is_still_given_back_afterwards(
    prepaid: Subscription,
) -> None:
    extending.extend(prepaid, by=DAY)

    assert Period.objects.get().given_back is None


@pytest.mark.parametrize("change", [{"decided_number": 2}, {"changing": "X"}, {"state": "grace"}])
def test_nothing_moves_while_a_month_is_being_paid(
    monthly: Renewal, change: dict[str, object]
) -> None:
    monthly.pass_to(SOLD + 4 * DAY)
    subscription = monthly.subscription
    Subscription.objects.filter(pk=subscription.pk).update(**change)
    subscription.refresh_from_db()
    before = end_of(subscription)

    with pytest.raises(extending.NotExtendable):
        extending.extend(subscription, by=DAY)

    assert end_of(subscription) == before


def test_what_is_over_is_not_begun_again(prepaid: Subscription) -> None:
    over = now() - DAY
    Period.objects.update(starts_at=now() - 8 * DAY, ends_at=over, usable_until=over)

    with pytest.raises(extending.NotExtendable):
        extending.extend(prepaid, by=3 * DAY)
