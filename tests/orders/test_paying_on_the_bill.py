"""Paying on the operator's bill: offered to the holder of a number, with or without a code."""

import html
from datetime import timedelta

import httpx
import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import proofs
from accounts.domain.telling import words_of
from accounts.models import AccountMessage, User
from accounts.states import ProofKind
from messages.states import Occasion
from mobileplans.models import Visit
from mobileplans.words import PurchaseInstrument
from moportal.money import Money
from orders.domain import outcomes, placing, returning, waiting
from orders.models import Draft, Order
from orders.states import Failure, OrderState
from payments.domain import refunds
from payments.models import CreditNote, GatewayCall, Payment, PaymentCode, PaymentMethod, Receipt
from payments.states import CodeVerdict, MethodKind, PaymentState, RefundKind
from plans.models import Category, Plan
from tests.builders import make_draft, make_plan, make_pool, payment_of
from tests.orders.conftest import process_once, settled
from tests.orders.journey import sent, where
from tests.payments import bills
from tests.processing import process_task
from tests.providers import books, break_it

ON_THE_BILL = "bill for the number ending in"


def hold(account: User, ending: str = "0100", kind: ProofKind = ProofKind.OIDC) -> str:
    """Let the account prove a new number, and return it."""
    number = bills.new_number(ending)
    proofs.record(account, kind, number)
    return number


@pytest.fixture
def buying(shopping: Client, billing: str, smdp: str) -> Client:
    """Return Alice's browser after a launch, with an eSIM in the pool."""
    make_pool()
    return shopping


def open_draft(alice: User) -> Draft:
    """Return the open draft, or a new one for the plan that there is."""
    plan, visit = Plan.objects.first(), Visit.objects.latest("pk")
    found = Draft.objects.filter(submitted_at=None).first()
    return found or make_draft(alice, visit=visit, plan=plan)


def choose(browser: Client, alice: User, number: str) -> tuple[int, str]:
    draft = open_draft(alice)
    return where(browser.post("/payment/", sent(draft, method=number)))


def order_on(browser: Client, alice: User, number: str) -> Order:
    assert choose(browser, alice, number) == (303, "/review/")
    draft = Draft.objects.get(submitted_at=None)
    return placing.place(draft, version=draft.version)


def words(browser: Client, order: Order, page: str = "") -> str:
    return html.unescape(browser.get(f"/orders/{order.number}/{page}").text)


def type_code(browser: Client, order: Order, code: str) -> tuple[int, str]:
    return where(browser.post(f"/orders/{order.number}/code/", {"code": code}))


def code_of(billing: str, order: Order, *, is_right: bool = True) -> str:
    gateway_id = Payment.objects.get(pk=payment_of(order).pk).gateway_id
    return bills.sent_code(billing, gateway_id, is_right=is_right)


def test_the_holder_of_a_number_pays_on_its_bill(buying: Client, alice: User, billing: str) -> None:
    number = hold(alice)
    order = order_on(buying, alice, number)
    assert not GatewayCall.objects.exists()

    order = settled(order)

    assert (order.state, payment_of(order).state) == (OrderState.COMPLETED, PaymentState.CAPTURED)
    (charged,) = bills.bill(billing, number)
    assert (charged["status"], charged["charging"]["amount"]) == ("succeeded", 19_000)
    assert f"'s {ON_THE_BILL} {number[-4:]}" in html.unescape(buying.get("/account/").text)


def test_a_code_to_the_number_alone_is_not_enough(
    shopping: Client, alice: User, billing: str
) -> None:
    number = hold(alice, kind=ProofKind.CODE_TO_LINE)
    open_draft(alice)
    assert ON_THE_BILL not in shopping.get("/payment/").text

    assert choose(shopping, alice, number) == (303, "/payment/")

    assert "no longer available" in shopping.get("/payment/").text
    proofs.record(alice, ProofKind.BILL_CODE, number)
    assert ON_THE_BILL in shopping.get("/payment/").text


def test_the_bill_is_offered_only_where_the_market_lists_it(
    shopping: Client, alice: User, billing: str, settings: Settings
) -> None:
    number = hold(alice)
    open_draft(alice)
    assert choose(shopping, alice, number) == (303, "/review/")
    settings.PAYMENT_OFFERED = ["simulator"]

    page = shopping.get("/payment/").text

    assert "Not available for this purchase" in page
    assert f'value="{number}"' not in page
    assert where(shopping.get("/review/")) == (303, "/payment/")


def test_a_plan_that_renews_does_not_go_on_the_bill(
    shopping: Client, alice: User, billing: str
) -> None:
    number = hold(alice)
    monthly = make_plan(code="monthly", category=Category.RECURRING)
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), plan=monthly)
    sentence = "Not every payment method allows that."

    page = html.unescape(shopping.get("/payment/").text)
    refused = where(shopping.post("/payment/", sent(draft, method=number)))

    assert sentence in page
    assert ON_THE_BILL not in page
    assert refused == (303, "/payment/")
    stored = PaymentMethod.objects.create(
        account=alice, gateway="bill", kind=MethodKind.BILL, token=number, last4=number[-4:]
    )
    Draft.objects.update(method=stored)
    assert where(shopping.get("/review/")) == (303, "/payment/")
    page = html.unescape(shopping.get("/payment/").text)
    assert sentence in page
    assert "Not available for this purchase" in page


def test_the_bill_is_existing_to_the_host_although_it_is_new_here(
    buying: Client, alice: User, billing: str
) -> None:
    order = order_on(buying, alice, hold(alice))

    instrument = outcomes.instrument(payment_of(order).method, order.visit)

    assert instrument == PurchaseInstrument.EXISTING


def test_the_customer_types_the_code_that_the_operator_has_sent(
    buying: Client, alice: User, billing: str
) -> None:
    order = settled(order_on(buying, alice, hold(alice, bills.WITH_CODE)))
    assert order.state == OrderState.PENDING
    assert where(buying.get(f"/orders/{order.number}/")) == (303, f"/orders/{order.number}/code/")
    page = words(buying, order, "code/")
    assert "We sent a code by SMS to the number ending in 0202." in page
    assert "<script" not in page.replace('<script src="', "") or "payment.js" not in page
    code = code_of(billing, order)

    assert type_code(buying, order, f"{code[:3]} {code[3:]}") == (303, f"/orders/{order.number}/")

    # Nothing outside is called in a request: the code waits, sealed, for the worker.
    (typed,) = PaymentCode.objects.all()
    assert (typed.code, typed.verdict) == (code, "")
    assert not GatewayCall.objects.filter(operation="confirm_code").exists()
    assert "Getting you online" in words(buying, order)
    order = settled(order)
    assert order.state == OrderState.COMPLETED
    typed.refresh_from_db()
    assert (typed.code, typed.verdict) == ("", CodeVerdict.RIGHT)


def test_a_wrong_code_is_said_and_the_right_one_still_pays(
    buying: Client, alice: User, billing: str
) -> None:
    order = settled(order_on(buying, alice, hold(alice, bills.WITH_CODE)))

    type_code(buying, order, code_of(billing, order, is_right=False))
    settled(order)

    assert "That's not the code we sent. You have 4 tries left." in words(buying, order, "code/")
    type_code(buying, order, code_of(billing, order))
    assert settled(order).state == OrderState.COMPLETED


def test_after_five_wrong_codes_the_order_ends_and_nothing_is_charged(
    buying: Client, alice: User, billing: str
) -> None:
    number = hold(alice, bills.WITH_CODE)
    order = settled(order_on(buying, alice, number))
    wrong = code_of(billing, order, is_right=False)

    for _ in range(5):
        type_code(buying, order, wrong)
        order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert "Too many wrong codes were entered." in words(buying, order)
    assert [row["status"] for row in bills.bill(billing, number)] == ["denied"]
    assert not PaymentCode.objects.exclude(code="").exists()
    assert type_code(buying, order, wrong) == (303, f"/orders/{order.number}/")


def test_the_portal_counts_codes_itself_if_the_gateway_takes_more(
    buying: Client, alice: User, billing: str
) -> None:
    number = hold(alice, bills.WITH_CODE)
    order = settled(order_on(buying, alice, number))
    for _ in range(4):
        PaymentCode.objects.create(payment=payment_of(order), verdict=CodeVerdict.WRONG)
    type_code(buying, order, code_of(billing, order, is_right=False))

    order = settled(order)

    assert order.changes.latest("pk").reason == "PaymentDeclined: the code was wrong too often"
    assert [row["status"] for row in bills.bill(billing, number)] == ["cancelled"]


def test_what_is_no_code_is_refused_and_not_stored(
    buying: Client, alice: User, billing: str
) -> None:
    order = settled(order_on(buying, alice, hold(alice, bills.WITH_CODE)))

    answers = [
        buying.post(f"/orders/{order.number}/code/", {"code": typed}) for typed in ("", "12", "1 €")
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert "Enter the code." in answers[0].text
    assert "Check the code" in answers[2].text
    assert not PaymentCode.objects.exists()


def test_of_two_codes_typed_at_once_the_first_is_compared(
    buying: Client, alice: User, billing: str
) -> None:
    order = settled(order_on(buying, alice, hold(alice, bills.WITH_CODE)))
    code = code_of(billing, order)

    type_code(buying, order, code)
    type_code(buying, order, "999999")

    assert [row.code for row in PaymentCode.objects.all()] == [code]


def test_another_customer_cannot_type_the_code(buying: Client, alice: User, billing: str) -> None:
    order = settled(order_on(buying, alice, hold(alice, bills.WITH_CODE)))
    stranger = Client()
    stranger.force_login(User.objects.create_user("bob@example.com", "Tr1cky-pass"))

    assert stranger.get(f"/orders/{order.number}/code/").status_code == 404


def test_a_lost_answer_about_the_code_is_asked_again_and_pays_once(
    buying: Client, alice: User, billing: str
) -> None:
    number = hold(alice, bills.WITH_CODE)
    order = settled(order_on(buying, alice, number))
    type_code(buying, order, code_of(billing, order))
    break_it(billing, "validate", "drop_after")

    order = settled(order, times=2)

    assert order.state == OrderState.COMPLETED
    assert [row["status"] for row in bills.bill(billing, number)] == ["succeeded"]


def test_an_order_that_waits_for_its_code_can_be_cancelled(
    buying: Client, alice: User, billing: str
) -> None:
    number = hold(alice, bills.WITH_CODE)
    order = settled(order_on(buying, alice, number))
    type_code(buying, order, code_of(billing, order))

    placing.request_cancel(order, actor=alice)
    order = settled(order)

    assert order.state == OrderState.CANCELLED
    assert [row["status"] for row in bills.bill(billing, number)] == ["cancelled"]
    # A code that was typed before the cancel is not sent any more.
    assert not GatewayCall.objects.filter(operation="confirm_code").exists()
    assert not PaymentCode.objects.exclude(code="").exists()


def test_a_code_that_never_comes_ends_the_order_after_half_an_hour(
    buying: Client, alice: User, billing: str
) -> None:
    number = hold(alice, bills.WITH_CODE)
    order = settled(order_on(buying, alice, number))
    Order.objects.update(created_at=now() - waiting.CUSTOMER_STEP_LIMIT)

    order = settled(order)

    assert order.changes.latest("pk").reason.endswith("no right code was typed in time")
    assert "Submit your order again to get a new code." in words(buying, order)
    assert [row["status"] for row in bills.bill(billing, number)] == ["cancelled"]


@pytest.mark.parametrize(
    ("ending", "sentence"),
    [
        (bills.OVER_LIMIT, "This is over the limit that is set for your bill."),
        (bills.TOO_MUCH, "The price is above the limit for a single purchase on your bill."),
        (bills.OVER_LIMIT_BY_OTHER_NAME, "This is over the limit that is set for your bill."),
        (bills.NO_BILL, "Nothing can be charged to this number's bill."),
        (bills.NOBODYS, "Nothing can be charged to this number's bill."),
        (bills.DENIED, "The amount couldn't go on your bill."),
    ],
)
def test_a_refused_bill_has_its_own_sentence(
    buying: Client, alice: User, billing: str, ending: str, sentence: str
) -> None:
    order = settled(order_on(buying, alice, hold(alice, ending)))

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    text = words(buying, order)
    assert sentence in text
    assert "You haven't been charged." in text


def test_over_the_limit_leaves_the_bill_usable(buying: Client, alice: User, billing: str) -> None:
    over = hold(alice, bills.OVER_LIMIT)
    settled(order_on(buying, alice, over))
    without = hold(alice, bills.NO_BILL)
    settled(order_on(buying, alice, without))
    open_draft(alice)

    page = buying.get("/payment/").text

    stopped = dict(PaymentMethod.objects.filter(kind="bill").values_list("last4", "stopped_at"))
    assert stopped["0201"] is None
    assert stopped["0203"] is not None
    assert "ending in 0201" in page


def test_a_slow_billing_is_asked_again(buying: Client, alice: User, billing: str) -> None:
    number = hold(alice, bills.SLOW)
    order = settled(order_on(buying, alice, number))
    assert order.state == OrderState.PENDING
    assert "Getting you online" in words(buying, order)
    assert order.changes.latest("pk").reason == "waits for the gateway's decision"

    decide_now(billing, order)
    order = settled(order)

    assert order.state == OrderState.COMPLETED
    assert order.changes.filter(reason="the gateway has decided").exists()


def decide_now(billing: str, order: Order) -> None:
    """Let what the billing does slowly be done."""
    path = f"{billing}/payments/{payment_of(order).gateway_id}/decide"
    httpx.post(path, trust_env=False).raise_for_status()


def test_a_slow_billing_may_deny_or_ask_for_a_code(
    buying: Client, alice: User, billing: str
) -> None:
    denied = settled(order_on(buying, alice, hold(alice, bills.SLOWLY_DENIED)))
    with_code = settled(order_on(buying, alice, hold(alice, bills.SLOW_WITH_CODE)))
    # The code is not sent yet, so the page does not ask for it.
    assert "Getting you online" in words(buying, with_code)
    for order in (denied, with_code):
        decide_now(billing, order)

    denied, with_code = settled(denied), settled(with_code)

    assert denied.state == OrderState.FAILED
    type_code(buying, with_code, code_of(billing, with_code))
    assert settled(with_code).state == OrderState.COMPLETED


def test_a_code_whose_id_was_lost_ends_the_order(buying: Client, alice: User, billing: str) -> None:
    number = hold(alice, bills.WITH_CODE)
    order = order_on(buying, alice, number)
    break_it(billing, "prepare", "drop_after")
    settled(order)
    # The billing has forgotten the correlator, so it refuses the repetition.
    httpx.post(f"{billing}/correlators/forget", trust_env=False)

    order = settled(order)

    reason = "PaymentDeclined: the answer with the code's id was lost"
    assert order.changes.latest("pk").reason == reason
    assert [row["status"] for row in bills.bill(billing, number)] == ["cancelled"]


@pytest.mark.parametrize("function", ["prepare", "confirm"])
def test_a_lost_answer_charges_the_price_once(
    buying: Client, alice: User, billing: str, function: str
) -> None:
    number = hold(alice)
    order = order_on(buying, alice, number)
    break_it(billing, function, "drop_after")

    order = settled(order, times=2)

    assert order.state == OrderState.COMPLETED
    assert [row["status"] for row in bills.bill(billing, number)] == ["succeeded"]


def test_a_payment_is_found_where_the_repetition_is_refused(
    buying: Client, alice: User, billing: str
) -> None:
    number = hold(alice)
    order = order_on(buying, alice, number)
    break_it(billing, "prepare", "drop_after")
    settled(order)
    httpx.post(f"{billing}/correlators/forget", trust_env=False)

    order = settled(order)

    assert order.state == OrderState.COMPLETED
    assert len(bills.bill(billing, number)) == 1


def test_after_three_days_without_the_billing_the_payment_is_searched_for(
    buying: Client, alice: User, billing: str
) -> None:
    number = hold(alice)
    order = order_on(buying, alice, number)
    break_it(billing, "prepare", "drop_after")
    settled(order)
    httpx.post(f"{billing}/correlators/forget", trust_env=False)
    three_days_ago = now() - timedelta(hours=72)
    Payment.objects.update(created_at=three_days_ago)
    GatewayCall.objects.update(sent_at=three_days_ago)

    order = settled(order)

    assert order.state == OrderState.COMPLETED
    assert len(bills.bill(billing, number)) == 1
    operations = GatewayCall.objects.order_by("pk").values_list("operation", flat=True)
    assert list(operations) == ["authorise", "find", "capture"]


def test_a_reservation_that_has_lapsed_is_not_charged(
    buying: Client, alice: User, billing: str, smdp: str
) -> None:
    number = hold(alice)
    order = order_on(buying, alice, number)
    break_it(smdp, "downloadOrder", "http")
    order = settled(order)
    httpx.post(f"{billing}/payments/{payment_of(order).gateway_id}/lapse", trust_env=False)

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert [row["status"] for row in bills.bill(billing, number)] == ["cancelled"]


def test_the_end_of_a_reservation_is_the_operators_own(
    buying: Client, alice: User, billing: str, smdp: str, settings: Settings
) -> None:
    settings.CARRIER_BILLING_RESERVATION_MINUTES = 30
    number = hold(alice)
    order = order_on(buying, alice, number)
    break_it(smdp, "downloadOrder", "http")
    order = settled(order)
    ends = payment_of(order).authorised_until
    assert ends is not None
    assert timedelta(minutes=29) < ends - now() <= timedelta(minutes=30)
    Payment.objects.update(authorised_until=now() - timedelta(seconds=1))

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.LAPSED)
    assert "The reservation on your bill ended" in words(buying, order)
    assert [row["status"] for row in bills.bill(billing, number)] == ["cancelled"]


def test_a_number_that_another_account_proves_pays_here_no_more(
    buying: Client, alice: User, billing: str
) -> None:
    number = hold(alice)
    submitted = order_on(buying, alice, number)
    draft = open_draft(alice)
    assert choose(buying, alice, str(payment_of(submitted).method_id)) == (303, "/review/")

    bob = User.objects.create_user("bob@example.com", "Tr1cky-pass")
    proofs.record(bob, ProofKind.CODE_TO_LINE, number)

    draft.refresh_from_db()
    assert draft.method is None
    assert PaymentMethod.objects.get(kind="bill").removed_at is not None
    # The billing has not been asked yet, so it is not asked now either.
    order = settled(submitted)
    assert order.failure == Failure.PAYMENT_REFUSED
    assert "We can no longer be sure that this number is yours." in words(buying, order)
    assert not bills.bill(billing, number)


def test_a_number_that_changed_hands_loses_its_bill(
    buying: Client, alice: User, billing: str
) -> None:
    number, other = hold(alice), hold(alice)
    for one in (number, other):
        assert choose(buying, alice, one) == (303, "/review/")

    proofs.end_all(number)

    removed = PaymentMethod.objects.filter(kind="bill").exclude(removed_at=None)
    assert [method.token for method in removed] == [number]


def test_what_the_bill_has_reserved_is_charged_although_the_number_was_lost(
    buying: Client, alice: User, billing: str, smdp: str
) -> None:
    number = hold(alice)
    order = order_on(buying, alice, number)
    break_it(smdp, "downloadOrder", "http")
    settled(order)

    proofs.end_all(number)

    assert settled(order).state == OrderState.COMPLETED


def test_a_returned_order_gives_the_amount_back_to_the_bill(
    buying: Client, alice: User, clara: User, billing: str
) -> None:
    order = settled(order_on(buying, alice, hold(alice)))
    asked = returning.request_return(order, because="asked", actor=clara)

    process_task(returning.KIND, asked.pk)

    text = words(buying, order)
    assert "We refunded $19.00 to" in text
    assert f"{ON_THE_BILL} 0100." in text
    assert [row["type"] for row in books(billing)["refunds"]] == ["total"]


def test_a_bill_is_removed_in_the_account(buying: Client, alice: User, billing: str) -> None:
    order = order_on(buying, alice, hold(alice))
    method = payment_of(order).method
    assert "Remove the bill for the number ending in 0100" in buying.get("/account/").text

    page = buying.post(f"/account/methods/{method.pk}/remove/", follow=True).text

    assert "The bill for the number ending in 0100 was removed." in page
    assert settled(order).state == OrderState.COMPLETED
    process_task("removed_method", method.pk)
    method.refresh_from_db()
    assert (method.token, method.forgotten_at is not None) == ("", True)


def test_the_order_asks_less_often_the_longer_the_customer_takes(
    buying: Client, alice: User, billing: str
) -> None:
    order = settled(order_on(buying, alice, hold(alice, bills.WITH_CODE)))

    answer = process_once(order)

    assert answer is not None
    assert answer.delay >= waiting.CUSTOMER_STEP_PAUSE


def test_the_bill_is_the_invoice_so_the_portal_gives_no_number(
    buying: Client, alice: User, billing: str
) -> None:
    on_bill = settled(order_on(buying, alice, hold(alice)))

    assert not Receipt.objects.exists()
    assert "This is on your phone bill" in words(buying, on_bill)
    (told,) = AccountMessage.objects.filter(occasion=Occasion.ORDER_CONFIRMED)
    text = words_of(told, language="en").text
    assert "It is on your phone bill, and the bill is your invoice." in text
    assert "Receipt" not in text


def test_a_part_of_a_bill_is_given_back_without_a_credit_note(
    buying: Client, alice: User, clara: User, billing: str
) -> None:
    order = settled(order_on(buying, alice, hold(alice)))

    row = refunds.request_refund(
        payment_of(order), Money(500, "USD"), kind=RefundKind.GOODWILL, reason="slow", actor=clara
    )
    for _ in range(2):
        process_task(refunds.KIND, row.pk)

    assert not CreditNote.objects.exists()
    (told,) = AccountMessage.objects.filter(occasion=Occasion.PART_REFUNDED)
    assert "Credit note" not in words_of(told, language="en").text
