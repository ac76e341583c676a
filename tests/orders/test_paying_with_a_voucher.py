"""The payment page and a voucher: typed without script, stored, ordered, refused, used up."""

import html
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import AttemptCount, User
from messages.rendering import render
from messages.states import Occasion
from orders.domain import placing, returning
from orders.models import Draft, Order
from orders.states import Failure, OrderState
from payments.gateways.simulator import SimulatorGateway
from payments.models import GatewayCall, Payment, PaymentMethod
from payments.states import MethodKind, PaymentState
from tests.builders import make_pool, payment_of
from tests.messages.test_rendering import CONTEXT
from tests.orders.conftest import settled
from tests.orders.journey import ready, sent, where
from tests.payments.vouchers import issue
from tests.processing import process_task
from tests.providers import books, break_it

CODE = "KESTREL2345"


def typed(code: str, **more: object) -> dict[str, object]:
    return {"method": "voucher", "voucher": code, **more}


def post(browser: Client, alice: User, code: str) -> tuple[int, str]:
    draft = Draft.objects.filter(submitted_at=None).first() or ready(alice)
    return where(browser.post("/payment/", sent(draft, **typed(code))))


def test_the_page_has_a_field_for_a_voucher_only_where_one_is_taken(
    shopping: Client, alice: User, vouchers: str, settings: Settings
) -> None:
    ready(alice)
    page = shopping.get("/payment/").text
    assert 'value="voucher"' in page
    assert 'name="voucher"' in page

    settings.PAYMENT_OFFERED = ["simulator"]

    assert 'value="voucher"' not in shopping.get("/payment/").text


def test_a_voucher_is_the_way_to_pay_where_no_card_is_taken(
    shopping: Client, alice: User, vouchers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatorGateway, "abilities", frozenset())
    ready(alice)
    PaymentMethod.objects.update(stopped_at="2026-01-01T00:00Z")

    page = shopping.get("/payment/").text

    assert "You can't pay here" not in page.replace("&#x27;", "'")
    assert 'id="method-voucher"' in page
    assert 'value="voucher" checked' in page
    assert 'value="new"' not in page


def test_a_voucher_is_chosen_and_reviewed_and_nothing_is_asked_yet(
    shopping: Client, alice: User, vouchers: str
) -> None:
    assert post(shopping, alice, "kestrel-2345") == (303, "/review/")

    draft = Draft.objects.get()
    assert draft.method is not None
    assert (draft.method.kind, draft.method.token) == (MethodKind.VOUCHER, CODE)
    assert "Voucher ending in 2345" in shopping.get("/review/").text
    assert "Voucher ending in 2345" in shopping.get("/payment/").text
    assert "Voucher ending in 2345" in shopping.get("/account/").text
    assert not GatewayCall.objects.exists()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("", "Check the voucher code."),
        ("KESTREL", "Check the voucher code."),
        ("4242 4242 4242 4242", "This looks like a card number."),
    ],
)
def test_what_is_no_code_is_refused_and_is_no_guess(
    shopping: Client, alice: User, vouchers: str, code: str, error: str
) -> None:
    assert post(shopping, alice, code) == (303, "/payment/")

    page = shopping.get("/payment/").text
    assert error in page
    assert 'value="voucher" checked' in page
    assert not PaymentMethod.objects.filter(kind=MethodKind.VOUCHER).exists()
    assert not AttemptCount.objects.exists()


def test_a_code_that_looks_like_a_card_number_is_taken_where_the_operator_says_so(
    shopping: Client, alice: User, vouchers: str, settings: Settings
) -> None:
    settings.VOUCHER_FORMAT = "[0-9]{16}"

    assert post(shopping, alice, "4242 4242 4242 4242") == (303, "/review/")


def test_a_refused_code_is_not_in_the_browser(shopping: Client, alice: User, vouchers: str) -> None:
    post(shopping, alice, "KESTREL-9_9")

    assert "KESTREL" not in shopping.get("/payment/").text


def test_too_many_codes_lock_the_account_and_the_page_says_for_how_long(
    shopping: Client, alice: User, vouchers: str, settings: Settings
) -> None:
    settings.VOUCHER_LIMIT = 1
    post(shopping, alice, "GUESS00001")

    assert post(shopping, alice, "GUESS00002") == (303, "/payment/")

    page = shopping.get("/payment/").text
    assert "There were too many wrong attempts. Try again in" in page
    assert [one.last4 for one in PaymentMethod.objects.filter(kind="voucher")] == ["0001"]


def test_a_stale_form_counts_no_guess(shopping: Client, alice: User, vouchers: str) -> None:
    draft = ready(alice)
    Draft.objects.update(version=draft.version + 1)

    shopping.post("/payment/", sent(draft, **typed(CODE)))

    assert not AttemptCount.objects.exists()
    assert not PaymentMethod.objects.filter(kind=MethodKind.VOUCHER).exists()


def test_without_a_voucher_server_a_code_is_refused(shopping: Client, alice: User) -> None:
    assert post(shopping, alice, CODE) == (303, "/payment/")

    assert "no longer available" in shopping.get("/payment/").text


@pytest.fixture
def buying(shopping: Client, vouchers: str, smdp: str) -> Client:
    """Return Alice's browser after a launch, with an eSIM in the pool."""
    make_pool()
    return shopping


def order_with(browser: Client, alice: User, code: str) -> Order:
    post(browser, alice, code)
    draft = Draft.objects.get(submitted_at=None)
    return placing.place(draft, version=draft.version)


def test_an_order_is_paid_with_a_voucher(buying: Client, alice: User, vouchers: str) -> None:
    order = settled(order_with(buying, alice, issue(vouchers)))

    assert (order.state, payment_of(order).state) == (OrderState.COMPLETED, PaymentState.CAPTURED)
    (voucher,) = books(vouchers)["vouchers"]
    assert voucher["spent"] == order.gross_minor_units


@pytest.mark.parametrize("function", ["reserve", "redeem"])
def test_a_lost_answer_takes_the_price_once(
    buying: Client, alice: User, vouchers: str, function: str
) -> None:
    order = order_with(buying, alice, issue(vouchers))
    break_it(vouchers, function, "drop_after")

    order = settled(order, times=2)

    assert order.state == OrderState.COMPLETED
    (voucher,) = books(vouchers)["vouchers"]
    assert voucher["spent"] == order.gross_minor_units


@pytest.mark.parametrize(
    ("voucher", "sentence"),
    [
        ({"amount": 1}, "This voucher is worth less than the price."),
        ({"currency": "EUR"}, "This voucher is in another currency."),
        ({"expires_at": 1}, "This voucher has expired."),
        ({"blocked": True}, "This voucher can't be used."),
    ],
    ids=["too_small", "other_currency", "expired", "blocked"],
)
def test_a_refused_voucher_has_its_own_sentence(
    buying: Client, alice: User, vouchers: str, voucher: dict[str, Any], sentence: str
) -> None:
    order = settled(order_with(buying, alice, issue(vouchers, **voucher)))

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert sentence in words(buying, order)
    assert "Your bank" not in words(buying, order)


def test_an_unknown_code_has_its_own_sentence_and_is_removed(buying: Client, alice: User) -> None:
    order = settled(order_with(buying, alice, CODE))

    assert "We don't know this voucher code." in words(buying, order)
    assert "Voucher ending in" not in buying.get("/account/").text


def test_a_refusal_without_a_known_reason_blames_no_bank(
    buying: Client, alice: User, vouchers: str
) -> None:
    order = settled(order_with(buying, alice, CODE))
    Payment.objects.update(decline_reason="moon_phase")

    assert "We couldn't take the price from this voucher." in words(buying, order)


def test_a_returned_order_does_not_speak_of_a_statement(
    buying: Client, alice: User, clara: User, vouchers: str
) -> None:
    order = settled(order_with(buying, alice, issue(vouchers)))
    asked = returning.request_return(order, because="asked", actor=clara)
    process_task(returning.KIND, asked.pk)

    text = words(buying, order)
    assert "statement" not in text
    assert "Your plan has ended. To use the voucher again, enter its code." in text


def test_a_cancelled_order_leaves_the_voucher_as_it_was(
    buying: Client, alice: User, vouchers: str, smdp: str
) -> None:
    order = order_with(buying, alice, issue(vouchers))
    break_it(smdp, "downloadOrder", "http")
    settled(order)
    placing.request_cancel(order, actor=alice)

    order = settled(order)

    assert (order.state, payment_of(order).state) == (OrderState.CANCELLED, PaymentState.VOIDED)
    (voucher,) = books(vouchers)["vouchers"]
    assert (voucher["held"], voucher["spent"]) == (0, 0)


def test_an_order_that_was_late_does_not_speak_of_a_bank(
    buying: Client, alice: User, vouchers: str
) -> None:
    order = settled(order_with(buying, alice, CODE))
    Order.objects.update(failure=Failure.LAPSED)

    assert "Your voucher is free again" in words(buying, order)
    assert "bank" not in words(buying, order)


def words(browser: Client, order: Order) -> str:
    return html.unescape(browser.get(f"/orders/{order.number}/").text)


@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize(
    "occasion", [Occasion.ORDER_CONFIRMED, Occasion.ORDER_REFUNDED, Occasion.PART_REFUNDED]
)
def test_a_message_names_the_voucher_and_no_bank(
    alice: User, occasion: Occasion, language: str
) -> None:
    text = render(occasion, {**CONTEXT, "brand": "", "last4": "2345"}, language=language).text

    assert "2345" in text
    assert text != render(occasion, {**CONTEXT, "last4": "2345"}, language=language).text
    assert "bank" not in text.lower()


def test_a_voucher_is_removed_in_the_account(buying: Client, alice: User) -> None:
    order = order_with(buying, alice, CODE)
    method = payment_of(order).method
    assert "Remove the voucher ending in 2345" in buying.get("/account/").text

    while_it_is_needed = buying.post(f"/account/methods/{method.pk}/remove/", follow=True).text
    settled(order)
    afterwards = buying.post(f"/account/methods/{method.pk}/remove/", follow=True).text

    still = "Your current order will still be paid with it."
    assert f"The voucher ending in 2345 was removed. {still}" in while_it_is_needed
    assert "The voucher ending in 2345 was removed." in afterwards
    assert still not in afterwards
