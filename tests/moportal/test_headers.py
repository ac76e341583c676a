"""`moportal.web.headers`: every answer of every face has the same security headers."""

import gzip
import json
import os
import subprocess
import sys

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django.fixtures import Settings

from accounts.models import User
from demo.parts import ROOT
from moportal.web.methods import allowed_methods
from tests.builders import make_operator
from tests.settings_for import production_environment

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
POLICY = ("default-src 'none'", "frame-ancestors 'none'", "object-src 'none'")
HSTS = "max-age=31536000; includeSubDomains; preload"
STATIC = "/static/css/account.css"
# Method, path, and the status of the answer.
ANSWERS = [
    ("GET", "/sign-in/", 200),
    ("GET", "/", 303),
    ("GET", "/account/", 303),
    ("GET", "/account", 301),
    ("GET", "/nothing/", 404),
    ("POST", "/support/", 405),
    ("POST", "/sign-in/", 403),
    ("GET", STATIC, 200),
    ("GET", "/livez", 200),
    ("POST", "/livez", 405),
    ("GET", "/payments/webhook", 405),
    ("POST", "/payments/webhook", 400),
    ("GET", "/v1/nothing", 404),
    ("GET", "/v1/usage", 405),
    ("POST", "/v1/usage", 401),
    ("GET", "/v1/sims/1/balances", 404),
    ("GET", "/gsma/rsp2/es2plus/handleDownloadProgressInfo", 405),
    ("POST", "/gsma/rsp2/es2plus/handleDownloadProgressInfo", 400),
    ("GET", "/admin/", 302),
    ("GET", "/admin/login/", 200),
    ("GET", "/admin/nothing/", 302),
]

ERRORS: dict[int, type[Exception]] = {
    400: BadRequest,
    403: PermissionDenied,
    404: Http404,
    500: ZeroDivisionError,
    503: OperationalError,
}


@pytest.fixture
def browser(db: None) -> Client:
    make_operator()
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_has_the_headers(method: str, path: str, status: int, browser: Client) -> None:
    answer = browser.generic(method, path, headers={"Accept": "*/*"})

    # A static file is open until its answer is closed.
    answer.close()
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert all(part in answer.headers["Content-Security-Policy"] for part in POLICY)
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
@pytest.mark.parametrize("middleware", ["CSPMiddleware", "SessionMiddleware", "CommonMiddleware"])
def test_an_error_before_the_view_has_the_headers(
    middleware: str,
    status: int,
    browser: Client,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_args: object) -> None:
        raise ERRORS[status]

    (module,) = (name for name in settings.MIDDLEWARE if name.endswith(middleware))
    monkeypatch.setattr(f"{module}.__call__", fail)

    answer = browser.get("/options/")

    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_an_answer_without_content_names_no_type(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.domain.webhooks.receive", lambda *_args: None)

    answer = browser.post("/payments/webhook", b"{}", content_type="application/json")

    assert answer.status_code == 204
    assert "Content-Type" not in answer.headers


def routes(patterns: list[URLPattern | URLResolver]) -> list[URLPattern]:
    found = []
    for pattern in patterns:
        inner = routes(pattern.url_patterns) if isinstance(pattern, URLResolver) else [pattern]
        found += inner
    return found


def test_every_view_of_the_portal_says_which_methods_it_allows() -> None:
    """Otherwise a wrong method without a token would be answered 403."""
    own = (
        *("accounts", "brand", "esim", "mobileplans", "orders", "payments", "plans"),
        *("selfcare", "support"),
    )
    views = [
        route.callback
        for route in routes(get_resolver().url_patterns)
        if route.callback.__module__.startswith(own) and ".admin" not in route.callback.__module__
    ]

    assert len(views) > 30
    assert [view for view in views if not allowed_methods(view)] == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/sign-in/", "/support/", "/account/", "/leave/"])
def test_a_wrong_method_is_405_without_a_token_too(
    method: str, path: str, browser: Client, alice: User
) -> None:
    for _ in range(2):
        answer = browser.generic(method, path)
        assert (answer.status_code, bool(answer.headers["Allow"])) == (405, True)
        browser.force_login(alice)


PRINT_HEADERS = """
import io, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "moportal.settings"
from django.test import RequestFactory
from django.conf import settings
# Pages do not need collected files then.
settings.STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
from moportal.wsgi import application
found = {}
for scheme in ("https", "http"):
    for path in json.loads(sys.argv[1]):
        environ = RequestFactory().get(path, HTTP_HOST="portal.kestrel.example",
            HTTP_X_FORWARDED_PROTO=scheme).environ
        def start(status, headers, exc_info=None):
            found[f"{scheme} {path}"] = [status, dict(headers)]
        list(application(environ, start))
print(json.dumps(found))
"""
PATHS = ["/livez", "/readyz", "/nothing/", "/sign-in/", "/v1/sims/1/balances", "/v1/nothing"]


@pytest.mark.processes
@pytest.mark.parametrize("face", ["all", "portal", "desk", "api"])
def test_every_face_sends_the_headers_in_production(face: str) -> None:
    """Its database is not there, so most of the answers are errors."""
    environment = {
        **os.environ,
        **production_environment(),
        "DEMO": "0",
        "SIMULATORS": "0",
        "MOPORTAL_FACE": face,
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
    }
    command = [sys.executable, "-W", "ignore", "-c", PRINT_HEADERS, json.dumps(PATHS)]
    output = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout

    for request, (_status, headers) in json.loads(output).items():
        assert {name: headers.get(name) for name in HEADERS} == HEADERS, request
        assert all(part in headers["Content-Security-Policy"] for part in POLICY), request
        # Over plain HTTP browsers ignore it (RFC 6797, 7.2).
        expected = HSTS if request.startswith("https ") else None
        assert headers.get("Strict-Transport-Security") == expected, request


def test_a_page_is_compressed_and_its_length_tells_nothing(browser: Client) -> None:
    # Random bytes in each answer: the length must not give a secret in the page away (BREACH).
    answers = [browser.get("/support/", headers={"Accept-Encoding": "gzip"}) for _ in range(8)]

    assert {answer.headers["Content-Encoding"] for answer in answers} == {"gzip"}
    assert len({len(answer.content) for answer in answers}) > 1
    assert "+1 555 0142" in gzip.decompress(answers[0].content).decode()
