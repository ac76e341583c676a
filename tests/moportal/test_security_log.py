"""`moportal.logs.security_log` and the log context: who signed in, who was refused, and no more."""

import logging

import pytest
import structlog
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import User
from tests.builders import make_operator
from tests.conftest import PASSWORD


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    found = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [line for line in found if line["event"] == event]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_sign_in_and_a_refused_one_are_logged_without_what_was_typed(
    alice: User, client: Client, log: pytest.LogCaptureFixture
) -> None:
    for password in ("wrong", PASSWORD):
        client.post("/sign-in/", {"username": "alice@example.com", "password": password})

    (refused,), (signed_in,) = lines(log, "sign-in refused"), lines(log, "signed in")
    assert signed_in["account"] == alice.pk
    assert len(str(refused["typed"])) == 12
    assert "alice@example.com" not in log.text
    assert "wrong" not in log.text


def test_staff_who_sign_in_at_the_portal_are_logged_as_refused(
    clara: User, client: Client, log: pytest.LogCaptureFixture
) -> None:
    make_operator()
    client.post("/sign-in/", {"username": "clara@example.com", "password": PASSWORD})

    assert [line["account"] for line in lines(log, "sign-in refused")] == [clara.pk]


def test_a_customer_who_signs_in_at_the_desk_is_logged_as_refused(
    alice: User, client: Client, log: pytest.LogCaptureFixture
) -> None:
    client.post("/admin/login/", {"username": "alice@example.com", "password": PASSWORD})

    assert [line["account"] for line in lines(log, "sign-in refused")] == [alice.pk]
    assert not lines(log, "signed in")


def test_staff_who_lack_a_permission_are_logged_with_the_page(
    client: Client, db: None, log: pytest.LogCaptureFixture
) -> None:
    viewer = User.objects.create_user("v@example.com", PASSWORD, name="V", is_staff=True)
    client.force_login(viewer)

    for method in (client.get, client.post):
        method("/admin/accounts/user/add/")

    refused = [(line["path"], line["account"]) for line in lines(log, "permission refused")]
    assert refused == [("/admin/accounts/user/add/", viewer.pk)] * 2


def test_a_refused_permission_is_logged_with_the_account(
    as_alice: Client, alice: User, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionDenied

    monkeypatch.setattr("moportal.web.middleware.RequestLogMiddleware.__call__", refuse)
    as_alice.get("/account/")

    (line,) = lines(log, "permission refused")
    assert (line["path"], line["account"]) == ("/account/", alice.pk)


@pytest.mark.parametrize("path", ["/v1/usage", "/gsma/rsp2/es2plus/handleDownloadProgressInfo"])
def test_a_refused_caller_of_the_api_is_logged(
    path: str, client: Client, log: pytest.LogCaptureFixture, settings: pytest.FixtureRequest
) -> None:
    settings.API_WITHOUT_CERTIFICATE = False  # type: ignore[attr-defined]  # pytest-django's own object

    client.post(path, {}, content_type="application/json")

    assert len(lines(log, "caller refused")) == 1


@pytest.mark.parametrize(
    ("path", "host"), [("/payments/webhook", ""), ("/options/", "other.example")]
)
def test_a_refused_request_is_not_logged_with_the_visit_of_the_request_before_it(
    path: str, host: str, client: Client, db: None
) -> None:
    structlog.contextvars.bind_contextvars(visit=7, transaction_id="another customer's")

    client.post(path, headers={"host": host} if host else {})

    assert "visit" not in structlog.contextvars.get_contextvars()
    assert "transaction_id" not in structlog.contextvars.get_contextvars()


def test_the_line_of_a_refused_webhook_names_no_visit(
    client: Client, db: None, log: pytest.LogCaptureFixture
) -> None:
    structlog.contextvars.bind_contextvars(visit=7, transaction_id="another customer's")

    client.post("/payments/webhook", "{}", content_type="application/json")

    (line,) = lines(log, "webhook refused")
    assert not {"visit", "transaction_id"} & line.keys()
