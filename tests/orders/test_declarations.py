"""Withdrawals and cancellations by law: what a worker carries out, and what staff must decide."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.access.limiter import Locked
from accounts.models import User
from brand.models import MarketRules
from esim.states import ProfileState
from messages.models import Message
from orders.domain import matching, repayment
from orders.domain.declaring import Typed, Where, declare
from orders.models import Declaration, Order, Return
from orders.states import (
    NEXT_DECLARATION_STATES,
    DeclarationKind,
    DeclarationOutcome,
    DeclarationState,
    OrderState,
)
from subscriptions.models import Bucket, Subscription
from tests.orders.conftest import settled
from tests.processing import process_task

CANCEL, WITHDRAWAL = DeclarationKind.CANCEL, DeclarationKind.WITHDRAWAL
Declare = Callable[..., Declaration]


@pytest.fixture
def sold(placed: Order, alice: User) -> Order:
    """Return Alice's completed order of a plan that renews. She has proven her address."""
    alice.addresses.update(proven_at=now())
    order = settled(placed)
    # The law of her market lets her withdraw.
    MarketRules.objects.create(market="US", withdrawal_days=14, repayment="time_and_data")
    Subscription.objects.update(anchored_at=now())
    return order


@pytest.fixture
def said(sold: Order) -> Declare:
    """Return a function that declares something, and lets a worker match it."""

    def act(
        kind: DeclarationKind = CANCEL, account: User | None = None, **more: Any
    ) -> Declaration:
        typed = {"name": "Alice", "address": "alice@example.com", "contract": sold.number, **more}
        where = Where(language="en", market="US", account=account)
        declaration = declare(uuid4(), Typed(kind, **typed), where)
        process_task(matching.KIND, declaration.pk)
        declaration.refresh_from_db()
        return declaration

    return act


def is_cancelled() -> bool:
    return Subscription.objects.get().is_cancelled


def end_of(declaration: Declaration) -> tuple[str, str]:
    return declaration.state, declaration.outcome


def test_a_cancellation_ends_the_plan_with_its_period(said: Declare, sold: Order) -> None:
    declaration = said()

    assert end_of(declaration) == (DeclarationState.DONE, DeclarationOutcome.CANCELLED)
    assert declaration.order == sold
    assert is_cancelled()


@pytest.mark.parametrize("spelling", ["lower", "display", "spaced"])
def test_the_order_number_is_found_in_any_spelling(
    said: Declare, sold: Order, spelling: str
) -> None:
    spelt = {
        "lower": sold.number.lower().replace("0", "o").replace("1", "l"),
        "display": sold.display_number,
        "spaced": " ".join(sold.number),
    }

    assert said(contract=spelt[spelling]).order == sold


@pytest.mark.parametrize("address", ["bob@example.com", "nobody@example.com"])
def test_an_order_number_with_a_wrong_address_does_nothing(
    said: Declare, bob: User, address: str
) -> None:
    declaration = said(address=address)

    assert end_of(declaration) == (DeclarationState.UNMATCHED, DeclarationOutcome.NO_ORDER)
    assert declaration.order is None
    assert not is_cancelled()


def test_an_address_that_nobody_has_proven_ends_nothing(said: Declare, alice: User) -> None:
    alice.addresses.update(proven_at=None)

    declaration = said()

    assert end_of(declaration) == (DeclarationState.MATCHED, DeclarationOutcome.NOT_PROVEN)
    assert not is_cancelled()


def test_an_address_that_was_lost_matches_nothing(said: Declare, alice: User) -> None:
    alice.addresses.update(proven_at=None, lost_at=now())

    assert said().state == DeclarationState.UNMATCHED


def test_a_customer_who_is_signed_in_needs_no_address(
    said: Declare, alice: User, bob: User
) -> None:
    assert not said(account=bob, address="other@example.com").order
    assert said(account=alice, address="other@example.com").state == DeclarationState.DONE


@pytest.mark.parametrize("stored", ["12025550142", "+12025550142"])
def test_a_phone_number_finds_the_order_and_staff_decide(
    said: Declare, sold: Order, stored: str
) -> None:
    assert sold.subscription
    type(sold.subscription.line).objects.update(msisdn=stored)

    declaration = said(contract="(202) 555-0142")

    assert end_of(declaration) == (DeclarationState.MATCHED, DeclarationOutcome.NOT_PROVEN)
    assert declaration.order == sold


def test_a_line_without_a_number_is_not_found_by_none(said: Declare, alice: User) -> None:
    assert said(contract="+", account=alice).order is None


def test_a_cancellation_with_a_note_is_left_to_staff(said: Declare) -> None:
    declaration = said(note="Only at the end of June.")

    assert end_of(declaration) == (DeclarationState.MATCHED, DeclarationOutcome.HAS_NOTE)
    assert not is_cancelled()


@pytest.mark.parametrize("has_plan", [True, False])
def test_what_does_not_renew_is_not_cancelled(
    said: Declare, sold: Order, *, has_plan: bool
) -> None:
    Subscription.objects.update(anchored_at=None)
    if not has_plan:
        Order.objects.update(state=OrderState.IN_PROGRESS, subscription=None, completed_at=None)

    declaration = said()

    assert end_of(declaration) == (DeclarationState.MATCHED, DeclarationOutcome.NOT_RUNNING)


def test_a_withdrawal_takes_an_untouched_order_back(said: Declare, sold: Order) -> None:
    declaration = said(WITHDRAWAL)

    assert end_of(declaration) == (DeclarationState.DONE, DeclarationOutcome.RETURNED)
    assert Return.objects.get().order == sold
    assert end_of(said(WITHDRAWAL)) == (DeclarationState.DONE, DeclarationOutcome.RETURNED)


def test_an_order_on_a_device_or_with_used_data_is_left_to_staff(
    said: Declare, sold: Order
) -> None:
    Bucket.objects.update(used_bytes=1)
    used = said(WITHDRAWAL)
    Bucket.objects.update(used_bytes=0)
    assert sold.profile
    type(sold.profile).objects.update(state=ProfileState.DOWNLOADED, downloaded_at=now())
    on_device = said(WITHDRAWAL)

    for declaration in (used, on_device):
        assert end_of(declaration) == (DeclarationState.MATCHED, DeclarationOutcome.IN_USE)
        # Nobody asked for the service to start at once, so nothing is kept back.
        assert repayment.proposed_sum(declaration) == sold.price.gross
    assert not Return.objects.exists()


@pytest.mark.parametrize(("days", "is_late"), [(15, False), (17, True)])
def test_the_term_begins_after_the_day_of_the_order(
    said: Declare, sold: Order, days: int, *, is_late: bool
) -> None:
    Order.objects.update(completed_at=now() - timedelta(days=days))

    declaration = said(WITHDRAWAL)

    assert (declaration.outcome == DeclarationOutcome.TOO_LATE) == is_late
    assert (repayment.proposed_sum(declaration) is None) == is_late


def test_the_market_of_the_order_decides_about_the_term(said: Declare) -> None:
    MarketRules.objects.update(withdrawal_days=0)

    assert said(WITHDRAWAL).outcome == DeclarationOutcome.TOO_LATE


def test_an_order_that_cannot_be_taken_back_now_is_left_to_staff(
    said: Declare, sold: Order, alice: User
) -> None:
    old = {"old_profile": sold.profile, "asked_by": alice}
    sold.repairs.create(kind="reissue", because="x", **old)

    declaration = said(WITHDRAWAL)

    assert end_of(declaration) == (DeclarationState.MATCHED, DeclarationOutcome.REFUSED)


def test_a_proposal_follows_only_for_a_withdrawal_with_an_order(said: Declare) -> None:
    assert repayment.proposed_sum(said(CANCEL)) is None
    assert repayment.proposed_sum(said(WITHDRAWAL, address="no@example.com")) is None


def test_one_confirm_page_declares_once_and_sends_one_receipt(sold: Order) -> None:
    key, where = uuid4(), Where(language="de", market="DE", network="10.0.0.0/24")
    typed = Typed(CANCEL, "Alice", "alice@example.com", sold.number, "now")

    first, second = declare(key, typed, where), declare(key, typed, where)

    assert first == second
    message = Message.objects.get(occasion="declared")
    assert (message.address, message.language) == ("alice@example.com", "de")
    process_task(matching.KIND, first.pk)
    assert process_task(matching.KIND, first.pk) is None


def test_receipts_do_not_flood_an_address(sold: Order, settings: Any) -> None:
    settings.DECLARATION_LIMIT = 2
    typed = Typed(CANCEL, "Alice", "alice@example.com", "X")
    keys = [uuid4(), uuid4()]
    for key in keys:
        declare(key, typed, Where(language="en", market="US"))

    with pytest.raises(Locked):
        declare(uuid4(), typed, Where(language="en", market="US"))
    assert declare(keys[0], typed, Where(language="en", market="US")).key == keys[0]


def test_only_an_open_declaration_moves_on() -> None:
    assert {
        "received": {"matched", "unmatched", "done"},
        "matched": {"matched", "done"},
        "unmatched": {"matched", "done"},
        "done": set(),
    } == NEXT_DECLARATION_STATES


def test_staff_answer_a_case_once(said: Declare, clara: User, client: Client) -> None:
    declaration = said(address="no@example.com")
    client.force_login(clara)
    page, chosen = "/admin/orders/declaration/", {"action": "settle"}
    chosen["_selected_action"] = str(declaration.pk)

    assert "is sent to the customer as the answer" in client.post(page, chosen).text
    answered = client.post(page, {**chosen, "because": "called"}, follow=True)
    again = client.post(page, {**chosen, "because": "again"}, follow=True)

    declaration.refresh_from_db()
    assert (declaration.state, declaration.staff_note) == (DeclarationState.DONE, "called")
    assert declaration.settled_by == clara
    assert "answered." in answered.text
    assert "not an open case" in again.text
    said(address="no@example.com", contract="UNKNOWN")
    cases = client.get(f"{page}?staff=1").text
    assert "UNKNOWN" in cases
    assert declaration.contract not in cases
