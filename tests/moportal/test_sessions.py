"""`moportal.web.sessions`: a row only for somebody who is signed in."""

from datetime import timedelta
from http import HTTPStatus

import pytest
import time_machine
from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.models import User
from moportal.web.sessions import LARGEST_COOKIE, SessionStore
from tests.builders import EID
from tests.conftest import PASSWORD

COOKIE = settings.SESSION_COOKIE_NAME


def sign_in(client: Client, user: User) -> None:
    client.post("/sign-in/", {"username": user.username, "password": PASSWORD})


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("get", f"/?market=DE&location=FR&eid={EID}&transactionId=T1", {}),
        ("get", "/?eid=1", {}),
        ("get", "/sign-in/", {}),
        ("get", "/esim-problem/", {}),
        ("get", "/launch-refused/", {}),
        ("get", "/leave/", {}),
        ("get", "/options/", {}),
        ("post", "/language/", {"language": "de"}),
        ("post", "/sign-up/", {"username": "x", "password": "y"}),
        ("post", "/payment/", {"holder": "Ada"}),
        ("post", "/review/", {}),
        ("post", "/esim-problem/", {"remedy": "support"}),
        ("post", "/account/methods/1/remove/", {}),
    ],
)
def test_a_visitor_who_is_not_signed_in_writes_nothing(
    alice: User, method: str, path: str, data: dict[str, str]
) -> None:
    client = Client()
    client.get(f"/?market=US&eid={EID}")

    with CaptureQueriesContext(connection) as queries:
        answer = getattr(client, method)(path, data)

    assert answer.status_code in {HTTPStatus.OK, HTTPStatus.SEE_OTHER}
    written = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]
    assert written == []


def test_a_visit_is_found_again_without_a_row(client: Client, alice: User) -> None:
    client.get("/?market=DE&transactionId=T1")

    assert client.get("/terms/").status_code == HTTPStatus.OK
    assert client.session["transaction_id"] == "T1"
    assert client.session["market"] == "DE"


def test_signing_in_makes_a_row_with_a_new_key_and_leaving_deletes_it(
    client: Client, alice: User
) -> None:
    client.get("/?market=US")
    sign_in(client, alice)

    assert [row.session_key for row in Session.objects.all()] == [client.cookies[COOKIE].value]
    client.post("/leave/")
    assert not Session.objects.exists()


def test_another_customers_sign_in_takes_nothing_of_the_session(
    client: Client, alice: User, bob: User
) -> None:
    sign_in(client, alice)
    client.post("/language/", {"language": "de"})
    sign_in(client, bob)

    assert "language" not in client.session
    assert Session.objects.count() == 1


@pytest.mark.parametrize("key", ["x" * 40, "a\x00b", "A" * 32, ":", "x" * (LARGEST_COOKIE + 1)])
def test_a_forged_session_is_empty(client: Client, db: None, key: str) -> None:
    client.cookies[COOKIE] = key

    assert client.get("/sign-in/").status_code == HTTPStatus.OK
    assert dict(SessionStore(key)) == {}


def test_a_session_ends_after_its_time(client: Client, db: None) -> None:
    client.get("/?market=US&transactionId=T1")
    key = client.cookies[COOKIE].value
    assert SessionStore(key)["transaction_id"] == "T1"

    with time_machine.travel(now() + timedelta(seconds=settings.SESSION_COOKIE_AGE + 1)):
        assert "transaction_id" not in SessionStore(key)


def test_messages_are_dropped_before_the_cookie_gets_too_long(db: None) -> None:
    session = SessionStore()
    session["market"] = "US"
    session["_messages"] = [str(Message(20, f"{number * 7919}")) for number in range(1000)]
    session.save()

    assert len(session.session_key or "") <= LARGEST_COOKIE
    assert dict(SessionStore(session.session_key)) == {"market": "US"}
