"""`VoucherServer`: which answers are accepted, and which are not."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from moportal.money import Money
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.gateways.values import (
    Authorised,
    Captured,
    Declined,
    Refunded,
    RefundFailed,
    RefundPending,
    Standing,
    VoidedOrRefunded,
)
from payments.gateways.vouchers import VoucherServer
from payments.states import Initiator, RefusalKind
from tests.payments.vouchers import issue
from tests.providers import books, break_it
from tests.serving import Handler, serving

PRICE = Money(1900, "USD")
RESERVED = {"id": "res_1", "status": "reserved"}


def reserve(code: str, *, amount: Money = PRICE, key: str = "k") -> Standing:
    return VoucherServer().authorise(
        code,
        amount,
        reference="ORDER1",
        return_url="http://127.0.0.1/",
        initiator=Initiator.CUSTOMER,
        key=key,
    )


def kind_of(standing: Standing) -> tuple[str, RefusalKind]:
    assert isinstance(standing, Declined)
    return standing.reason, standing.kind


def test_the_price_is_reserved_and_the_rest_stays_on_the_voucher(vouchers: str) -> None:
    standing = reserve(issue(vouchers, amount=5000))

    assert isinstance(standing, Authorised)
    VoucherServer().capture(standing.gateway_id, key="capture")
    (voucher,) = books(vouchers)["vouchers"]
    assert (voucher["amount"], voucher["spent"], voucher["held"]) == (5000, 1900, 0)


@pytest.mark.parametrize(
    ("voucher", "reason", "kind"),
    [
        ({"amount": 1899}, "too_small", RefusalKind.CUSTOMER),
        ({"currency": "EUR"}, "other_currency", RefusalKind.CUSTOMER),
        ({"blocked": True}, "blocked", RefusalKind.FINAL),
        ({"expires_at": 1}, "expired", RefusalKind.FINAL),
    ],
)
def test_a_refusal_has_its_reason_and_its_kind(
    vouchers: str, voucher: dict[str, object], reason: str, kind: RefusalKind
) -> None:
    code = issue(vouchers, **voucher)  # type: ignore[arg-type]  # as the case says

    assert kind_of(reserve(code)) == (reason, kind)
    assert books(vouchers)["vouchers"][0]["held"] == 0


def test_a_voucher_pays_once(vouchers: str) -> None:
    code = issue(vouchers, amount=1900)
    first = reserve(code, key="first")
    assert isinstance(first, Authorised)

    assert kind_of(reserve(code, key="second")) == ("in_use", RefusalKind.LATER)
    VoucherServer().capture(first.gateway_id, key="first:capture")

    assert kind_of(reserve(code, key="third")) == ("used_up", RefusalKind.FINAL)


def test_what_is_cancelled_or_lapses_can_be_reserved_again(vouchers: str) -> None:
    code = issue(vouchers, amount=1900)
    for key in ("cancelled", "lapsed"):
        held = reserve(code, key=key)
        assert isinstance(held, Authorised)
        if key == "cancelled":
            VoucherServer().void(held.gateway_id, key="void")
        else:
            path = f"{vouchers}/reservations/{held.gateway_id}/lapse"
            httpx.post(path, trust_env=False)
        assert VoucherServer().fetch(held.gateway_id) == VoidedOrRefunded(held.gateway_id)

    assert isinstance(reserve(code, key="again"), Authorised)


def test_a_return_to_a_voucher_that_was_closed_meanwhile_fails(vouchers: str) -> None:
    code = issue(vouchers)
    standing = reserve(code)
    assert isinstance(standing, Authorised)
    VoucherServer().capture(standing.gateway_id, key="capture")
    issue(vouchers, code=code, blocked=True)

    refund = VoucherServer().refund(standing.gateway_id, PRICE, key="refund")

    assert isinstance(refund, RefundFailed)
    assert refund.reason == "voucher_closed"
    assert isinstance(VoucherServer().fetch(standing.gateway_id), Captured)


@pytest.mark.parametrize("fault", ["drop_after", "malformed"])
def test_a_lost_answer_is_recovered_with_the_same_key(vouchers: str, fault: str) -> None:
    code = issue(vouchers)
    break_it(vouchers, "reserve", fault)
    with pytest.raises(GatewayUnavailable):
        reserve(code)

    assert isinstance(reserve(code), Authorised)
    assert [one["status"] for one in books(vouchers)["reservations"]] == ["reserved"]


class FakeServer:
    """A voucher server that gives a prepared answer."""

    def __init__(self) -> None:
        self.status, self.body, self.path, self.token = 200, b"{}", "", ""
        server = self

        class RequestHandler(Handler):
            def do_POST(self) -> None:  # noqa: N802 -- the name that http.server calls
                server.path, server.token = self.path, self.headers.get("authorization", "")
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(server.body)))
                self.end_headers()
                self.wfile.write(server.body)

            do_GET = do_POST  # noqa: N815 -- the same

        self.handler = RequestHandler

    def answering(self, body: object, status: int = 200) -> VoucherServer:
        """Set the next answer, and return a gateway that will get it."""
        self.status, self.body = status, json.dumps(body).encode()
        return VoucherServer()


@pytest.fixture
def server(settings: Settings) -> Iterator[FakeServer]:
    fake = FakeServer()
    with serving(fake.handler) as address:
        settings.VOUCHER_SERVER_URL = address
        yield fake


def test_the_portal_shows_the_token_that_the_server_wants(
    settings: Settings, server: FakeServer
) -> None:
    settings.VOUCHER_SERVER_TOKEN = "the operator's"

    server.answering(RESERVED).fetch("res_1")

    assert server.token == "Bearer the operator's"


def test_an_identifier_of_the_server_is_one_path_segment(server: FakeServer) -> None:
    server.answering({"status": "redeemed"}).capture("../é ?", key="k")

    assert server.path == "/reservations/..%2F%C3%A9%20%3F/redeem"


@pytest.mark.parametrize(
    ("expires_at", "ends"),
    [
        (1893456000, datetime(2030, 1, 1, tzinfo=UTC)),
        ("tomorrow", None),
        (True, None),
        (-1, None),
        (None, None),
    ],
)
def test_the_end_of_a_reservation_is_a_time_or_unknown(
    server: FakeServer, expires_at: object, ends: datetime | None
) -> None:
    standing = server.answering({**RESERVED, "expires_at": expires_at}).fetch("res_1")

    assert standing == Authorised("res_1", ends)


def test_an_unknown_reason_does_not_end_the_voucher(server: FakeServer) -> None:
    refused = {"id": "res_1", "status": "refused", "reason": "moon_phase"}

    standing = server.answering(refused).fetch("res_1")

    assert kind_of(standing) == ("moon_phase", RefusalKind.LATER)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "res_1"},
        {"id": "", "status": "reserved"},
        {"id": "res\0", "status": "reserved"},
        {"id": 1, "status": "reserved"},
        {"id": "res_1", "status": "pending"},
        {"id": "res_1", "status": "evaporated"},
    ],
)
def test_an_answer_with_an_unknown_status_is_no_answer(
    server: FakeServer, answer: dict[str, object]
) -> None:
    with pytest.raises(GatewayUnavailable):
        server.answering(answer).fetch("res_1")


@pytest.mark.parametrize("action", ["capture", "void"])
def test_a_change_that_is_not_confirmed_is_no_answer(server: FakeServer, action: str) -> None:
    with pytest.raises(GatewayUnavailable, match="pending"):
        getattr(server.answering({"id": "r", "status": "pending"}), action)("r", key="k")


@pytest.mark.parametrize(
    ("made", "standing"),
    [
        ({"id": "ret_1", "status": "done"}, Refunded("ret_1")),
        ({"id": "ret_1", "status": "pending"}, RefundPending("ret_1")),
        (
            {"id": "ret_1", "status": "failed", "reason": "closed"},
            RefundFailed("ret_1", "closed"),
        ),
    ],
)
def test_a_return_is_done_pending_or_failed(
    server: FakeServer, made: dict[str, object], standing: object
) -> None:
    assert server.answering({"return": made}).refund("r", PRICE, key="k") == standing


@pytest.mark.parametrize("made", [None, [], {}, {"id": "ret_1", "status": "maybe"}])
def test_any_other_return_is_no_answer(server: FakeServer, made: object) -> None:
    with pytest.raises(GatewayUnavailable):
        server.answering({"return": made}).refund("r", PRICE, key="k")


@pytest.mark.parametrize("found", [None, {}, [1], [RESERVED, RESERVED]])
def test_a_search_finds_one_reservation_or_none(server: FakeServer, found: object) -> None:
    with pytest.raises(GatewayUnavailable):
        server.answering({"reservations": found}).find(reference="ORDER1", key="k", since=now())


Call = Callable[[VoucherServer], object]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503])
@pytest.mark.parametrize(
    "call",
    [
        lambda one: one.authorise(
            "C", PRICE, reference="O", return_url="", initiator=Initiator.CUSTOMER, key="k"
        ),
        lambda one: one.capture("r", key="k"),
        lambda one: one.fetch("r"),
    ],
    ids=["authorise", "capture", "fetch"],
)
def test_a_busy_server_or_a_wrong_setting_is_no_answer(
    server: FakeServer, call: Call, status: int
) -> None:
    with pytest.raises(GatewayUnavailable):
        call(server.answering({"error": "no"}, status))


def test_only_what_changes_something_is_refused(server: FakeServer) -> None:
    with pytest.raises(GatewayRefused, match="reserve: HTTP 422, 'invalid_amount'"):
        server.answering({"error": "invalid_amount"}, 422).authorise(
            "C", PRICE, reference="O", return_url="", initiator=Initiator.CUSTOMER, key="k"
        )
    with pytest.raises(GatewayUnavailable):
        server.answering({"error": "unknown_reservation"}, 404).fetch("r")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"error": "no voucher KESTREL2345"}, 422),
        ({"error": "no voucher KESTREL2345"}, 404),
        ({"id": "res_1", "status": "KESTREL2345"}, 200),
    ],
)
def test_an_error_does_not_repeat_the_code(
    server: FakeServer, answer: dict[str, object], status: int
) -> None:
    with pytest.raises((GatewayRefused, GatewayUnavailable)) as error:
        server.answering(answer, status).authorise(
            "KESTREL2345",
            PRICE,
            reference="O",
            return_url="",
            initiator=Initiator.CUSTOMER,
            key="k",
        )

    assert "KESTREL2345" not in str(error.value)


def test_a_reason_does_not_repeat_the_code(server: FakeServer) -> None:
    refused = {"id": "res_1", "status": "refused", "reason": "KESTREL2345 is unknown"}

    assert kind_of(server.answering(refused).fetch("res_1")) == ("other", RefusalKind.LATER)
