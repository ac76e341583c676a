"""`subscriptions.customers.http`: what is sent, and which answers are believed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from outbox.domain import Lease
from subscriptions.customers.base import (
    CustomerSystemRefused,
    CustomerSystemUnavailable,
    LineOnRecord,
    LineRequest,
    Operation,
    Pending,
    Reason,
)
from subscriptions.customers.http import HttpCustomerSystem
from subscriptions.domain.customer_calls import ask as ask_and_record
from subscriptions.models import CustomerCall, Line, OperatorLine
from subscriptions.states import Refusal
from tests.customers import GB, plan
from tests.serving import Handler, serving
from tests.subscriptions.operator_lines.steps import (
    ICCID,
    NUMBER,
    link_line,
    newest_link,
    prove,
    refresh,
    work,
)

LINE = {"reference": "L-1", "number": NUMBER, "sims": [ICCID], "plans": [plan()]}


class Peer:
    """A customer system with a fixed answer. It keeps the requests that it was sent."""

    def __init__(self) -> None:
        self.status: int = 200
        self.answer: Any = LINE
        self.requests: list[dict[str, Any]] = []


@pytest.fixture
def peer(settings: Settings) -> Iterator[Peer]:
    fixed = Peer()

    class Answers(Handler):
        def do_POST(self) -> None:  # noqa: N802 -- the base's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fixed.requests.append(
                {
                    "path": self.path,
                    "key": self.headers["Idempotency-Key"],
                    "token": self.headers.get("Authorization", ""),
                    "body": json.loads(body),
                }
            )
            self.send_response(fixed.status)
            self.end_headers()
            self.wfile.write(json.dumps(fixed.answer).encode())

    settings.CUSTOMER_SYSTEM = "subscriptions.customers.http.HttpCustomerSystem"
    with serving(Answers) as settings.CUSTOMER_SYSTEM_URL:
        yield fixed


def ask(operation: Operation = Operation.FIND, **fields: str) -> LineOnRecord | Pending:
    return HttpCustomerSystem().carry_out(LineRequest(operation, "k1", **fields))


def test_only_the_fields_of_an_operation_are_sent(peer: Peer, settings: Settings) -> None:
    settings.CUSTOMER_SYSTEM_TOKEN = "s3cret"
    ask(number=NUMBER, bill_code="B")
    ask(Operation.ATTACH, line="a/b", iccid=ICCID)
    ask(Operation.CHANGE, line="L-1", plan="m", new_plan="n")

    assert [one["path"] for one in peer.requests] == [
        "/lines/find",
        "/lines/a%2Fb/attach",
        "/lines/L-1/change",
    ]
    assert [one["body"] for one in peer.requests] == [
        {"number": NUMBER, "billCode": "B"},
        {"iccid": ICCID},
        {"plan": "m", "newPlan": "n"},
    ]
    assert {(one["key"], one["token"]) for one in peer.requests} == {("k1", "Bearer s3cret")}


def test_a_line_is_read_with_its_plans(peer: Peer) -> None:
    peer.answer = {
        **LINE,
        "locked": True,
        "simChangedAt": "2026-11-01T12:00:00+02:00",
        "sims": [f"{ICCID}F"],
        "billCodeValid": True,
        "holderIdentified": True,
        "plans": [plan(totalBytes=None, leftBytes=None, countries=["uk"])],
    }

    line = ask()

    assert isinstance(line, LineOnRecord)
    assert (line.is_locked, line.is_bill_code_right, line.is_holder_identified) == (True,) * 3
    assert line.sim_changed_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert line.iccids == (ICCID,)
    assert line.plans[0].total_bytes is None
    assert line.plans[0].countries == ("GB",)


def test_no_more_is_left_than_there_was(peer: Peer) -> None:
    peer.answer = {**LINE, "plans": [plan(totalBytes=GB, leftBytes=2 * GB)]}

    line = ask()

    assert isinstance(line, LineOnRecord)
    assert line.plans[0].left_bytes == GB


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [({"retryAfter": 20}, 20), ({}, 1), ({"retryAfter": "soon"}, 1), ({"retryAfter": 10**9}, 3600)],
)
def test_202_says_when_to_ask_again(peer: Peer, answer: dict[str, Any], seconds: int) -> None:
    peer.status, peer.answer = 202, answer

    assert ask() == Pending(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": "unknown_line"}, Reason.UNKNOWN),
        ({"error": "locked"}, Reason.LOCKED),
        ({"error": "not_offered"}, Reason.NOT_OFFERED),
        ({"error": "something new"}, Reason.REFUSED),
        ({"error": ["a list"]}, Reason.REFUSED),
        ({}, Reason.REFUSED),
    ],
)
def test_a_refusal_has_a_reason(peer: Peer, answer: dict[str, Any], reason: Reason) -> None:
    peer.status, peer.answer = 409, answer

    with pytest.raises(CustomerSystemRefused) as refused:
        ask()
    assert refused.value.reason == reason


@pytest.mark.parametrize("status", [201, 204, 301, 401, 403, 404, 408, 429, 500, 503])
def test_other_statuses_are_asked_again(peer: Peer, status: int) -> None:
    peer.status = status

    with pytest.raises(CustomerSystemUnavailable):
        ask()


@pytest.mark.parametrize(
    "change",
    [
        {"reference": ""},
        {"reference": "x" * 41},
        {"reference": 7},
        {"reference": "\x00"},
        {"number": "12025550142"},
        {"number": "+1202x"},
        {"number": "+١٢"},
        {"locked": "no"},
        {"simChangedAt": "yesterday"},
        {"simChangedAt": 5},
        {"sims": [ICCID[:-1] + "9"]},
        {"sims": None},
        {"plans": None},
        {"plans": ["Home"]},
        {"plans": [plan(name="")]},
        {"plans": [plan(leftBytes=-1)]},
        {"plans": [plan(leftBytes="31")]},
        {"plans": [plan(totalBytes=10**16)]},
        {"plans": [plan(countries=["XX"])]},
        {"plans": [plan(endsAt=plan()["startsAt"])]},
        {"plans": [{"reference": "m"}]},
    ],
)
def test_what_cannot_be_stored_is_no_answer(peer: Peer, change: dict[str, Any]) -> None:
    peer.answer = {**LINE, **change}

    with pytest.raises(CustomerSystemUnavailable, match="not a line"):
        ask()


def test_find_and_balance_are_always_offered(settings: Settings) -> None:
    assert HttpCustomerSystem().offered == {Operation.FIND, Operation.BALANCE}
    settings.CUSTOMER_OPERATIONS = ["attach", "cancel"]
    assert HttpCustomerSystem().offered >= {Operation.ATTACH, Operation.CANCEL}


@pytest.mark.django_db
def test_what_is_not_offered_is_refused_without_a_call(peer: Peer, alice: User) -> None:
    call = CustomerCall(line=Line.objects.create(account=alice))
    request = LineRequest(Operation.ATTACH, "k1", line="L-1", iccid=ICCID)

    with pytest.raises(CustomerSystemRefused, match="not_offered"):
        ask_and_record(HttpCustomerSystem(), request, call, Lease(0, "x"))
    assert peer.requests == []
    assert not CustomerCall.objects.exists()


@pytest.mark.django_db
def test_an_answer_about_another_number_is_no_answer(peer: Peer, alice: User) -> None:
    peer.answer = {**LINE, "number": "+12025550143"}
    prove(alice)

    assert work(alice) is not None
    assert "another line" in newest_link(alice).last_error
    assert not OperatorLine.objects.exists()


@pytest.mark.django_db
def test_an_answer_about_another_line_changes_no_balance(peer: Peer, alice: User) -> None:
    link_line(alice)
    peer.answer = {**LINE, "reference": "L-2"}

    assert refresh() is not None
    assert OperatorLine.objects.get().tries == 1


@pytest.mark.django_db
def test_a_refusal_for_another_reason_ends_the_link(peer: Peer, alice: User) -> None:
    peer.status, peer.answer = 409, {"error": "blocked"}
    prove(alice)

    assert work(alice) is None
    assert newest_link(alice).refusal == Refusal.REFUSED
    assert CustomerCall.objects.get().outcome == "refused"
