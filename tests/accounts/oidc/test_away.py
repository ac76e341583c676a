"""The provider is away or slow, and the other ways in stay."""

import threading
import time

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.oidc import answers
from moportal.web.gate import Gate
from tests.accounts.oidc.steps import (
    AWAY,
    assert_refused,
    come_back,
    is_signed_in,
    sign_in,
    start,
)
from tests.oidc_provider import FakeProvider


def test_a_slow_token_endpoint_ends_within_its_time(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "EXCHANGE_TIMEOUT", 0.3)
    provider.delay = 1.0
    client = Client()
    way_back = provider.answer(start(client))
    began = time.monotonic()

    assert_refused(client, come_back(client, way_back), AWAY)

    assert time.monotonic() - began < 1


def test_a_token_endpoint_that_fails_says_that_the_provider_is_away(
    provider: FakeProvider,
) -> None:
    client = Client()
    way_back = provider.answer(start(client))
    provider.status = 500
    assert_refused(client, come_back(client, way_back), AWAY)


@pytest.mark.parametrize("content", ["no json", "[]", "[" * 100_000])
def test_an_answer_that_is_no_json_says_that_the_provider_is_away(
    provider: FakeProvider, content: str
) -> None:
    provider.raw = content
    client = Client()
    assert_refused(client, sign_in(client, provider), AWAY)


def test_slow_exchanges_leave_threads_for_other_pages(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(at_once=1, waiting=0, longest_wait=0.1)
    monkeypatch.setattr(answers, "GATE", gate)
    client = Client()
    way_back = provider.answer(start(client))
    is_in, may_go = threading.Event(), threading.Event()

    def occupy() -> None:
        with gate.enter():
            is_in.set()
            may_go.wait(10)

    thread = threading.Thread(target=occupy)
    thread.start()
    is_in.wait(10)
    try:
        assert_refused(client, come_back(client, way_back), AWAY)
    finally:
        may_go.set()
        thread.join()


def test_many_wrong_answers_from_one_network_are_not_exchanged_any_more(
    provider: FakeProvider, settings: Settings
) -> None:
    settings.CLIENT_ADDRESS_HEADER, settings.NETWORK_LIMIT = "X-Forwarded-For", 2
    client = Client(headers={"X-Forwarded-For": "192.0.2.1"})
    for code in ("first", "second", "third"):
        response = sign_in(client, provider, code=code)

    assert response["Location"] == "/sign-in/?next=%2Freview%2F"
    assert "There were too many wrong attempts." in client.get("/sign-in/").content.decode()
    other = Client(headers={"X-Forwarded-For": "198.51.100.1"})
    for _ in range(4):
        sign_in(other, provider)
    assert is_signed_in(other)


def test_no_secret_is_logged(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    client = Client()
    way_back = provider.answer(start(client))
    provider.claims = {"nonce": "wrong", "email": "noor@example.com"}
    come_back(client, way_back)
    client.post("/oidc/logout/", {"logout_token": "a.b.c"})

    logged = caplog.text

    assert "provider's answer refused" in logged
    codes = [way_back.partition("code=")[2].partition("&")[0], "noor@example.com"]
    secrets = [*codes, settings.OIDC_CLIENT_SECRET, "a secret token", "a.b.c"]
    assert not [secret for secret in secrets if secret in logged]
