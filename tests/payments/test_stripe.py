"""`StripeGateway`: what it asks for, and what it makes of each answer."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from moportal.money import Money
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.gateways.stripe import StripeGateway
from payments.gateways.stripe.amounts import from_stripe, to_stripe
from payments.gateways.values import (
    Authorised,
    Captured,
    CustomerStep,
    Declined,
    Refunded,
    RefundFailed,
    RefundPending,
    Standing,
    StoredCard,
    VoidedOrRefunded,
)
from payments.states import Initiator, RefusalKind
from tests.payments.stripe import keep_card, pay_on_page
from tests.providers import books, break_it
from tests.serving import Handler, serving

PRICE = Money(1900, "USD")
BACK = "http://127.0.0.1/back/"


def pay(token: str, *, amount: Money = PRICE, key: str = "k") -> Standing:
    return StripeGateway().authorise(
        token, amount, reference="ORDER1", return_url=BACK, initiator=Initiator.CUSTOMER, key=key
    )


def open_page(*, keep: bool = False, key: str = "k") -> CustomerStep:
    step = StripeGateway().authorise_on_page(
        PRICE, reference="ORDER1", return_url=BACK, keep=keep, key=key
    )
    assert isinstance(step, CustomerStep)
    return step


def charged(token: str) -> str:
    standing = pay(token)
    assert isinstance(standing, Authorised)
    StripeGateway().capture(standing.gateway_id, key="capture")
    return standing.gateway_id


def test_stripe_is_asked_for_the_amount_and_told_the_reference_and_the_key(stripe: str) -> None:
    standing = pay(keep_card(stripe))

    assert isinstance(standing, Authorised)
    assert standing.expires_at is not None
    (intent,) = books(stripe)["payment_intent"]
    assert (intent["amount"], intent["currency"], intent["status"]) == (
        1900,
        "usd",
        "requires_capture",
    )
    assert intent["metadata"] == {"reference": "ORDER1", "key": "k"}


def test_the_page_asks_for_the_amount_and_keeps_a_card_only_if_asked(stripe: str) -> None:
    for keep in (False, True):
        step = open_page(keep=keep, key=str(keep))
        assert pay_on_page(step.url).headers["location"] == BACK
        paid = StripeGateway().fetch(step.gateway_id)
        assert isinstance(paid, Authorised)
        assert isinstance(paid.method, StoredCard)
        assert (paid.method.brand, paid.method.last4) == ("Visa", "4242")
        assert bool(paid.method.token) is keep

    sessions = books(stripe)["checkout.session"]
    assert [(one["amount_total"], one["currency"]) for one in sessions] == [(1900, "usd")] * 2
    assert sessions[0]["client_reference_id"] == "ORDER1"


def test_a_card_that_the_bank_refuses_on_the_page_leaves_the_page_open(stripe: str) -> None:
    step = open_page()

    assert "declined" in pay_on_page(step.url, "4000000000000002").text

    assert StripeGateway().fetch(step.gateway_id) == step
    assert pay_on_page(step.url).headers["location"] == BACK
    assert isinstance(StripeGateway().fetch(step.gateway_id), Authorised)


def test_the_bank_asks_once_on_the_way_from_the_page(stripe: str) -> None:
    step = open_page()
    bank = pay_on_page(step.url, "4000002760003184").headers["location"]
    assert isinstance(StripeGateway().fetch(step.gateway_id), CustomerStep)

    back = httpx.post(bank, data={"decision": "approve"}, trust_env=False)

    assert back.headers["location"] == BACK
    assert isinstance(StripeGateway().fetch(step.gateway_id), Authorised)


def test_a_page_that_has_ended_needs_the_customer(stripe: str) -> None:
    step = open_page()

    StripeGateway().void(step.gateway_id, key="void")

    ended = StripeGateway().fetch(step.gateway_id)
    assert ended == Declined(step.gateway_id, "session_expired", RefusalKind.CUSTOMER)


def test_a_page_that_was_paid_cannot_be_ended(stripe: str) -> None:
    step = open_page()
    pay_on_page(step.url)

    with pytest.raises(GatewayRefused):
        StripeGateway().void(step.gateway_id, key="void")


def test_an_authorisation_that_lapsed_is_void(stripe: str) -> None:
    standing = pay(keep_card(stripe))
    assert isinstance(standing, Authorised)

    httpx.post(f"{stripe}/payments/{standing.gateway_id}/lapse", trust_env=False)

    fetched = StripeGateway().fetch(standing.gateway_id)
    assert fetched == VoidedOrRefunded(standing.gateway_id)


@pytest.mark.parametrize(
    ("name", "at_once", "status", "later"),
    [
        ("pm_card_visa", Refunded, "", Refunded),
        ("pm_card_pendingRefund", RefundPending, "succeeded", Refunded),
        ("pm_card_pendingRefund", RefundPending, "failed", RefundFailed),
        ("pm_card_pendingRefund", RefundPending, "canceled", RefundFailed),
        ("pm_card_pendingRefund", RefundPending, "requires_action", RefundPending),
        ("pm_card_refundFail", RefundFailed, "", RefundFailed),
    ],
)
def test_a_refund_stands_as_the_bank_has_decided(
    stripe: str, name: str, at_once: type, status: str, later: type
) -> None:
    gateway_id = charged(keep_card(stripe, name))

    refund = StripeGateway().refund(gateway_id, PRICE, key="refund")

    assert isinstance(refund, at_once)
    if status:
        url = f"{stripe}/refunds/{refund.refund_id}/end"
        httpx.post(url, json={"status": status}, trust_env=False)
    assert isinstance(StripeGateway().find_refund(gateway_id, key="refund"), later)
    standing = StripeGateway().fetch(gateway_id)
    assert isinstance(standing, Captured if later is RefundFailed else VoidedOrRefunded)


@pytest.mark.parametrize("fault", ["drop_after", "malformed", "http_after", "html"])
def test_a_lost_answer_is_recovered_with_the_same_key(stripe: str, fault: str) -> None:
    token = keep_card(stripe)
    break_it(stripe, "authorise", fault)
    with pytest.raises(GatewayUnavailable):
        pay(token)

    assert isinstance(pay(token), Authorised)
    assert len(books(stripe)["payment_intent"]) == 1


@pytest.mark.parametrize(
    ("status", "is_setting"), [(401, True), (403, True), (409, False), (429, False), (500, False)]
)
def test_what_is_no_refusal_may_succeed_later(stripe: str, status: int, is_setting: bool) -> None:  # noqa: FBT001 -- a table
    token = keep_card(stripe)
    break_it(stripe, "authorise", "http", status=status)

    with pytest.raises(GatewayUnavailable) as caught:
        pay(token)

    assert caught.value.is_setting is is_setting


def test_without_a_key_or_with_a_wrong_one_nothing_is_refused_for_good(
    stripe: str, settings: Settings
) -> None:
    settings.STRIPE_API_KEY = ""
    with pytest.raises(GatewayUnavailable, match="STRIPE_API_KEY") as caught:
        pay("cus_1/pm_1")
    assert (caught.value.was_sent, caught.value.is_setting) == (False, True)


def test_an_address_where_nobody_listens_was_never_asked(stripe: str, settings: Settings) -> None:
    settings.STRIPE_URL = "http://127.0.0.1:9"

    with pytest.raises(GatewayUnavailable) as caught:
        pay("cus_1/pm_1")

    assert caught.value.was_sent is False


@pytest.mark.parametrize(
    "amount", [Money(49, "USD"), Money(1505, "KWD"), Money(150, "MGA"), Money(10, "CLF")]
)
def test_an_amount_that_stripe_cannot_take_is_refused_before_any_call(
    stripe: str, amount: Money
) -> None:
    with pytest.raises(GatewayRefused):
        pay("pm_card_visa", amount=amount)

    assert StripeGateway().amount_problem(amount)
    assert books(stripe)["payment_intent"] == []


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        (Money(500, "JPY"), 500),
        (Money(1500, "KWD"), 1500),
        (Money(5000, "UGX"), 500000),
        (Money(200000, "MGA"), 2000),
    ],
)
def test_an_amount_is_sent_in_stripes_units(stripe: str, amount: Money, units: int) -> None:
    pay("pm_card_visa", amount=amount)

    assert [one["amount"] for one in books(stripe)["payment_intent"]] == [units]


INTENT = {"id": "pi_1", "object": "payment_intent", "status": "succeeded"}
CHARGE = {"refunded": False, "payment_method_details": {"card": {"last4": "42424242424242424242"}}}


@pytest.fixture
def answer(settings: Settings) -> Iterator[Callable[..., None]]:
    """Let a server answer every call with this object."""
    said: dict[str, Any] = {}

    class Answering(Handler):
        def do_GET(self) -> None:  # noqa: N802 -- the name that http.server calls
            body = json.dumps(said["body"]).encode()
            self.send_response(said["status"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 -- the same

    def say(body: object, status: int = 200) -> None:
        said.update(body=body, status=status)

    with serving(Answering) as address:
        settings.STRIPE_URL, settings.STRIPE_API_KEY = address, "sk_test_of_the_tests"
        yield say


@pytest.mark.parametrize(
    "body",
    [
        {**INTENT, "status": "processing"},
        {**INTENT, "latest_charge": "ch_1"},
        {**INTENT, "id": ""},
        {**INTENT, "status": "requires_payment_method"},
        {**INTENT, "status": "requires_action", "next_action": {"type": "use_stripe_sdk"}},
        {**INTENT, "status": "requires_action"},
    ],
)
def test_what_nobody_knows_changes_nothing(answer: Callable[..., None], body: object) -> None:
    answer(body)

    with pytest.raises(GatewayUnavailable):
        StripeGateway().fetch("pi_1")


@pytest.mark.parametrize("session", [{"status": "complete"}, {"status": "new"}])
def test_a_page_that_nobody_knows_changes_nothing(
    answer: Callable[..., None], session: dict[str, Any]
) -> None:
    answer({"id": "cs_1", "object": "checkout.session", **session})

    with pytest.raises(GatewayUnavailable):
        StripeGateway().fetch("cs_1")


def test_a_whole_card_number_in_place_of_the_last_four_is_not_kept(
    answer: Callable[..., None],
) -> None:
    answer({**INTENT, "status": "requires_capture", "latest_charge": CHARGE})

    assert StripeGateway().fetch("pi_1") == Authorised("pi_1", None, None)


@pytest.mark.parametrize("details", [None, {"card": None}, {"type": "link"}])
def test_what_is_no_card_has_no_details(answer: Callable[..., None], details: object) -> None:
    charge = {"payment_method_details": details}
    answer({**INTENT, "status": "requires_capture", "latest_charge": charge})

    assert StripeGateway().fetch("pi_1") == Authorised("pi_1", None, None)


@pytest.mark.parametrize(
    "call",
    [
        lambda: StripeGateway().capture("pi_1", key="k"),
        lambda: StripeGateway().void("pi_1", key="k"),
        lambda: StripeGateway().void("cs_1", key="k"),
        lambda: StripeGateway().refund("pi_1", PRICE, key="k"),
        lambda: StripeGateway().find(reference="ORDER1", key="k", since=now()),
        lambda: StripeGateway().find_refund("pi_1", key="k"),
    ],
)
def test_an_answer_of_another_shape_is_no_answer(
    answer: Callable[..., None], call: Callable[[], object]
) -> None:
    answer({"id": "x_1", "object": "x", "status": "unknown"})

    with pytest.raises(GatewayUnavailable):
        call()


def test_two_payments_with_one_key_are_no_answer(answer: Callable[..., None]) -> None:
    answer({"object": "search_result", "data": [INTENT, INTENT]})

    with pytest.raises(GatewayUnavailable, match="several"):
        StripeGateway().find(reference="ORDER1", key="k", since=now())


def test_a_refund_may_stand_beyond_what_stripe_lists_at_once(answer: Callable[..., None]) -> None:
    answer({"object": "list", "data": [{"id": "re_1", "metadata": None}], "has_more": True})

    with pytest.raises(GatewayUnavailable, match="too many"):
        StripeGateway().find_refund("pi_1", key="k")


@pytest.mark.parametrize(
    ("error", "status", "wanted"),
    [
        ({"type": "invalid_request_error", "code": "resource_missing"}, 404, GatewayRefused),
        ({"type": "idempotency_error"}, 400, GatewayRefused),
        ({"type": "card_error", "code": "expired_card"}, 402, GatewayRefused),
        ({"type": "invalid_request_error", "code": "rate_limit"}, 400, GatewayUnavailable),
        ({"type": "invalid_request_error", "message": "Unrecognized URL"}, 404, GatewayUnavailable),
        ({"type": "idempotency_error", "code": "idempotency_key_in_use"}, 409, GatewayUnavailable),
        ({"type": "api_error"}, 400, GatewayUnavailable),
        ("an older form", 400, GatewayUnavailable),
    ],
)
def test_an_error_is_a_refusal_only_if_stripe_says_so(
    answer: Callable[..., None], error: object, status: int, wanted: type[Exception]
) -> None:
    answer({"error": error}, status)

    with pytest.raises(wanted):
        pay("cus_1/pm_1")


def test_a_card_that_is_not_attached_counts_as_forgotten(answer: Callable[..., None]) -> None:
    answer({"error": {"type": "invalid_request_error", "message": "not attached"}}, 400)
    StripeGateway().forget("cus_1/pm_1", key="k")

    answer({"error": {"type": "idempotency_error"}}, 400)
    with pytest.raises(GatewayRefused):
        StripeGateway().forget("cus_1/pm_1", key="k")


@pytest.mark.parametrize(
    ("error", "kind", "hours"),
    [
        ({"decline_code": "stolen_card"}, RefusalKind.FINAL, None),
        ({"decline_code": "nobody_knows_it"}, RefusalKind.LATER, None),
        ({}, RefusalKind.LATER, None),
        ({"code": "authentication_required"}, RefusalKind.CUSTOMER, None),
        (
            {"decline_code": "generic_decline", "advice_code": "do_not_try_again"},
            RefusalKind.FINAL,
            None,
        ),
        (
            {"decline_code": "generic_decline", "advice_code": "confirm_card_data"},
            RefusalKind.CUSTOMER,
            None,
        ),
        (
            {"decline_code": "expired_card", "advice_code": "try_again_later"},
            RefusalKind.FINAL,
            None,
        ),
        ({"decline_code": "generic_decline", "network_advice_code": "03"}, RefusalKind.FINAL, None),
        ({"decline_code": "do_not_honor", "network_advice_code": "24"}, RefusalKind.LATER, 1),
    ],
)
def test_a_refusal_means_what_code_and_advice_say(
    answer: Callable[..., None], error: dict[str, str], kind: RefusalKind, hours: int | None
) -> None:
    answer({**INTENT, "status": "requires_payment_method", "last_payment_error": error})

    refusal = StripeGateway().fetch("pi_1")

    assert isinstance(refusal, Declined)
    assert refusal.kind == kind
    wait = refusal.retry_after
    assert (wait.total_seconds() / 3600 if wait else None) == hours


DISPUTE = {
    "id": "dp_1",
    "amount": 1900,
    "currency": "usd",
    "payment_intent": "pi_1",
    "reason": "fraudulent",
    "status": "needs_response",
    "balance_transactions": [{"amount": -1900, "currency": "usd", "fee": 1500}],
}


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, 1900),
        # Booked in the currency of the operator's account.
        ({"balance_transactions": [{"amount": -1750, "currency": "eur", "fee": 0}]}, 1900),
        ({"balance_transactions": [{"amount": 0, "currency": "eur"}], "status": "won"}, 0),
        ({"balance_transactions": None, "status": "warning_under_review"}, 0),
    ],
)
def test_what_a_dispute_has_taken_is_in_the_charges_currency(
    answer: Callable[..., None], changes: dict[str, Any], taken: int
) -> None:
    answer({**DISPUTE, **changes})

    dispute = StripeGateway().fetch_dispute("dp_1")

    assert dispute is not None
    assert dispute.taken == Money(taken, "USD")
    assert dispute.due_at is None


@pytest.mark.parametrize(
    "changes", [{"status": "unknown"}, {"currency": "xyz"}, {"amount": "1900"}, {"id": ""}]
)
def test_a_dispute_that_cannot_be_read_changes_nothing(
    answer: Callable[..., None], changes: dict[str, Any]
) -> None:
    answer({**DISPUTE, **changes})

    with pytest.raises(GatewayUnavailable):
        StripeGateway().fetch_dispute("dp_1")


def test_a_refusal_to_show_a_dispute_is_no_answer(answer: Callable[..., None]) -> None:
    answer({"error": {"type": "invalid_request_error", "code": "other"}}, 400)

    with pytest.raises(GatewayUnavailable):
        StripeGateway().fetch_dispute("dp_1")


@pytest.mark.parametrize("currency", ["JPY", "KWD", "UGX", "MGA"])
def test_an_amount_comes_back_as_it_was_sent(currency: str) -> None:
    amount = Money(10_000, currency)

    assert from_stripe(to_stripe(amount), currency) == amount


ENTRY = {"id": "txn_1", "amount": -1500, "currency": "usd", "created": 1_790_000_000, "fee": 0}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"type": "adjustment", "source": {"object": "dispute", "id": "dp_1"}}, "dispute"),
        ({"type": "payout", "source": {"object": "payout", "id": "po_1"}}, "payout"),
        ({"type": "stripe_fee", "source": None}, "fee"),
        ({"type": "nobody_knows_it"}, "fee"),
    ],
)
def test_what_is_booked_has_its_kind(
    answer: Callable[..., None], changes: dict[str, Any], kind: str
) -> None:
    answer({"object": "list", "data": [{**ENTRY, **changes}], "has_more": True})

    page = StripeGateway().fetch_entries(date(2026, 9, 21), after="")

    (entry,) = page.entries
    assert (entry.kind, entry.payout_id, entry.amount) == (kind, "", Money(-1500, "USD"))
    assert page.after == "txn_1"


@pytest.mark.parametrize(
    "data", [None, [{**ENTRY, "currency": "xyz"}], [{**ENTRY, "created": None}]]
)
def test_books_that_cannot_be_read_are_no_answer(answer: Callable[..., None], data: object) -> None:
    answer({"object": "list", "data": data})

    with pytest.raises(GatewayUnavailable):
        StripeGateway().fetch_entries(date(2026, 9, 21), after="txn_0")


def test_a_page_that_asks_for_another_amount_is_refused(answer: Callable[..., None]) -> None:
    session = {"id": "cs_1", "object": "checkout.session", "status": "open", "url": BACK}
    answer({**session, "amount_total": 1899, "currency": "usd"})

    with pytest.raises(GatewayRefused, match="another amount"):
        open_page()


def test_a_payment_over_another_amount_than_its_page_is_no_answer(
    answer: Callable[..., None],
) -> None:
    intent = {**INTENT, "amount": 1901, "currency": "usd", "latest_charge": CHARGE}
    session = {"id": "cs_1", "object": "checkout.session", "status": "complete"}
    answer({**session, "amount_total": 1900, "currency": "usd", "payment_intent": intent})

    with pytest.raises(GatewayUnavailable):
        StripeGateway().fetch("cs_1")
