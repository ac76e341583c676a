"""A new price holds for the first month that begins long enough after its notice came."""

from datetime import date

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import AccountMessage, User
from messages.models import Message
from messages.signals import message_ended
from messages.states import MessageState
from moportal.money import Money
from outbox.models import Task
from payments.domain import evidence
from payments.models import Mandate, Payment
from subscriptions.domain import cancelling, price_changes
from subscriptions.domain.outlook import outlook_of
from subscriptions.models import PRICE_CHANGE_KIND, PriceChange, PriceNotice, Subscription
from tests.processing import process_task
from tests.subscriptions.renewals import DAY, HOUR, PRICE, SOLD, Renewal
from tests.subscriptions.test_renewing import MARCH

NEW = 3000
APRIL, MAY = MARCH + 30 * DAY, MARCH + 61 * DAY


@pytest.fixture
def monthly(monthly: Renewal) -> Renewal:
    Subscription.objects.update(market="US")
    mandate = Mandate.objects.get()
    Mandate.objects.filter(pk=mandate.pk).update(highest_minor_units=PRICE, currency="USD")
    return monthly


def announce(
    clara: User, *, price: int = NEW, starts_on: date = date(2025, 2, 1), market: str = "US"
) -> PriceChange:
    subscription = Subscription.objects.get()
    assert subscription.plan
    change = price_changes.announce(
        subscription.plan,
        market=market,
        price=Money(price, "USD"),
        starts_on=starts_on,
        actor=clara,
    )
    tell(change)
    return change


def tell(change: PriceChange) -> None:
    """Let workers tell the customers until all are told."""
    while process_task(PRICE_CHANGE_KIND, change.pk):
        pass


def deliver(state: MessageState = MessageState.SENT) -> None:
    """Say that the message of the notice has ended like this."""
    message = Message.objects.get(occasion="price_changes")
    message.state = state
    message_ended.send(Message, message=message)


def browser_of(account: User) -> Client:
    """Return a browser in which the customer has just signed in."""
    browser = Client()
    browser.force_login(account)
    return browser


def prices(monthly: Renewal) -> list[int]:
    return [amount for status, amount in monthly.charged if status == "captured"]


def notice() -> PriceNotice:
    return PriceNotice.objects.get()


def test_a_delivered_notice_brings_the_new_price_a_month_later(
    monthly: Renewal, clara: User
) -> None:
    monthly.pass_to(SOLD + 2 * DAY)
    change = announce(clara)
    deliver()
    assert notice().reached_by == "delivered"

    monthly.pass_to(MAY - HOUR)
    # 28 February comes too early: 26 days after the notice. 31 March does not.
    assert prices(monthly) == [PRICE, NEW, NEW]
    assert change.told_at is None
    assert PriceChange.objects.get().told_at is not None


def test_the_charge_above_the_mandate_names_the_notice_and_the_mandate_stays(
    monthly: Renewal, clara: User
) -> None:
    before = Mandate.objects.get()
    announce(clara)
    deliver()
    monthly.pass_to(MARCH + HOUR)

    notices = Payment.objects.order_by("pk").values_list("minor_units", "notice")
    assert [*notices] == [(PRICE, ""), (NEW, notice().key)]
    after = Mandate.objects.get()
    assert (after.text, after.limit, after.ended_at) == (before.text, before.limit, None)


def test_the_notice_is_evidence_for_the_bank(monthly: Renewal, clara: User) -> None:
    announce(clara)
    deliver()
    monthly.pass_to(MARCH + HOUR)
    first, second = Payment.objects.order_by("pk")

    def said(payment: Payment) -> str:
        return evidence.texts(evidence.freeze(payment)).get("price_notice", "")

    assert said(first) == ""
    assert "New price: $30.00" in said(second)
    assert "Message delivered: 2025-01-31 09:00:00 UTC" in said(second)
    assert notice().text in said(second)


def test_whom_no_notice_has_reached_keeps_the_old_price(monthly: Renewal, clara: User) -> None:
    announce(clara)
    deliver(MessageState.UNDELIVERED)
    monthly.pass_to(MAY - HOUR)

    assert prices(monthly) == [PRICE] * 3
    assert notice().reached_at is None


def test_the_account_shown_counts_as_opened(monthly: Renewal, clara: User, alice: User) -> None:
    monthly.pass_to(SOLD + 10 * DAY)
    announce(clara)
    as_alice = browser_of(alice)
    as_alice.head("/account/plans/R1/")
    assert notice().reached_at is None

    said = "From March 31, 2025 this plan costs $30.00 a month instead of $25.00."
    page = " ".join(as_alice.get("/account/plans/R1/").text.split())
    assert said in page
    assert "cancel before that day: you then pay the old price" in page.replace("&#x27;", "'")
    assert (notice().reached_at, notice().reached_by) == (now(), "opened")
    assert said in " ".join(as_alice.get("/account/").text.split())

    monthly.pass_to(MARCH + HOUR)
    assert prices(monthly) == [PRICE, NEW]
    later = " ".join(browser_of(alice).get("/account/plans/R1/").text.split())
    assert "$30.00" in later
    assert said not in later


@pytest.mark.parametrize("page", ["/account/", "the message"])
def test_the_account_and_its_message_count_too(
    monthly: Renewal, clara: User, as_alice: Client, page: str
) -> None:
    announce(clara)
    told = AccountMessage.objects.get(occasion="price_changes")
    if page == "the message":
        page = f"/account/messages/{told.pk}/"
        as_alice.head(page)
    assert notice().reached_at is None
    as_alice.get(page)

    assert notice().reached_by == "opened"


def test_only_the_first_time_counts(monthly: Renewal, clara: User) -> None:
    monthly.pass_to(SOLD + DAY)
    announce(clara)
    deliver()
    reached = notice().reached_at
    monthly.pass_to(SOLD + 3 * DAY)
    price_changes.note_shown([notice()])

    assert (notice().reached_at, notice().reached_by) == (reached, "delivered")


def test_the_notice_keeps_what_it_said_in_its_language(
    monthly: Renewal, clara: User, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(language="de")
    announce(clara)

    found = notice()
    assert found.language == "de"
    assert "30,00" in found.text
    assert "25,00" in found.text
    assert "Alice" not in found.text
    assert (found.old_price, found.change.price) == (Money(PRICE, "USD"), Money(NEW, "USD"))


def test_the_reminder_and_the_account_say_the_price_of_the_next_month(
    monthly: Renewal, clara: User
) -> None:
    announce(clara)
    deliver()
    monthly.pass_to(MARCH - 2 * DAY)

    monthly.subscription.refresh_from_db()
    assert outlook_of(monthly.subscription).amount == Money(NEW, "USD")
    ahead = AccountMessage.objects.filter(occasion="renewal_ahead").latest("pk")
    assert ahead.context["total"] == Money(NEW, "USD")


def test_a_cancel_after_the_notice_ends_the_plan_at_the_old_price(
    monthly: Renewal, clara: User
) -> None:
    announce(clara)
    deliver()
    monthly.pass_to(MARCH - DAY - HOUR)
    cancelling.cancel(monthly.subscription)
    monthly.pass_to(MARCH + DAY)

    assert monthly.subscription.state == "ended"
    assert prices(monthly) == [PRICE]


def test_the_first_day_counts_even_if_the_notice_came_long_before(
    monthly: Renewal, clara: User
) -> None:
    announce(clara, starts_on=date(2025, 4, 1))
    deliver()
    monthly.pass_to(MAY - HOUR)

    assert prices(monthly) == [PRICE, PRICE, NEW]


def test_of_two_prices_the_later_one_holds(monthly: Renewal, clara: User) -> None:
    announce(clara)
    deliver()
    Message.objects.all().delete()
    announce(clara, price=3500, starts_on=date(2025, 4, 15))
    deliver()
    monthly.pass_to(MAY + HOUR)

    assert prices(monthly) == [PRICE, NEW, 3500, 3500]


def test_a_price_is_withdrawn_before_its_first_day_and_not_after(
    monthly: Renewal, clara: User
) -> None:
    change = announce(clara, starts_on=date(2025, 3, 15))
    deliver()
    price_changes.withdraw(change, actor=clara)
    with pytest.raises(price_changes.NotAnnounced):
        price_changes.withdraw(change, actor=clara)
    monthly.pass_to(APRIL - HOUR)
    assert prices(monthly) == [PRICE] * 2

    late = announce(clara, starts_on=date(2025, 4, 1))
    with pytest.raises(price_changes.NotAnnounced):
        price_changes.withdraw(late, actor=clara)


def test_a_withdrawn_price_is_told_to_nobody_more(monthly: Renewal, clara: User) -> None:
    change = announce(clara, market="DE", starts_on=date(2025, 3, 15))
    PriceChange.objects.update(told_at=None, told_up_to=0, market="US")
    price_changes.withdraw(change, actor=clara)
    tell(change)

    assert not PriceNotice.objects.exists()


@pytest.mark.parametrize(
    "why", ["another market", "the same price", "another currency", "cancelled"]
)
def test_whom_it_does_not_concern_is_not_told(monthly: Renewal, clara: User, why: str) -> None:
    if why == "another currency":
        monthly.subscription.periods.update(currency="EUR")
    elif why == "cancelled":
        cancelling.cancel(monthly.subscription)
    price = PRICE if why == "the same price" else NEW
    announce(clara, price=price, market="DE" if why == "another market" else "US")

    assert not PriceNotice.objects.exists()


def test_each_customer_is_told_once_in_turns(
    monthly: Renewal, clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_changes, "AT_A_TIME", 1)
    change = announce(clara)
    assert process_task(PRICE_CHANGE_KIND, change.pk) is None

    assert PriceNotice.objects.count() == Message.objects.filter(occasion="price_changes").count()
    assert Task.objects.filter(kind=PRICE_CHANGE_KIND).count() == 1


def test_a_notice_of_another_plan_does_not_count(monthly: Renewal, clara: User) -> None:
    change = announce(clara)
    deliver()
    other = change.plan
    other.pk, other.code = None, "other"
    other.save()
    PriceChange.objects.update(plan=other)
    monthly.pass_to(MARCH + HOUR)

    assert prices(monthly) == [PRICE] * 2


def test_longer_days_to_leave_put_the_new_price_off(monthly: Renewal, clara: User) -> None:
    announce(clara)
    PriceChange.objects.update(exit_days=80)
    deliver()
    monthly.pass_to(MAY - HOUR)

    assert prices(monthly) == [PRICE, PRICE, NEW]
