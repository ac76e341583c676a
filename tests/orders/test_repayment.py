"""What the rule gives back to a customer who withdraws."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils.timezone import now

from accounts.models import User
from brand.models import MarketRules
from esim.models import Profile
from esim.states import ProfileState
from moportal.money import Money
from orders.domain import declaring, repayment
from orders.domain.declaring import Typed, Where
from orders.models import Declaration, Order
from orders.states import DeclarationKind, OrderState
from payments.models import Payment
from subscriptions.models import Bucket, Period
from tests.builders import GB
from tests.orders.conftest import settled

WHOLE = Money(1900, "USD")


@pytest.fixture
def rules() -> MarketRules:
    return MarketRules.objects.create(market="US", withdrawal_days=14, repayment="time_and_data")


@pytest.fixture
def sold(placed: Order, rules: MarketRules) -> Order:
    """Return Alice's order of 5 GB for 30 days, which began 6 days ago. She asked to start now.

    The eSIM is on her device, and a tenth of the data is used.
    """
    order = settled(placed)
    Order.objects.update(start_now_text="Start now.", start_now_at=order.created_at)
    Profile.objects.update(state=ProfileState.DOWNLOADED, downloaded_at=now())
    began = now() - timedelta(days=6)
    end = began + timedelta(days=30)
    Period.objects.update(starts_at=began, ends_at=end, usable_until=end)
    Bucket.objects.update(used_bytes=GB // 2)
    return Order.objects.get()


def withdrawal(order: Order, kind: DeclarationKind = DeclarationKind.WITHDRAWAL) -> Declaration:
    """Return what Alice has declared just now, matched to her order."""
    typed = Typed(kind, "Alice", "alice@example.com", order.number)
    declaration = declaring.declare(uuid4(), typed, Where(language="en", market="US"))
    declaration.order = Order.objects.get()
    return declaration


def proposed(order: Order) -> Money | None:
    return repayment.proposed_sum(withdrawal(order))


@pytest.mark.parametrize(
    ("rule", "used", "units"),
    [
        ("time_and_data", GB // 2, 1520),
        ("time_and_data", 4 * GB, 380),
        ("time_and_data", 5 * GB, 0),
        ("time", 5 * GB, 1520),
        ("whole", 5 * GB, 1900),
    ],
)
def test_the_rule_of_the_market_says_the_sum(sold: Order, rule: str, used: int, units: int) -> None:
    MarketRules.objects.update(repayment=rule)
    Bucket.objects.update(used_bytes=used)

    assert proposed(sold) == Money(units, "USD")


def test_without_the_wish_to_start_now_the_whole_price_is_given_back(sold: Order) -> None:
    Order.objects.update(start_now_text="", start_now_at=None)

    assert proposed(sold) == WHOLE


@pytest.mark.parametrize(("used", "sum_"), [(0, WHOLE), (GB // 2, Money(1520, "USD"))])
def test_what_is_on_no_device_and_unused_is_given_back_whole(
    sold: Order, used: int, sum_: Money
) -> None:
    Profile.objects.update(state=ProfileState.RELEASED, downloaded_at=None)
    Bucket.objects.update(used_bytes=used)

    assert proposed(sold) == sum_


def test_no_more_is_proposed_than_can_still_be_refunded(sold: Order) -> None:
    Payment.objects.update(refunded_minor_units=1000)

    assert proposed(sold) == Money(900, "USD")


def test_no_rule_says_what_several_months_give_back(sold: Order) -> None:
    first = Period.objects.get()
    later = {"number": 2, "starts_at": first.ends_at, "follows": first}
    Period.objects.create(
        subscription=first.subscription,
        line=first.line,
        ends_at=first.ends_at and first.ends_at + timedelta(days=30),
        **later,
    )

    assert proposed(sold) is None


def test_nothing_is_proposed_late_for_a_cancellation_or_for_an_open_order(
    sold: Order, alice: User
) -> None:
    assert repayment.proposed_sum(withdrawal(sold, DeclarationKind.CANCEL)) is None
    Order.objects.update(completed_at=now() - timedelta(days=17))
    assert proposed(sold) is None
    Order.objects.update(
        state=OrderState.IN_PROGRESS, subscription=None, completed_at=None, created_at=now()
    )
    assert proposed(sold) is None
