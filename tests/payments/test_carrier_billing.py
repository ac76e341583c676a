"""`CarrierBilling`: which answers of an operator's billing are accepted, and which are not."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from moportal.money import Money
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.gateways.carrier_billing import CarrierBilling
from payments.gateways.values import (
    Authorised,
    Captured,
    CodeStep,
    CustomerStep,
    Declined,
    Processing,
    Refunded,
    RefundFailed,
    RefundPending,
    VoidedOrRefunded,
)
from payments.states import CodeVerdict, RefusalKind
from tests.payments import bills
from tests.payments.bill_journeys import PRICE, authorise, charged
from tests.providers import break_it
from tests.serving import Handler, serving

NUMBER = "+15550010100"
MADE = "2026-11-30T00:00:00Z"
CHARGING = {"amount": 19.99, "currency": "USD", "description": "R", "isTaxIncluded": True}
Answer = tuple[int, object]


def payment(status: str = "reserved", **more: Any) -> dict[str, Any]:
    """Return a payment as an operator shows it."""
    transaction = {
        "phoneNumber": NUMBER,
        "referenceCode": "R1",
        "clientCorrelator": "k",
        "paymentAmount": {"chargingInformation": CHARGING},
    }
    shown = {"paymentId": "p1", "paymentStatus": status, "paymentCreationDate": MADE}
    return {**shown, "amountTransaction": transaction, **more}


def refund(status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """Return a refund as an operator shows it."""
    transaction = {"clientCorrelator": "k", "referenceCode": "k", "refundAmount": {}}
    return {
        "refundId": "f1",
        "refundStatus": status,
        "type": "total",
        "amountTransaction": transaction,
        **more,
    }


def error(code: str) -> dict[str, object]:
    return {"status": 400, "code": code, "message": "x"}


class FakeBilling:
    """An operator's billing that gives prepared answers, by method and end of the path.

    Several answers of one request are given one after the other; the last one is repeated.
    """

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        fake = self

        class RequestHandler(Handler):
            def do_POST(self) -> None:  # noqa: N802 -- the name that http.server calls
                path = self.path.partition("?")[0]
                headers = {name.lower(): value for name, value in self.headers.items()}
                fake.asked.append((self.command, self.path, headers))
                self.rfile.read(int(headers.get("content-length") or 0))
                status, body = fake.answer(self.command, path.rpartition("/")[2])
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Retry-After", "7")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 -- the same

        self.handler = RequestHandler

    def answer(self, method: str, end: str) -> Answer:
        waiting = self.answers[method, end]
        return waiting.pop(0) if waiting[1:] else waiting[0]

    def on(self, method: str, end: str, *answers: Answer) -> "FakeBilling":
        """Set the answers to this request, and return the fake for the next one."""
        self.answers[method, end] = list(answers)
        return self


@pytest.fixture
def fake(settings: Settings) -> Iterator[FakeBilling]:
    found = FakeBilling()
    with serving(found.handler) as address:
        settings.CARRIER_BILLING_URL = f"{address}/carrier-billing/v0.5"
        settings.CARRIER_BILLING_REFUND_URL = f"{address}/carrier-billing-refund/v0.5"
        yield found


def ask(fake: FakeBilling, *answers: Answer) -> object:
    """Ask for $19.99 and get this answer."""
    fake.on("POST", "prepare", *answers)
    return authorise(NUMBER)


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("reserved", Authorised("p1")),
        ("processing", Processing("p1")),
        ("denied", Declined("p1", "denied", RefusalKind.LATER)),
        ("cancelled", VoidedOrRefunded("p1")),
        ("succeeded", Captured("p1")),
        ("pending_validation", CodeStep("p1")),
    ],
)
def test_a_payment_stands_as_the_operator_says(
    fake: FakeBilling, status: str, standing: object
) -> None:
    assert ask(fake, (201, payment(status))) == standing


def test_a_code_or_a_page_is_what_the_customer_needs(fake: FakeBilling) -> None:
    code = {"action": "validate", "authorizationId": "a1"}
    page = {"action": "open", "validationURL": "https://pay.kestrel.example/1"}

    for status, step in (("pending_validation", CodeStep), ("processing", Processing)):
        assert ask(fake, (201, payment(status, validationInfo=code))) == step("p1", "a1")
    asked = ask(fake, (201, payment("pending_validation", validationInfo=page)))
    assert asked == CustomerStep("p1", "https://pay.kestrel.example/1")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        payment("evaporated"),
        payment(paymentId=""),
        payment(amountTransaction=None),
        payment(amountTransaction={"paymentAmount": 1}),
        payment(
            "pending_validation", validationInfo={"action": "open", "validationURL": "javascript:1"}
        ),
        b"<html>",
        b"[" * 100_000,
    ],
    ids=["empty", "list", "status", "no id", "no amount", "no charge", "page", "html", "deep"],
)
def test_an_unknown_answer_is_no_answer(fake: FakeBilling, body: object) -> None:
    with pytest.raises(GatewayUnavailable):
        ask(fake, (201, body))


@pytest.mark.parametrize(
    "charging",
    [
        {**CHARGING, "amount": 20.0},
        {**CHARGING, "currency": "EUR"},
        {**CHARGING, "currency": "XXX"},
        {**CHARGING, "currency": None},
        {**CHARGING, "amount": 19.991},
        {**CHARGING, "amount": "19.99"},
        {**CHARGING, "amount": True},
        {**CHARGING, "amount": float("inf")},
    ],
    ids=["more", "euro", "unknown", "none", "decimals", "text", "bool", "infinite"],
)
def test_a_reservation_of_another_amount_is_no_answer(
    fake: FakeBilling, charging: dict[str, object]
) -> None:
    body = payment()
    body["amountTransaction"]["paymentAmount"] = {"chargingInformation": charging}

    with pytest.raises(GatewayUnavailable, match="amount"):
        ask(fake, (201, body))


@pytest.mark.parametrize(
    ("status", "code", "reason", "kind"),
    [
        (403, "CARRIER_BILLING.PAYMENT_DENIED", "payment_denied", RefusalKind.LATER),
        (404, "IDENTIFIER_NOT_FOUND", "identifier_not_found", RefusalKind.FINAL),
        (422, "SERVICE_NOT_APPLICABLE", "service_not_applicable", RefusalKind.FINAL),
        (
            *(422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT", "unauthorized_amount"),
            RefusalKind.CUSTOMER,
        ),
        (
            *(422, "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED"),
            *("user_amount_threshold_overpassed", RefusalKind.LATER),
        ),
    ],
)
def test_a_refusal_has_its_reason_and_its_kind(
    fake: FakeBilling, status: int, code: str, reason: str, kind: RefusalKind
) -> None:
    assert ask(fake, (status, error(code))) == Declined("", reason, kind)


@pytest.mark.parametrize(
    ("status", "body", "is_setting"),
    [
        (401, error("UNAUTHENTICATED"), True),
        (403, error("PERMISSION_DENIED"), True),
        (404, b"<html>", True),
        (404, error("nothing here"), True),
        (422, error("MISSING_IDENTIFIER"), True),
        (422, error("UNNECESSARY_IDENTIFIER"), True),
        (422, error("CARRIER_BILLING.PHONE_NUMBER_REQUIRED"), True),
        (302, b"", True),
        (429, error("TOO_MANY_REQUESTS"), False),
        (503, b"", False),
        (400, {"code": 1}, False),
        (200, payment(), False),
    ],
)
def test_a_wrong_setting_or_a_busy_operator_is_no_answer(
    fake: FakeBilling,
    status: int,
    body: object,
    is_setting: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    with pytest.raises(GatewayUnavailable) as raised:
        ask(fake, (status, body))

    assert raised.value.is_setting is is_setting
    is_error_of_camara = isinstance(body, dict) and status in {401, 403, 422, 429}
    assert raised.value.was_sent is not is_error_of_camara
    wait = timedelta(seconds=7) if status != httpx.codes.OK else timedelta()
    assert raised.value.retry_after == wait


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "ALREADY_EXISTS", "CARRIER_BILLING.NEW_ONE"])
def test_any_other_error_refuses_the_request(fake: FakeBilling, code: str) -> None:
    with pytest.raises(GatewayRefused, match=rf"prepare: HTTP 400 {code.rpartition('.')[2]}"):
        ask(fake, (400, error(code)))


def test_each_request_has_its_correlator_and_the_token_of_now(
    fake: FakeBilling, settings: Settings, tmp_path: Path
) -> None:
    settings.CARRIER_BILLING_TOKEN = "old"
    ask(fake, (201, payment()))
    file = tmp_path / "token"
    settings.CARRIER_BILLING_TOKEN_FILE = str(file)
    for token in ("first\n", "second\n"):
        file.write_text(token)
        ask(fake, (201, payment()))

    tokens = [headers["authorization"] for _method, _path, headers in fake.asked]
    assert tokens == ["Bearer old", "Bearer first", "Bearer second"]
    assert {headers["x-correlator"] for _method, _path, headers in fake.asked} == {
        "15550010100-USD"
    }


def test_a_token_file_that_is_not_there_is_a_setting(fake: FakeBilling, settings: Settings) -> None:
    settings.CARRIER_BILLING_TOKEN_FILE = "/nowhere/token"

    with pytest.raises(GatewayUnavailable, match="CARRIER_BILLING_TOKEN_FILE") as raised:
        ask(fake, (201, payment()))

    assert (raised.value.is_setting, raised.value.was_sent, fake.asked) == (True, False, [])


def test_without_a_connection_nothing_was_sent(settings: Settings) -> None:
    settings.CARRIER_BILLING_URL = "http://127.0.0.1:9/carrier-billing/v0.5"

    with pytest.raises(GatewayUnavailable) as raised:
        authorise(NUMBER)

    assert raised.value.was_sent is False


def test_an_identifier_of_the_operator_is_one_segment_of_the_path(fake: FakeBilling) -> None:
    fake.on("GET", "..%2F%C3%A9%20%3F", (200, payment()))

    CarrierBilling().fetch("../é ?")

    assert fake.asked[0][1] == "/carrier-billing/v0.5/payments/..%2F%C3%A9%20%3F"


@pytest.mark.parametrize(
    ("made", "ends"),
    [
        ("2026-11-30T01:00:00+01:00", datetime(2026, 11, 30, 0, 30, tzinfo=UTC)),
        (MADE, datetime(2026, 11, 30, 0, 30, tzinfo=UTC)),
        ("2026-11-30T00:00:00", None),
        ("yesterday", None),
    ],
)
def test_a_reservation_ends_after_the_time_that_the_operator_agreed_to(
    fake: FakeBilling, settings: Settings, made: str, ends: datetime | None
) -> None:
    settings.CARRIER_BILLING_RESERVATION_MINUTES = 30
    body = payment(paymentCreationDate=made)
    if ends is None:
        with pytest.raises(GatewayUnavailable, match="paymentCreationDate"):
            ask(fake, (201, body))
    else:
        assert ask(fake, (201, body)) == Authorised("p1", ends)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ((204, b""), CodeVerdict.RIGHT),
        ((409, error("ALREADY_EXISTS")), CodeVerdict.RIGHT),
        ((400, error("CARRIER_BILLING.INVALID_CODE")), CodeVerdict.WRONG),
        ((400, error("INVALID_ARGUMENT")), CodeVerdict.WRONG),
        ((400, error("CARRIER_BILLING.VALIDATION_FAILED")), CodeVerdict.OVER),
        ((400, error("CARRIER_BILLING.INVALID_AUTHORIZATION_ID")), CodeVerdict.OVER),
    ],
)
def test_a_code_is_right_wrong_or_over(
    fake: FakeBilling, answer: Answer, verdict: CodeVerdict
) -> None:
    fake.on("POST", "validate", answer)

    assert CarrierBilling().confirm_code("p1", "a1", "123456", key="k") == verdict


@pytest.mark.parametrize("answer", [(200, {}), (404, error("NOT_FOUND")), (400, error("NEW_ONE"))])
def test_any_other_answer_about_a_code_says_nothing(fake: FakeBilling, answer: Answer) -> None:
    fake.on("POST", "validate", answer)

    with pytest.raises(GatewayUnavailable):
        CarrierBilling().confirm_code("p1", "a1", "123456", key="k")


def standing_as(fake: FakeBilling, *statuses: str) -> None:
    fake.on("GET", "p1", *[(200, payment(status)) for status in statuses])


@pytest.mark.parametrize(("action", "done"), [("capture", "succeeded"), ("void", "cancelled")])
def test_what_was_done_before_is_not_sent_again(fake: FakeBilling, action: str, done: str) -> None:
    standing_as(fake, done)

    getattr(CarrierBilling(), action)("p1", key="k")

    assert [method for method, _path, _headers in fake.asked] == ["GET"]


@pytest.mark.parametrize("answer", [(202, b""), (409, error("CARRIER_BILLING.PAYMENT_CONFIRMED"))])
def test_a_confirmation_counts_once_the_operator_has_charged(
    fake: FakeBilling, answer: Answer
) -> None:
    fake.on("POST", "confirm", answer)
    standing_as(fake, "reserved", "succeeded")

    CarrierBilling().capture("p1", key="k")


@pytest.mark.parametrize("after", ["reserved", "processing"])
def test_a_confirmation_that_is_not_carried_out_is_asked_again(
    fake: FakeBilling, after: str
) -> None:
    fake.on("POST", "confirm", (202, b""))
    standing_as(fake, "reserved", after)

    with pytest.raises(GatewayUnavailable, match="not carried out yet"):
        CarrierBilling().capture("p1", key="k")


@pytest.mark.parametrize("after", ["denied", "cancelled"])
def test_a_confirmation_may_be_denied(fake: FakeBilling, after: str) -> None:
    fake.on("POST", "confirm", (202, b""))
    standing_as(fake, "reserved", after)

    with pytest.raises(GatewayRefused, match="confirm: the payment is"):
        CarrierBilling().capture("p1", key="k")


def test_a_confirmation_that_is_refused_charges_nothing(fake: FakeBilling) -> None:
    fake.on("POST", "confirm", (403, error("CARRIER_BILLING.PAYMENT_DENIED")))
    standing_as(fake, "reserved")

    with pytest.raises(GatewayRefused, match="confirm: HTTP 403 PAYMENT_DENIED"):
        CarrierBilling().capture("p1", key="k")


@pytest.mark.parametrize("body", [[], "text", None])
def test_a_payment_that_is_no_object_is_no_answer(fake: FakeBilling, body: object) -> None:
    fake.on("GET", "p1", (200, body))

    with pytest.raises(GatewayUnavailable):
        CarrierBilling().fetch("p1")


def test_a_question_is_never_refused(fake: FakeBilling) -> None:
    fake.on("GET", "p1", (400, error("INVALID_ARGUMENT")))

    with pytest.raises(GatewayUnavailable, match="fetch: HTTP 400 INVALID_ARGUMENT"):
        CarrierBilling().fetch("p1")


def test_a_search_goes_through_the_pages(fake: FakeBilling) -> None:
    other = payment()
    other["amountTransaction"] = {"clientCorrelator": "another"}
    fake.on("GET", "payments", (200, [other] * 100), (200, [other, payment()]))
    since = datetime(2026, 11, 30, 12, tzinfo=UTC)

    found = CarrierBilling().find(reference="R1", key="k", since=since)

    assert found == Authorised("p1")
    first, second = (path for _method, path, _headers in fake.asked)
    assert "paymentCreationDate.gte=2026-11-30T11%3A50%3A00%2B00%3A00" in first
    assert ("page=1" in first, "page=2" in second) == (True, True)


def test_a_payment_without_its_key_is_found_by_its_reference(fake: FakeBilling) -> None:
    unnamed = payment()
    del unnamed["amountTransaction"]["clientCorrelator"]
    fake.on("GET", "payments", (200, [unnamed]))

    assert CarrierBilling().find(reference="R1", key="k", since=now()) == Authorised("p1")
    assert CarrierBilling().find(reference="R2", key="k", since=now()) is None


@pytest.mark.parametrize("rows", [None, {}, [1], [payment(), payment()]])
def test_a_search_finds_one_payment_or_none(fake: FakeBilling, rows: object) -> None:
    fake.on("GET", "payments", (200, rows))

    with pytest.raises(GatewayUnavailable):
        CarrierBilling().find(reference="R1", key="k", since=now())


def left(amount: float) -> Answer:
    return 200, {"amount": amount, "currency": "USD"}


def test_a_charge_is_refunded_when_nothing_is_left_and_nothing_may_still_fail(
    fake: FakeBilling,
) -> None:
    standing_as(fake, "succeeded")
    fetch: Callable[[], object] = lambda: CarrierBilling().fetch("p1")  # noqa: E731 -- asked thrice

    fake.on("GET", "remaining-amount", left(0.01))
    assert fetch() == Captured("p1")
    fake.on("GET", "remaining-amount", left(0)).on("GET", "refunds", (200, [refund("processing")]))
    assert fetch() == Captured("p1")
    fake.on("GET", "refunds", (200, [refund()]))
    assert fetch() == VoidedOrRefunded("p1")


def test_without_a_refund_api_a_charge_is_a_charge(fake: FakeBilling, settings: Settings) -> None:
    settings.CARRIER_BILLING_REFUND_URL = ""
    standing_as(fake, "succeeded")

    assert CarrierBilling().fetch("p1") == Captured("p1")


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("succeeded", Refunded("f1")),
        ("processing", RefundPending("f1")),
        ("denied", RefundFailed("f1", "denied")),
    ],
)
def test_a_refund_is_done_pending_or_failed(
    fake: FakeBilling, status: str, standing: object
) -> None:
    standing_as(fake, "succeeded")
    fake.answers["GET", "refunds"] = [(200, [])]
    fake.on("POST", "refunds", (201, refund(status)))

    assert CarrierBilling().refund("p1", PRICE, key="k") == standing


@pytest.mark.parametrize(
    "rows", [None, [1], [refund()] * 100, [refund(refundStatus="maybe")], [refund(refundId="")]]
)
def test_any_other_list_of_refunds_is_no_answer(fake: FakeBilling, rows: object) -> None:
    fake.on("GET", "refunds", (200, rows))

    with pytest.raises(GatewayUnavailable):
        CarrierBilling().find_refund("p1", key="k")


def test_a_refund_that_was_made_before_is_not_sent_again(fake: FakeBilling) -> None:
    part = {"chargingInformation": {**CHARGING, "amount": 1.5}}
    transaction = {"clientCorrelator": "k", "refundAmount": part}
    known = refund(type="partial", amountTransaction=transaction)
    standing_as(fake, "succeeded")
    fake.on("GET", "refunds", (200, [known]))

    assert CarrierBilling().refund("p1", Money(150, "USD"), key="k") == Refunded("f1")
    with pytest.raises(GatewayRefused, match="another amount"):
        CarrierBilling().refund("p1", Money(151, "USD"), key="k")
    known["amountTransaction"] = {"clientCorrelator": "k", "refundAmount": None}
    with pytest.raises(GatewayUnavailable):
        CarrierBilling().refund("p1", Money(150, "USD"), key="k")


@pytest.mark.parametrize("code", ["REFUND_DENIED", "PAYMENT_NOT_ELIGIBLE_FOR_REFUND"])
def test_a_refund_may_be_refused(fake: FakeBilling, code: str) -> None:
    standing_as(fake, "succeeded")
    fake.on("GET", "refunds", (200, []))
    fake.on("POST", "refunds", (403, error(f"CARRIER_BILLING_REFUND.{code}")))

    with pytest.raises(GatewayRefused, match=f"refund: HTTP 403 {code}"):
        CarrierBilling().refund("p1", PRICE, key="k")


def test_the_rest_after_a_part_is_a_part_too(billing: str) -> None:
    paid = charged()
    CarrierBilling().refund(paid, Money(999, "USD"), key="part")

    CarrierBilling().refund(paid, Money(1000, "USD"), key="rest")

    shown = httpx.get(f"{billing}/books", trust_env=False).json()["refunds"]
    assert [(row["type"], row["charging"]["amount"]) for row in shown] == [
        ("partial", 9990),
        ("partial", 10_000),
    ]


def test_a_refund_that_the_operator_decides_later(billing: str) -> None:
    paid = charged(bills.new_number(bills.REFUNDS_LATER))

    assert isinstance(CarrierBilling().refund(paid, PRICE, key="k"), RefundPending)

    assert CarrierBilling().fetch(paid) == Captured(paid)
    httpx.post(f"{billing}/refunds/{paid}/deny", trust_env=False)
    assert isinstance(CarrierBilling().find_refund(paid, key="k"), RefundFailed)
    assert isinstance(CarrierBilling().refund(paid, PRICE, key="again"), RefundPending)
    httpx.post(f"{billing}/refunds/{paid}/succeed", trust_env=False)
    assert CarrierBilling().fetch(paid) == VoidedOrRefunded(paid)


def test_a_slow_confirmation_is_recovered(billing: str) -> None:
    held = authorise(bills.new_number(bills.CONFIRMS_SLOWLY)).gateway_id
    with pytest.raises(GatewayUnavailable, match="not carried out yet"):
        CarrierBilling().capture(held, key="k")
    httpx.post(f"{billing}/payments/{held}/decide", trust_env=False)

    CarrierBilling().capture(held, key="k")

    assert CarrierBilling().fetch(held) == Captured(held)


@pytest.mark.parametrize("fault", ["drop_after", "malformed", "html", "http_500"])
def test_a_lost_answer_is_recovered_with_the_same_key(billing: str, fault: str) -> None:
    number = bills.new_number()
    break_it(billing, "prepare", fault)
    with pytest.raises(GatewayUnavailable):
        authorise(number)

    assert isinstance(authorise(number), Authorised)
    assert [row["status"] for row in bills.bill(billing, number)] == ["reserved"]
