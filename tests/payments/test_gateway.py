"""`SimulatorGateway`: which answers are accepted, and which are not."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from moportal.money import Money
from payments.gateways.base import CardRefused, GatewayRefused, GatewayUnavailable
from payments.gateways.simulator import SimulatorGateway
from payments.gateways.values import (
    Authorised,
    Captured,
    Card,
    CustomerStep,
    Declined,
    HostedPage,
    NoCard,
    Refunded,
    RefundFailed,
    RefundPending,
    Standing,
    StillOpen,
    StoredCard,
    VoidedOrRefunded,
)
from payments.states import Initiator, RefusalKind
from tests.serving import Handler, serving

CARD = Card("4242424242424242", 12, 2099, "123", "Alice")
STORED = {"token": "tok_1", "brand": "visa", "last4": "4242"}


class FakeProvider:
    """A payment provider that gives a prepared answer."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, b"{}", ""
        provider = self

        class RequestHandler(Handler):
            def do_POST(self) -> None:  # noqa: N802 -- the name that http.server calls
                provider.asked = self.path
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(provider.status)
                self.send_header("Content-Length", str(len(provider.body)))
                self.end_headers()
                self.wfile.write(provider.body)

            do_GET = do_POST  # noqa: N815 -- the same

        self.handler = RequestHandler

    def answering(self, body: object, status: int = 200) -> SimulatorGateway:
        """Set the next answer, and return a gateway that will get it."""
        self.status, self.body = status, json.dumps(body).encode()
        return SimulatorGateway()


@pytest.fixture
def provider(settings: Settings) -> Iterator[FakeProvider]:
    made = FakeProvider()
    with serving(made.handler) as settings.PAYMENT_GATEWAY_URL:
        yield made


def authorise(gateway: SimulatorGateway) -> Standing:
    return gateway.authorise(
        "tok",
        Money(100, "USD"),
        reference="R",
        return_url="",
        initiator=Initiator.CUSTOMER,
        key="k",
    )


@pytest.mark.parametrize(
    ("answer", "standing"),
    [
        ({"id": "p", "status": "authorised"}, Authorised("p")),
        (
            {"id": "p", "status": "authorised", "capture_before": 86400},
            Authorised("p", datetime(1970, 1, 2, tzinfo=UTC)),
        ),
        *(
            ({"id": "p", "status": "authorised", "capture_before": no_time}, Authorised("p"))
            for no_time in (None, "soon", True, -1, 1e300)
        ),
        ({"id": "p", "status": "declined", "reason": "no"}, Declined("p", "no")),
        ({"id": "p", "status": "requires_action", "url": "u"}, CustomerStep("p", "u")),
        ({"id": "p", "status": "captured"}, Captured("p")),
        ({"id": "p", "status": "voided"}, VoidedOrRefunded("p")),
        ({"id": "p", "status": "refunded"}, VoidedOrRefunded("p")),
    ],
)
def test_each_payment_status_is_parsed(
    provider: FakeProvider, answer: dict[str, object], standing: object
) -> None:
    gateway = provider.answering(answer)

    assert (gateway.fetch("p"), authorise(gateway)) == (standing, standing)


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("final", RefusalKind.FINAL),
        ("customer", RefusalKind.CUSTOMER),
        ("later", RefusalKind.LATER),
        ("for_ever", RefusalKind.LATER),
        (["final"], RefusalKind.LATER),
        (None, RefusalKind.LATER),
    ],
)
def test_only_a_known_kind_of_refusal_stops_a_card(
    provider: FakeProvider, kind: object, known: RefusalKind
) -> None:
    answer = {"id": "p", "status": "declined", "reason": "new", "kind": kind}

    assert authorise(provider.answering(answer)) == Declined("p", "new", known)


@pytest.mark.parametrize(
    ("sent", "advice"),
    [
        (3600, timedelta(hours=1)),
        (0.5, timedelta(seconds=0.5)),
        (1e300, timedelta(days=90)),
        *((no_time, None) for no_time in (None, "soon", True, 0, -1, float("nan"))),
    ],
)
def test_advice_on_another_try_is_a_time_to_wait(
    provider: FakeProvider, sent: object, advice: timedelta | None
) -> None:
    answer = {"id": "p", "status": "declined", "reason": "no", "retry_after": sent}

    assert authorise(provider.answering(answer)) == Declined("p", "no", retry_after=advice)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"id": "p"},
        {"id": 1, "status": "authorised"},
        {"id": "", "status": "authorised"},
        {"id": "p" * 81, "status": "authorised"},
        {"id": "p\0", "status": "authorised"},
        {"id": "p", "status": "paid, honestly"},
        {"id": "p", "status": "requires_action"},
    ],
)
def test_a_malformed_answer_decides_nothing(provider: FakeProvider, answer: object) -> None:
    with pytest.raises(GatewayUnavailable) as raised:
        authorise(provider.answering(answer))

    assert raised.value.was_sent


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_client_error_is_a_refusal_for_good(provider: FakeProvider, status: int) -> None:
    gateway = provider.answering({"error": "no"}, status)

    with pytest.raises(GatewayRefused, match=f"HTTP {status}, 'no'"):
        authorise(gateway)
    with pytest.raises(GatewayRefused, match="void"):
        gateway.void("p", key="k")


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refused_question_decides_nothing(provider: FakeProvider, status: int) -> None:
    with pytest.raises(GatewayUnavailable):
        provider.answering({"error": "no"}, status).fetch("p")
    with pytest.raises(GatewayUnavailable):
        provider.answering({"error": "no"}, status).fetch_entries(now().date(), after="")


@pytest.mark.parametrize("status", [301, 308, 401, 403, 404, 405, 407, 421])
@pytest.mark.parametrize("body", [{"error": "no"}, {"error": []}, "not an object"])
def test_a_wrong_address_or_credentials_that_are_refused_are_a_setting_and_decide_nothing(
    provider: FakeProvider, status: int, body: object
) -> None:
    gateway = provider.answering(body, status)
    calls: list[Callable[[], object]] = [
        lambda: authorise(gateway),
        lambda: gateway.capture("p", key="k"),
        lambda: gateway.tokenise(CARD, key="k"),
        lambda: gateway.open_page(return_url="", key="k"),
        lambda: gateway.forget("tok_1", key="k"),
    ]

    for call in calls:
        with pytest.raises(GatewayUnavailable, match=f"HTTP {status}") as raised:
            call()
        assert raised.value.is_setting


def test_a_404_in_the_words_of_the_gateway_is_its_answer(provider: FakeProvider) -> None:
    gateway = provider.answering({"error": "unknown_token"}, 404)
    with pytest.raises(GatewayRefused, match="HTTP 404, 'unknown_token'"):
        authorise(gateway)

    gateway = provider.answering({"error": "unknown_payment"}, 404)
    with pytest.raises(GatewayRefused, match="void"):
        gateway.void("p", key="k")


@pytest.mark.parametrize("status", [200, 503])
def test_a_service_that_is_away_is_no_setting(provider: FakeProvider, status: int) -> None:
    with pytest.raises(GatewayUnavailable, match=f"HTTP {status}") as raised:
        authorise(provider.answering("not an object", status))

    assert not raised.value.is_setting


@pytest.mark.parametrize(
    ("error", "field"), [("invalid_csc", "csc"), ("card_not_supported", ""), ([], ""), (None, "")]
)
def test_an_unknown_refusal_of_a_card_blames_no_field(
    provider: FakeProvider, error: object, field: str
) -> None:
    with pytest.raises(CardRefused) as refused:
        provider.answering({"error": error}, 422).tokenise(CARD, key="k")

    assert refused.value.field == field


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_gateway_is_unavailable(provider: FakeProvider, status: int) -> None:
    with pytest.raises(GatewayUnavailable):
        authorise(provider.answering({}, status))


def test_an_identifier_of_the_gateway_is_one_path_segment(provider: FakeProvider) -> None:
    provider.answering({"status": "captured"}).capture("../é ?", key="k")

    assert provider.asked == "/payments/..%2F%C3%A9%20%3F/capture"


@pytest.mark.parametrize("action", ["capture", "void"])
def test_an_answer_with_another_status_is_no_success(provider: FakeProvider, action: str) -> None:
    with pytest.raises(GatewayUnavailable):
        getattr(provider.answering({"status": "maybe"}), action)("p", key="k")


@pytest.mark.parametrize("last4", ["424", "42424", "abcd"])
def test_last4_must_be_four_digits(provider: FakeProvider, last4: str) -> None:
    with pytest.raises(GatewayUnavailable, match="last4"):
        provider.answering({**STORED, "last4": last4}).tokenise(CARD, key="k")


def test_an_unknown_brand_is_shown_as_it_comes(provider: FakeProvider) -> None:
    stored = provider.answering({**STORED, "brand": "mondocard"}).tokenise(CARD, key="k")

    assert (stored.brand, stored.last4) == ("Mondocard", "4242")


PAGE = {"id": "page_1", "status": "open", "url": "https://gateway.example/card/page_1"}
TAKEN = {**STORED, "id": "page_1", "status": "taken", "exp_month": 12, "exp_year": 2049}


@pytest.mark.parametrize(
    ("answer", "standing"),
    [
        (PAGE, StillOpen("page_1")),
        ({**PAGE, "status": "refused", "reason": "no"}, NoCard("page_1", "no")),
        (TAKEN, StoredCard("tok_1", "Visa", "4242", 12, 2049)),
    ],
)
def test_each_page_status_is_parsed(
    provider: FakeProvider, answer: dict[str, object], standing: object
) -> None:
    assert provider.answering(answer).fetch_page("page_1") == standing


def test_the_gateway_says_where_the_page_is(provider: FakeProvider) -> None:
    page = provider.answering(PAGE, 201).open_page(return_url="https://portal.example/", key="k")

    assert page == HostedPage("page_1", "https://gateway.example/card/page_1")


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "page_1"},
        {**TAKEN, "status": "perhaps"},
        {**TAKEN, "token": ""},
        {**TAKEN, "last4": "424"},
        {**TAKEN, "exp_month": 13},
        {**TAKEN, "exp_month": "12"},
        {**TAKEN, "exp_year": None},
    ],
)
def test_a_malformed_card_is_not_stored(provider: FakeProvider, answer: dict[str, object]) -> None:
    with pytest.raises(GatewayUnavailable):
        provider.answering(answer).fetch_page("page_1")


@pytest.mark.parametrize("url", [None, "", "x" * 501, "https://a.example/\0"])
def test_a_page_without_an_address_is_refused(provider: FakeProvider, url: object) -> None:
    with pytest.raises(GatewayUnavailable, match="url"):
        provider.answering({**PAGE, "url": url}).open_page(return_url="", key="k")


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_client_error_about_cards_is_a_refusal_for_good(
    provider: FakeProvider, status: int
) -> None:
    gateway = provider.answering({"error": "no"}, status)

    with pytest.raises(GatewayRefused, match="open_page"):
        gateway.open_page(return_url="", key="k")
    with pytest.raises(GatewayRefused, match="forget"):
        gateway.forget("tok_1", key="k")
    with pytest.raises(GatewayUnavailable):
        gateway.fetch_page("page_1")


@pytest.mark.parametrize(("status", "body"), [(200, {}), (404, {"error": "unknown_token"})])
def test_a_card_that_is_not_there_counts_as_removed(
    provider: FakeProvider, status: int, body: object
) -> None:
    provider.answering(body, status).forget("tok_1", key="k")

    assert provider.asked == "/tokens/forget"


@pytest.mark.parametrize(
    ("answer", "standing"),
    [
        ({"id": "r", "status": "done"}, Refunded("r")),
        ({"id": "r", "status": "pending"}, RefundPending("r")),
        ({"id": "r", "status": "failed", "reason": "closed"}, RefundFailed("r", "closed")),
    ],
)
def test_each_refund_status_is_parsed(
    provider: FakeProvider, answer: dict[str, str], standing: object
) -> None:
    made = provider.answering({"refund": answer}).refund("p", Money(1, "USD"), key="k")
    found = provider.answering({"refunds": [answer]}).find_refund("p", key="k")

    assert (made, found) == (standing, standing)


@pytest.mark.parametrize(
    "refund", [None, [], {"id": "r"}, {"id": "r", "status": "perhaps"}, {"status": "done"}]
)
def test_a_malformed_refund_decides_nothing(provider: FakeProvider, refund: object) -> None:
    with pytest.raises(GatewayUnavailable):
        provider.answering({"refund": refund}).refund("p", Money(1, "USD"), key="k")


@pytest.mark.parametrize("status", [400, 409])
def test_a_refused_refund_is_final(provider: FakeProvider, status: int) -> None:
    with pytest.raises(GatewayRefused, match="refund"):
        provider.answering({"error": "no"}, status).refund("p", Money(1, "USD"), key="k")


def test_a_search_asks_for_the_key(provider: FakeProvider) -> None:
    gateway = provider.answering({"payments": []})

    assert gateway.find(reference="R", key="a b&c", since=now()) is None
    assert provider.asked == "/payments?key=a+b%26c"


TWO = [{"id": "p", "status": "captured"}, {"id": "q", "status": "captured"}]


@pytest.mark.parametrize(
    ("answer", "status"),
    [({}, 200), ({"payments": "none"}, 200), ({"payments": TWO}, 200), ({"payments": []}, 400)],
)
def test_a_search_without_one_clear_answer_decides_nothing(
    provider: FakeProvider, answer: object, status: int
) -> None:
    with pytest.raises(GatewayUnavailable, match="find"):
        provider.answering(answer, status).find(reference="R", key="k", since=now())
