"""What everybody meets when something is wrong, and what the log says of it."""

import json
import logging

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.test import Client, RequestFactory, override_settings

from moportal import health, sealed
from moportal.errors import server_error
from moportal.logging import mask_event, masked
from tests.builders import EID, make_operator


def test_an_unknown_page_stands_in_the_frame(client: Client, db: None) -> None:
    make_operator()

    page = client.get("/nothing/")

    assert page.status_code == 404
    assert "Kestrel Mobile" in page.text
    assert 'action="/leave/"' in page.text


def test_a_machine_gets_a_problem_document(client: Client, db: None) -> None:
    answer = client.get("/v1/nothing")

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at this address.",
    }


@pytest.mark.parametrize(
    ("face", "kind"), [("api", "application/problem+json"), ("desk", "text/plain")]
)
def test_a_face_without_the_portals_pages_answers_without_its_frame(
    face: str, kind: str, client: Client, db: None
) -> None:
    with override_settings(FACE=face):
        answer = client.get("/nothing/")

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, kind)


def test_the_last_page_needs_no_database() -> None:
    answer = server_error(RequestFactory().get("/options/"))

    assert answer.status_code == 500
    assert b"Something went wrong on our side" in answer.content
    assert b"/leave/" in answer.content


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (BadRequest, 400, "Invalid request"),
        (PermissionDenied, 403, "You don&#x27;t have access to this page"),
        (Http404, 404, "We can&#x27;t find that page"),
        (ZeroDivisionError, 500, "Something went wrong on our side"),
        (OperationalError, 503, "We&#x27;ll be back in a moment"),
    ],
)
def test_every_error_has_a_page_in_the_same_frame(
    error: type[Exception], status: int, title: str, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    def broken(*_args: object) -> None:
        raise error

    monkeypatch.setattr("mobileplans.middleware.VisitMiddleware.__call__", broken)

    page = Client(raise_request_exception=False).get("/options/")

    assert page.status_code == status
    assert title in page.text
    assert "/leave/" in page.text
    assert "/support/" in page.text


@pytest.mark.parametrize("middleware", ["VisitMiddleware", "SessionMiddleware", "CSPMiddleware"])
@pytest.mark.parametrize("path", ["/options/", "/v1/sims/1/balances"])
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_503_with_a_time_to_come_back(
    path: str, middleware: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object) -> None:
        raise error("the database is away")

    browser = Client(raise_request_exception=False)
    (module,) = (name for name in settings.MIDDLEWARE if name.endswith(middleware))
    monkeypatch.setattr(f"{module}.__call__", away)

    answer = browser.get(path)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_any_other_error_is_500(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mobileplans.middleware.VisitMiddleware.__call__", broken)

    assert Client(raise_request_exception=False).get("/options/").status_code == 500


@pytest.mark.parametrize(
    ("error", "status"),
    [(ZeroDivisionError, 500), (OperationalError, 503), (BadRequest, 400), (PermissionDenied, 403)],
)
def test_a_machine_gets_its_transaction_id_back_whatever_fails(
    error: type[Exception], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise error

    monkeypatch.setattr("mobileplans.middleware.VisitMiddleware.__call__", broken)
    browser = Client(raise_request_exception=False)

    answer = browser.get("/v1/sims/1/balances", headers={"X-MS-DM-TransactionId": "T"})

    assert (answer.status_code, answer.headers["X-MS-DM-TransactionId"]) == (status, "T")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_healthz_names_the_part_that_cannot_serve(client: Client, db: None) -> None:
    answer = client.get("/healthz")

    parts = json.loads(answer.content)["parts"]
    assert answer.status_code == 503
    assert parts["outbox.health.database"] == "ok"
    assert "no worker" in parts["outbox.health.worker"]
    assert issubclass(health.Unhealthy, Exception)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"eid {EID} launched", "eid …1235 launched"),
        ("iccid 8949449999999990023F.", "iccid …0023."),
        ("imei 490154203237518", "imei …7518"),
        ("1$smdp.example$ABCDE-FGHIJ-12345", "1$…$…2345"),
        ("took 0.0012345678901234 s", "took 0.0012345678901234 s"),
        ("order 7K3Q9XM2RA, $19.00", "order 7K3Q9XM2RA, $19.00"),
    ],
)
def test_an_identifier_keeps_its_last_four_in_the_log(said: str, kept: str) -> None:
    assert masked(said) == kept


def test_whatever_is_logged_is_masked_and_the_transaction_id_is_not() -> None:
    event = {"event": "x", "eid": EID, "list": [EID], "transaction_id": EID, "count": 3}

    assert mask_event(logging.getLogger(), "info", event) == {
        "event": "x",
        "eid": "…1235",
        "list": "['…1235']",
        "transaction_id": EID,
        "count": 3,
    }


def test_what_is_sealed_is_opened_by_an_older_key_too(settings: object) -> None:
    before = sealed.seal("secret")
    settings.SEAL_KEYS = [Fernet.generate_key().decode(), *settings.SEAL_KEYS]  # type: ignore[attr-defined]  # pytest-django's own

    after = sealed.seal("secret")

    assert before != after
    assert sealed.unseal(before) == sealed.unseal(after) == "secret"
    assert sealed.digest("secret") == sealed.digest("secret") != sealed.digest("Secret")
