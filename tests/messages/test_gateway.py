"""`messages.senders.http` against the message simulator, over HTTP."""

import uuid

import pytest
from pytest_django.fixtures import Settings

from messages.senders.base import Letter, MessageRefused, SenderUnavailable
from messages.senders.http import HttpGateway
from tests.providers import books, break_it
from tests.serving import Handler, serving


def letter(address: str = "+12025550142") -> Letter:
    return Letter(uuid.UUID(int=7), address, "de", "", "Kestrel: hallo")


def test_a_message_reaches_the_phone_once(phone: str) -> None:
    identifiers = {HttpGateway().send(letter()) for _ in range(2)}

    assert identifiers == {str(uuid.UUID(int=7))}
    [message] = books(phone)["messages"]
    assert (message["recipient"], message["text"]) == ("+12025550142", "Kestrel: hallo")
    assert len(books(phone)["calls"]) == 2


@pytest.mark.parametrize(
    ("fault", "delivered"),
    [("drop_before", 0), ("drop_after", 1), ("http_500", 0), ("malformed", 1)],
)
def test_without_a_usable_answer_the_message_may_have_been_sent(
    phone: str, fault: str, delivered: int
) -> None:
    break_it(phone, "send", fault)

    with pytest.raises(SenderUnavailable) as raised:
        HttpGateway().send(letter())

    assert raised.value.was_sent
    assert len(books(phone)["messages"]) == delivered


def test_a_refusal_is_final(phone: str) -> None:
    with pytest.raises(MessageRefused, match="HTTP 400: invalid_message"):
        HttpGateway().send(letter(address=""))


class Sloppy(Handler):
    """Answers without an id, refuses tokens, and keeps the tokens that it was sent."""

    status = 401
    seen: list[str | None] = []

    def do_POST(self) -> None:  # noqa: N802 -- the base's name
        self.seen.append(self.headers["Authorization"])
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.mark.parametrize("status", [401, 403, 404, 405, 308, 200])
def test_an_answer_without_an_id_a_refused_token_or_a_wrong_address_is_not_usable(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(Sloppy, "status", status)
    monkeypatch.setattr(Sloppy, "seen", [])
    settings.MESSAGE_GATEWAY_TOKEN = "gateway's and ours"

    with serving(Sloppy) as url:
        settings.MESSAGE_GATEWAY_URL = url
        with pytest.raises(SenderUnavailable) as raised:
            HttpGateway().send(letter())

    assert raised.value.is_setting == (status != 200)
    assert Sloppy.seen == ["Bearer gateway's and ours"]
