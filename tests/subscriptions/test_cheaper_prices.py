"""A new price and a cheaper plan: which of the two a month has.

Source: docs/subscriptions.md#new-price and #cheaper.
"""

from datetime import date

import pytest

from accounts.models import User
from moportal.money import Money
from plans.models import Plan
from subscriptions.domain import cheaper, price_changes
from subscriptions.models import PriceNotice, Subscription
from tests.builders import GB, make_plan
from tests.subscriptions.renewals import DAY, HOUR, PRICE, SOLD, Renewal
from tests.subscriptions.test_cheaper import choose, fresh
from tests.subscriptions.test_price_changes import (
    MAY,
    announce,
    browser_of,
    deliver,
    prices,
    tell,
)
from tests.subscriptions.test_renewing import MARCH

CHEAP, DEARER = 1500, 1800


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


def announce_for(plan: Plan, clara: User) -> None:
    """Announce that the plan costs $18.00 from 1 February on, and tell the customers."""
    starts_on, price = date(2025, 2, 1), Money(DEARER, "USD")
    tell(price_changes.announce(plan, market="US", price=price, starts_on=starts_on, actor=clara))


def test_a_new_price_of_the_chosen_plan_is_told_and_holds_after_its_notice_but_not_at_first(
    monthly: Renewal, small: Plan, clara: User
) -> None:
    monthly.pass_to(SOLD + 2 * DAY)
    choose(monthly, small)

    announce_for(small, clara)
    deliver()

    said = PriceNotice.objects.get()
    assert (str(said.old_price), str(said.change.price)) == ("$15.00", "$18.00")
    assert "The price of your plan Small changes to $18.00 a month." in said.text
    # The first month costs what was agreed to. The notice holds from 2 + 31 days on.
    assert "begins on March 31, 2025 or later" in said.text
    monthly.pass_to(MAY - HOUR)
    assert prices(monthly) == [CHEAP, DEARER, DEARER]


def test_who_was_not_reached_keeps_the_price_of_the_choice(
    monthly: Renewal, small: Plan, clara: User
) -> None:
    choose(monthly, small)
    announce_for(small, clara)

    monthly.pass_to(MAY - HOUR)

    assert prices(monthly) == [CHEAP] * 3


def test_a_notice_that_comes_late_waits_for_its_days(
    monthly: Renewal, small: Plan, clara: User
) -> None:
    choose(monthly, small)
    announce_for(small, clara)
    monthly.pass_to(MARCH - 2 * DAY)
    deliver()

    monthly.pass_to(MAY - HOUR)

    # 31 March comes too early: two days after the notice.
    assert prices(monthly) == [CHEAP, CHEAP, DEARER]


def test_the_account_shows_the_price_of_the_chosen_plan_and_notes_that_notice_alone(
    monthly: Renewal, small: Plan, alice: User, clara: User
) -> None:
    monthly.pass_to(SOLD + 2 * DAY)
    of_running = announce(clara)
    choose(monthly, small)
    announce_for(small, clara)

    browser = browser_of(alice)

    for page in ("/account/plans/R1/", "/account/"):
        assert "Small costs $18.00 a month instead of $15.00." in browser.get(page).text
    reached = {notice.change_id: notice.reached_by for notice in PriceNotice.objects.all()}
    # What the page has not shown must not hold after an undo.
    assert reached.pop(of_running.pk) == ""
    assert set(reached.values()) == {"opened"}


def test_a_notice_does_not_count_if_the_plan_is_chosen_again_after_it(
    monthly: Renewal, small: Plan, clara: User
) -> None:
    choose(monthly, small)
    announce_for(small, clara)
    deliver()
    cheaper.undo(fresh(monthly))
    assert price_changes.new_price_of(fresh(monthly)) is None
    monthly.pass_to(SOLD + DAY)
    choose(monthly, small)

    monthly.pass_to(MAY - HOUR)

    assert prices(monthly) == [CHEAP] * 3
