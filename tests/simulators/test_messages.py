"""The message simulator: its answers, its books, and the phone on the simulator's page."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from simulators.mobileplans import views

MESSAGE = {"id": "one", "to": "noor@example.com", "subject": "Hi", "text": "It <works>."}


@pytest.fixture
def http(message_simulator: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=message_simulator, trust_env=False) as client:
        client.post("/reset")
        yield client


def shown(rf: RequestFactory) -> str:
    answer = json.loads(views.messages(rf.get("/simulator/messages/")).content)
    text: str = answer["html"]
    return text


def test_a_message_is_delivered_once(http: httpx.Client) -> None:
    for _ in range(2):
        assert http.post("/messages", json=MESSAGE).json() == {"id": "one"}

    books = http.get("/books").json()
    assert [message["text"] for message in books["messages"]] == ["It <works>."]
    assert len(books["calls"]) == 2


@pytest.mark.parametrize("changes", [{"id": ""}, {"to": 7}, {"text": ""}, {"language": None}])
def test_an_incomplete_message_is_refused(http: httpx.Client, changes: dict[str, Any]) -> None:
    assert http.post("/messages", json={**MESSAGE, **changes}).status_code == 400


def test_the_page_shows_the_newest_message_first(
    http: httpx.Client, rf: RequestFactory, settings: Settings, message_simulator: str
) -> None:
    settings.MESSAGE_SIMULATOR_URL = message_simulator
    http.post("/messages", json=MESSAGE)
    http.post("/messages", json={**MESSAGE, "id": "two", "subject": "", "text": "An SMS"})

    page = shown(rf)

    assert page.index("An SMS") < page.index("It &lt;works&gt;.")
    assert page.count("<h3") == 1


def test_the_page_shows_an_empty_phone(
    http: httpx.Client, rf: RequestFactory, settings: Settings, message_simulator: str
) -> None:
    settings.MESSAGE_SIMULATOR_URL = message_simulator

    assert "Nothing yet." in shown(rf)


def test_the_page_says_that_the_simulator_is_away(rf: RequestFactory, settings: Settings) -> None:
    settings.MESSAGE_SIMULATOR_URL = "http://127.0.0.1:9"

    assert "The message simulator does not answer." in shown(rf)
