"""`moportal.web.errors`: the page or problem document that answers each error."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as of_django
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404
from django.test import Client, RequestFactory, override_settings
from pytest_django.fixtures import Settings

from accounts.models import User
from brand import queries
from brand.queries import last_read, remember_contact
from demo.parts import ROOT
from moportal.web.errors import server_error
from tests.builders import make_operator
from tests.settings_for import production_environment


def test_a_missing_page_has_the_portals_frame(client: Client, db: None) -> None:
    make_operator()

    page = client.get("/nothing/")

    assert page.status_code == 404
    assert "Kestrel Mobile" in page.text
    assert 'action="/leave/"' in page.text


def test_an_api_caller_gets_a_problem_document(client: Client, db: None) -> None:
    answer = client.get("/v1/nothing")

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at this address.",
    }


@pytest.mark.parametrize(
    ("face", "kind"), [("api", "application/problem+json"), ("desk", "text/plain; charset=utf-8")]
)
def test_a_face_without_the_portals_pages_does_not_use_its_frame(
    face: str, kind: str, client: Client, db: None
) -> None:
    with override_settings(FACE=face):
        answer = client.get("/nothing/")

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, kind)


def test_the_page_for_error_500_needs_no_database() -> None:
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
def test_every_error_page_has_the_same_frame(
    error: type[Exception], status: int, title: str, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    def fail(*_args: object) -> None:
        raise error

    monkeypatch.setattr("mobileplans.middleware.VisitMiddleware.__call__", fail)

    page = Client(raise_request_exception=False).get("/options/")

    assert page.status_code == status
    assert title in page.text
    assert "/leave/" in page.text
    assert "/support/" in page.text


@pytest.mark.parametrize("middleware", ["VisitMiddleware", "SessionMiddleware", "CSPMiddleware"])
@pytest.mark.parametrize("path", ["/options/", "/v1/sims/1/balances"])
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_an_unavailable_database_answers_503_with_retry_after(
    path: str, middleware: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise error("the database is unavailable")

    browser = Client(raise_request_exception=False)
    (module,) = (name for name in of_django.MIDDLEWARE if name.endswith(middleware))
    monkeypatch.setattr(f"{module}.__call__", fail)

    answer = browser.get(path)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_any_other_error_answers_500(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mobileplans.middleware.VisitMiddleware.__call__", fail)

    assert Client(raise_request_exception=False).get("/options/").status_code == 500


@pytest.mark.parametrize(("error", "status"), [(ZeroDivisionError, 500), (OperationalError, 503)])
def test_an_error_whose_page_fails_is_still_answered_and_logged(
    error: type[Exception],
    status: int,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without the collected static files no page can be shown."""

    def fail(*_args: object) -> None:
        raise error

    manifest = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": manifest}}
    monkeypatch.setattr("mobileplans.middleware.VisitMiddleware.__call__", fail)

    answer = Client(raise_request_exception=False).get("/options/")

    assert (answer.status_code, answer.headers["Content-Type"]) == (
        status,
        "text/plain; charset=utf-8",
    )
    assert answer.content
    logged = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert error in logged


@pytest.mark.parametrize(
    ("error", "status"),
    [(ZeroDivisionError, 500), (OperationalError, 503), (BadRequest, 400), (PermissionDenied, 403)],
)
def test_an_api_caller_gets_its_transaction_id_back_with_every_error(
    error: type[Exception], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise error

    monkeypatch.setattr("mobileplans.middleware.VisitMiddleware.__call__", fail)
    browser = Client(raise_request_exception=False)

    answer = browser.get("/v1/sims/1/balances", headers={"X-MS-DM-TransactionId": "T"})

    assert (answer.status_code, answer.headers["X-MS-DM-TransactionId"]) == (status, "T")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_only_a_browser_without_our_cookies_is_told_that_it_blocks_them(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    form = {"username": "a@b.example", "password": "b"}

    blocked = browser.post("/sign-in/", form)
    browser.cookies[of_django.HANDOFF_COOKIE_NAME] = "from an earlier visit"
    old = browser.post("/sign-in/", form)

    assert blocked.status_code == 403
    assert "Your browser blocks our cookies" in blocked.text
    assert "too long" not in blocked.text
    assert (old.status_code, old.headers["Location"]) == (303, "/sign-in/")
    assert "open too long" in browser.get("/sign-in/").text


def test_without_the_database_the_page_still_says_how_to_reach_support(
    alice: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OperationalError

    assert "+1 555 0142" in client.get("/support/").text
    monkeypatch.setattr("mobileplans.middleware.VisitMiddleware.__call__", fail)

    page = Client(raise_request_exception=False).get("/options/")

    assert page.status_code == 503
    assert "+1 555 0142" in page.text
    assert "Kestrel Mobile" in page.text


PRINT_CONTACT = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "moportal.settings"
import threading
import moportal.wsgi
for thread in threading.enumerate():
    if thread.name == "support contact":
        thread.join()
from brand.queries import last_read
print(last_read().support_phone)
"""


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_process_knows_the_support_contact_before_its_first_request(alice: User) -> None:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = {
        **os.environ,
        **production_environment(),
        "DEMO": "0",
        "SIMULATORS": "0",
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
    }

    printed = subprocess.run(
        [sys.executable, "-c", PRINT_CONTACT],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert printed == "+1 555 0142\n"


def test_a_process_starts_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError

    monkeypatch.setattr(queries, "operator", fail)
    monkeypatch.setattr(queries, "_last_read", {})

    remember_contact()

    assert last_read() is None
