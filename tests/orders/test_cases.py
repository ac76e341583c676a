"""Staff decide about a withdrawal or cancellation that no worker carried out."""

import html
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils.formats import date_format
from django.utils.timezone import localtime, now

from accounts.models import User
from accounts.roles import AGENT, VIEWER
from brand.models import MarketRules
from esim.models import Profile
from esim.states import ProfileState
from messages.models import Message
from messages.rendering import render
from messages.states import Occasion
from moportal.money import Money
from orders.domain import answering, matching, returning
from orders.domain.declaring import Typed, Where, declare
from orders.domain.matching import IllegalTransition
from orders.models import Declaration, Order, Return
from orders.states import DeclarationKind, DeclarationOutcome, DeclarationState, ReturnState
from payments.gateways.base import Ability, GatewayRefused
from payments.gateways.simulator import SimulatorGateway
from payments.models import CreditNote, Payment
from subscriptions.models import Bucket, Period, Subscription
from subscriptions.states import SubscriptionState
from tests.builders import GB, payment_of
from tests.orders.conftest import settled
from tests.processing import process_task
from tests.providers import books, break_it

CANCEL, WITHDRAWAL = DeclarationKind.CANCEL, DeclarationKind.WITHDRAWAL
Decide = Callable[..., str]


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's order, 6 of 30 days old, with a tenth of its data used on her device.

    She asked to start now, and nobody has proven her address.
    """
    MarketRules.objects.create(market="US", withdrawal_days=14, repayment="time_and_data")
    order = settled(placed)
    Order.objects.update(start_now_text="Start now, please.", start_now_at=now())
    Profile.objects.update(state=ProfileState.DOWNLOADED, downloaded_at=now())
    began = now() - timedelta(days=6)
    end = began + timedelta(days=30)
    Period.objects.update(starts_at=began, ends_at=end, usable_until=end)
    Bucket.objects.update(used_bytes=GB // 2)
    return Order.objects.get(pk=order.pk)


def declared(contract: str, kind: DeclarationKind = WITHDRAWAL) -> Declaration:
    """Return what Alice has declared, after a worker looked for its order."""
    typed = Typed(kind, "Alice", "alice@example.com", contract)
    row = declare(uuid4(), typed, Where(language="en", market="US"))
    process_task(matching.KIND, row.pk)
    return read(row)


def read(case: Declaration) -> Declaration:
    return Declaration.objects.select_related("order").get(pk=case.pk)


@pytest.fixture
def decide(clara: User, client: Client) -> Decide:
    """Return a function that takes a step at the desk, and returns the page that follows."""
    client.force_login(clara)

    def act(case: Declaration, step: str = "", **fields: str) -> str:
        page = f"/admin/orders/declaration/{case.pk}/case/"
        said = {"step": step, **fields}
        answer = client.post(page, said, follow=True) if step else client.get(page)
        return html.unescape(answer.text)

    return act


def carried_out(times: int = 1) -> Return:
    """Let a worker carry out the return, and return it read again."""
    for _ in range(times):
        process_task(returning.KIND, Return.objects.get().pk)
    return Return.objects.select_related("refund", "order__payment").get()


def test_the_page_shows_the_case_the_clock_and_the_proposed_sum(
    sold: Order, decide: Decide
) -> None:
    case = declared(sold.number)

    page = decide(case)

    for fact in (sold.display_number, "Start now, please.", "The address is not proven", "$15.20"):
        assert fact in page
    assert "(13 days left)" in page
    assert 'value="15.20"' in page
    Declaration.objects.update(declared_at=now() - timedelta(days=15))
    assert "(overdue)" in decide(case)


def test_a_withdrawal_ends_the_plan_and_pays_the_proposed_sum_back(
    sold: Order, clara: User, decide: Decide, gateway: str
) -> None:
    case = declared(sold.number)

    page = decide(case, "carry_out", amount="15.20")

    case = read(case)
    assert "The plan is being ended, and the sum paid back." in page
    assert (case.state, case.outcome) == (DeclarationState.DONE, DeclarationOutcome.RETURNED)
    assert (case.settled_by, case.staff_note) == (clara, "Withdrawal")
    order_return = carried_out(times=2)
    assert order_return.state == ReturnState.DONE
    assert Subscription.objects.get().state == SubscriptionState.ENDED
    assert payment_of(order_return.order).refunded_minor_units == 1520
    assert [payment["refunded"] for payment in books(gateway)["payments"]] == [1520]
    assert CreditNote.objects.get().gross == Money(1520, "USD")
    told = Message.objects.get(occasion=Occasion.ORDER_REFUNDED)
    assert told.context["total"] == Money(1520, "USD")


def answer_to(case: Declaration) -> str:
    """Return the answer that went to the address that was typed."""
    told = Message.objects.get(occasion=Occasion.DECLARATION_CLOSED)
    assert (told.address, told.key) == (case.address, str(case.key))
    return render(Occasion.DECLARATION_CLOSED, told.context, language="en").text


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("15.20", "The contract ends now, and $15.20 goes back to you in the way that you paid."),
        ("0", "The contract ends now. There is nothing to pay back."),
    ],
)
def test_who_withdrew_is_told_that_it_is_carried_out(
    sold: Order, decide: Decide, amount: str, said: str
) -> None:
    case = declared(sold.number)

    decide(case, "carry_out", amount=amount, because="checked")

    answer = answer_to(case)
    assert "This is about the withdrawal that we received on" in answer
    assert said in answer
    assert "checked" not in answer


def test_who_cancelled_is_told_when_the_contract_ends(sold: Order, decide: Decide) -> None:
    Subscription.objects.update(anchored_at=now())
    case = declared(sold.number, CANCEL)

    decide(case, "carry_out")

    ends = date_format(localtime(Period.objects.get().ends_at), "DATE_FORMAT")
    assert f"The contract ends on {ends}, and it doesn't renew." in answer_to(case)


def test_of_a_case_that_is_closed_the_customer_reads_that_nothing_ends(
    sold: Order, clara: User
) -> None:
    case = declared("unknown")

    answering.close(case, actor=clara, note="We know no such order.")

    answer = answer_to(case)
    assert "We have checked it. No contract ends because of it." in answer
    assert case.reference in answer
    assert "Our answer: We know no such order." in answer


def test_nothing_is_sent_to_an_address_that_was_erased(sold: Order, clara: User) -> None:
    case = declared("unknown")
    Declaration.objects.update(address="", name="")

    answering.close(read(case), actor=clara, note="deleted")

    assert not Message.objects.filter(occasion=Occasion.DECLARATION_CLOSED).exists()


def test_the_customer_reads_how_much_goes_back(
    sold: Order, decide: Decide, as_alice: Client
) -> None:
    decide(declared(sold.number), "carry_out", amount="15.20")
    page = f"/orders/{sold.number}/"

    assert "We're refunding $15.20 to Visa ending in 4242." in html.unescape(
        as_alice.get(page).text
    )
    carried_out()
    assert "We refunded $15.20 to Visa ending in 4242." in as_alice.get(page).text


def test_another_sum_needs_a_reason_and_is_at_most_what_was_charged(
    sold: Order, decide: Decide
) -> None:
    case = declared(sold.number)

    assert "Say why this sum is paid back." in decide(case, "carry_out", amount="10.00")
    too_much = decide(case, "carry_out", amount="19.01", because="goodwill")
    assert "Nothing, or less than this, is left to refund." in too_much
    assert not Return.objects.exists()
    assert "being ended" in decide(case, "carry_out", amount="19.00", because="goodwill")
    assert carried_out().amount == Money(1900, "USD")
    assert read(case).staff_note == "goodwill"


def test_where_no_rule_says_the_sum_staff_type_it(sold: Order, decide: Decide) -> None:
    Order.objects.update(completed_at=now() - timedelta(days=20))
    case = declared(sold.number)

    assert "No rule gives the amount." in decide(case)
    assert "This field is required." in decide(case, "carry_out", because="late")
    assert "being ended" in decide(case, "carry_out", amount="3", because="late")


def test_nothing_is_paid_back_for_what_is_used_up(
    sold: Order, decide: Decide, as_alice: Client, gateway: str
) -> None:
    Bucket.objects.update(used_bytes=5 * GB)

    decide(declared(sold.number), "carry_out", amount="0")

    assert carried_out().state == ReturnState.DONE
    assert [payment["refunded"] for payment in books(gateway)["payments"]] == [0]
    assert Message.objects.filter(occasion=Occasion.PLAN_ENDED).count() == 1
    page = html.unescape(as_alice.get(f"/orders/{sold.number}/").text)
    assert "You withdrew from this order" in page
    assert "You used all that you paid for before you withdrew" in page


def test_a_refund_without_an_answer_is_repeated_and_pays_once(
    sold: Order, decide: Decide, gateway: str
) -> None:
    decide(declared(sold.number), "carry_out", amount="15.20")
    break_it(gateway, "refund", "drop_after")

    assert carried_out().state == ReturnState.ASKED
    assert carried_out().state == ReturnState.DONE
    assert [payment["refunded"] for payment in books(gateway)["payments"]] == [1520]


def test_a_refund_that_is_done_is_not_sent_again_while_the_plan_still_ends(
    sold: Order, decide: Decide, gateway: str, network: str
) -> None:
    decide(declared(sold.number), "carry_out", amount="15.20")
    break_it(network, "end", "http_500")

    assert carried_out().state == ReturnState.ASKED
    assert carried_out().state == ReturnState.DONE
    assert [payment["refunded"] for payment in books(gateway)["payments"]] == [1520]


def test_a_refused_refund_ends_the_return_and_staff_may_ask_again(
    sold: Order, clara: User, decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_keywords: object) -> None:
        raise GatewayRefused("refund: too old")

    decide(declared(sold.number), "carry_out", amount="15.20")
    with monkeypatch.context() as patched:
        patched.setattr(SimulatorGateway, "refund", refuse)
        refused = carried_out()
    assert refused.state == ReturnState.REFUSED

    # A worker that had stalled before it could end the return.
    Return.objects.update(state=ReturnState.ASKED, ended_at=None)
    assert carried_out().state == ReturnState.REFUSED
    returning.request_return(refused.order, actor=clara, because="again", amount=Money(1520, "USD"))
    assert carried_out().state == ReturnState.DONE


def test_a_gateway_that_gives_back_whole_charges_only_is_no_way_to_a_part(
    sold: Order, decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = SimulatorGateway.abilities - {Ability.PART_REFUNDS}
    monkeypatch.setattr(SimulatorGateway, "abilities", able)
    case = declared(sold.number)

    assert "whole charges only" in decide(case, "carry_out", amount="15.20")
    assert read(case).state == DeclarationState.MATCHED


def test_an_order_in_dispute_is_not_taken_back(sold: Order, decide: Decide) -> None:
    case = declared(sold.number)
    Payment.objects.update(in_flight_minor_units=0)

    assert "dispute" in decide(case, "carry_out", amount="15.20", because="x")
    assert read(case).state == DeclarationState.MATCHED


def test_a_cancellation_ends_the_plan_with_its_period(sold: Order, decide: Decide) -> None:
    Subscription.objects.update(anchored_at=now())
    case = declared(sold.number, CANCEL)

    page = decide(case, "carry_out")

    case = read(case)
    assert "The plan is cancelled." in page
    assert Subscription.objects.get().is_cancelled
    assert (case.state, case.outcome) == (DeclarationState.DONE, DeclarationOutcome.CANCELLED)
    assert case.staff_note == "Cancellation"
    assert "Pay back by" not in page


def test_a_plan_that_does_not_renew_has_nothing_to_cancel(sold: Order, decide: Decide) -> None:
    case = declared(sold.number, CANCEL)

    assert "There is nothing to cancel." in decide(case, "carry_out")
    assert read(case).state == DeclarationState.MATCHED


def test_staff_find_the_order_and_may_find_another_one(sold: Order, decide: Decide) -> None:
    case = declared("unknown")
    assert case.state == DeclarationState.UNMATCHED

    assert "There is no order with this number." in decide(case, "match", number="0000000000")
    for _ in range(2):
        assert "The case now has this order." in decide(case, "match", number=sold.display_number)

    case = read(case)
    assert (case.state, case.outcome) == (DeclarationState.MATCHED, DeclarationOutcome.BY_STAFF)
    assert case.order == sold
    assert 'value="15.20"' in decide(case)


def test_a_case_is_closed_with_an_answer_and_then_nothing_can_be_done(
    sold: Order, decide: Decide
) -> None:
    case = declared("unknown")

    page = decide(case, "close", because="There is no such contract.")

    assert "The case is closed." in page
    assert "There is no such contract." in page
    assert 'name="step"' not in page
    decide(case, "match", number=sold.number)
    assert read(case).state == DeclarationState.DONE


def test_of_two_colleagues_one_decides(sold: Order, clara: User) -> None:
    case = declared(sold.number)
    amount = Money(1520, "USD")
    answering.carry_out(case, actor=clara, because="x", amount=amount)

    with pytest.raises(IllegalTransition):
        answering.carry_out(case, actor=clara, because="x", amount=amount)
    with pytest.raises(IllegalTransition):
        answering.match_by_hand(read(case), sold)
    assert Return.objects.count() == 1


def test_a_viewer_decides_nothing(sold: Order, client: Client) -> None:
    viewer = User.objects.create_user("viewer@staff.example", "a pass phrase", is_staff=True)
    viewer.groups.add(Group.objects.get(name=VIEWER))
    client.force_login(viewer)

    page = f"/admin/orders/declaration/{declared(sold.number).pk}/case/"
    assert client.get(page).status_code == 403
    assert client.post(page, {"step": "close", "because": "x"}).status_code == 403


def test_an_agent_finds_the_order_and_does_not_pay_back(
    sold: Order, client: Client, clara: User
) -> None:
    agent = User.objects.create_user("agent@staff.example", "a pass phrase", is_staff=True)
    agent.groups.add(Group.objects.get(name=AGENT))
    client.force_login(agent)
    case = declared(sold.number)
    page = f"/admin/orders/declaration/{case.pk}/"

    assert "case/" in client.get(f"{page}change/").text
    shown = client.post(f"{page}case/", {"step": "carry_out", "amount": "15.20"}).text
    assert "Find the order" in shown
    assert "End the plan and pay back" not in shown
    assert not Return.objects.exists()
