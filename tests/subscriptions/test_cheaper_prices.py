"""A new price and a cheaper plan: which of the two a month has.

Source: docs/subscriptions.md#new-price and #cheaper.
"""

import pytest

from accounts.models import User
from plans.models import Plan
from subscriptions.domain import cheaper, price_changes
from subscriptions.models import PriceNotice, Subscription
from tests.builders import GB, make_plan
from tests.subscriptions.renewals import DAY, HOUR, PRICE, SOLD, Renewal
from tests.subscriptions.test_cheaper import choose, fresh
from tests.subscriptions.test_price_changes import MAY, announce, deliver, prices
from tests.subscriptions.test_renewing import MARCH

CHEAP = 1500


@pytest.fixture
def monthly(monthly: Renewal) -> Renewal:
    Subscription.objects.update(market="US")
    return monthly


@pytest.fixture
def small() -> Plan:
    return make_plan(code="small", category="recurring", data_bytes=2 * GB, minor_units=CHEAP)


def test_a_new_price_of_the_old_plan_does_not_reach_the_chosen_one(
    monthly: Renewal, small: Plan, clara: User
) -> None:
    monthly.pass_to(SOLD + 2 * DAY)
    announce(clara)
    deliver()
    assert price_changes.new_price_of(fresh(monthly)) is not None
    monthly.pass_to(SOLD + 30 * DAY)
    choose(monthly, small)

    assert price_changes.new_price_of(fresh(monthly)) is None
    monthly.pass_to(MAY - HOUR)
    assert prices(monthly) == [PRICE, CHEAP, CHEAP]


def test_who_has_chosen_another_plan_gets_no_notice_and_keeps_the_old_price_after_an_undo(
    monthly: Renewal, small: Plan, clara: User
) -> None:
    monthly.pass_to(SOLD + 2 * DAY)
    choose(monthly, small)
    announce(clara)
    assert not PriceNotice.objects.exists()

    cheaper.undo(fresh(monthly))
    monthly.pass_to(MARCH + HOUR)

    assert prices(monthly) == [PRICE, PRICE]


def test_a_notice_from_before_the_plan_was_left_does_not_count_after_its_return(
    monthly: Renewal, small: Plan, clara: User
) -> None:
    """The price that the customer agrees to at the return holds."""
    assert monthly.subscription.plan is not None
    old = monthly.subscription.plan
    monthly.pass_to(SOLD + 2 * DAY)
    announce(clara)
    deliver()
    choose(monthly, small)
    monthly.pass_to(SOLD + 30 * DAY)
    # Its price in the catalogue falls below that of the small plan.
    old.prices.update(minor_units=1200)
    choose(monthly, old)

    monthly.pass_to(MAY - HOUR)

    assert prices(monthly) == [CHEAP, 1200, 1200]
