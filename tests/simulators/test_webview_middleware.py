"""The requests and answers that the simulated WebView changes, and those that it does not."""

from collections.abc import Callable

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from pytest_django import Settings

from simulators.mobileplans.middleware import COOKIE_NAME, WebViewMiddleware

PAGE = "<!DOCTYPE html><html><HEAD data-page><title>Plans</title></head><header></header></html>"
SCRIPT = '<script src="/static/simulators/host.js"></script>'
GERMAN = "language=de-DE%2Cde%3Bq%3D0.9&host=datamart"
ERRORS = "lpa_codes=CardBusy%2COther&lpa_times=3%2F9%2F2026%204%3A05%3A00%20PM&lpa_iccids=8944"
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
Answer = Callable[[HttpRequest], HttpResponseBase]


@pytest.fixture(autouse=True)
def simulators_allowed(settings: Settings) -> None:
    settings.SIMULATORS = True


def portal(request: HttpRequest) -> HttpResponse:
    """Answer as the portal does, with the requested language in a header."""
    return HttpResponse(
        PAGE,
        headers={
            "Content-Security-Policy": POLICY,
            "X-Frame-Options": "DENY",
            "Content-Length": str(len(PAGE)),
            "Asked": request.headers.get("Accept-Language", ""),
            "Codes": request.headers.get("X-MP-LPAError-Codes", ""),
            "Times": request.headers.get("X-MP-LPAError-TimeStamps", ""),
            "Iccids": request.headers.get("X-MP-LPAError-ICCIDs", ""),
        },
    )


def ask(
    cookie: str | None = GERMAN,
    *,
    destination: str = "iframe",
    answer: Answer = portal,
    path: str = "/plans/",
) -> HttpResponseBase:
    request = RequestFactory().get(
        path, headers={"Sec-Fetch-Dest": destination, "Accept-Language": "en"}
    )
    if cookie is not None:
        request.COOKIES[COOKIE_NAME] = cookie
    return WebViewMiddleware(answer)(request)


def text_of(response: HttpResponseBase) -> str:
    assert isinstance(response, HttpResponse)
    return response.text


def test_the_middleware_is_unused_without_simulators(settings: Settings) -> None:
    settings.SIMULATORS = False

    with pytest.raises(MiddlewareNotUsed):
        WebViewMiddleware(portal)


def test_the_frame_requests_the_chosen_language() -> None:
    assert ask()["Asked"] == "de-DE,de;q=0.9"


@pytest.mark.parametrize("language", ["", "de%0D%0AX-Other%3A%201", "%D9%85", "d" * 201])
def test_a_language_that_no_browser_could_send_is_ignored(language: str) -> None:
    assert ask(f"language={language}")["Asked"] == "en"


def test_the_app_s_script_comes_first_in_the_head() -> None:
    assert text_of(ask()) == PAGE.replace("<HEAD data-page>", "<HEAD data-page>" + SCRIPT)


def test_the_content_length_counts_the_added_script() -> None:
    response = ask()

    assert response["Content-Length"] == str(len(text_of(response)))


@pytest.mark.parametrize("host", ["datamart", "inline", "odsa"])
def test_every_app_puts_its_script_into_the_page(host: str) -> None:
    assert SCRIPT in text_of(ask(f"language=de&host={host}"))


@pytest.mark.parametrize("host", ["", "&host=none", "&host=other", "&object=1"])
def test_a_frame_of_the_open_web_has_no_objects_but_may_be_framed(host: str) -> None:
    response = ask("language=de" + host)

    assert text_of(response) == PAGE
    assert response["X-Frame-Options"] == "SAMEORIGIN"


def test_only_the_framing_rules_change() -> None:
    response = ask()

    assert response["Content-Security-Policy"] == POLICY.replace(
        "ancestors 'none'", "ancestors 'self'"
    )
    assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    ("cookie", "destination"), [(None, "iframe"), (GERMAN, "document"), (GERMAN, "empty")]
)
def test_other_requests_get_the_portal_s_unchanged_answer(
    cookie: str | None, destination: str
) -> None:
    response = ask(cookie, destination=destination)

    assert text_of(response) == PAGE
    assert response["Asked"] == "en"
    assert response["Content-Security-Policy"] == POLICY
    assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: HttpResponse(PAGE, content_type="text/plain"),
        lambda _: HttpResponse(PAGE, headers={"Content-Encoding": "gzip"}),
        lambda _: HttpResponse("<p>no head</p>"),
        lambda _: StreamingHttpResponse([PAGE]),
    ],
)
def test_an_answer_that_is_not_a_plain_page_does_not_change(answer: Answer) -> None:
    response = ask(answer=answer)

    assert isinstance(response, (HttpResponse, StreamingHttpResponse))
    assert SCRIPT.encode() not in b"".join(response)


def test_the_launch_has_the_errors_of_the_last_download() -> None:
    response = ask(f"{GERMAN}&{ERRORS}", path="/?eid=8904")

    assert response["Codes"] == "CardBusy,Other"
    assert response["Times"] == "3/9/2026 4:05:00 PM"
    assert response["Iccids"] == "8944"


def test_a_launch_without_errors_has_no_such_header() -> None:
    asked: list[HttpRequest] = []

    def remember(request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return portal(request)

    ask(f"{GERMAN}&lpa_codes=", path="/", answer=remember)

    assert not [key for key in asked[0].META if key.startswith("HTTP_X_MP_")]


@pytest.mark.parametrize(
    ("path", "destination"), [("/plans/", "iframe"), ("/", "document"), ("/", "empty")]
)
def test_other_requests_have_no_errors(path: str, destination: str) -> None:
    response = ask(f"{GERMAN}&{ERRORS}", path=path, destination=destination)

    assert [response[name] for name in ("Codes", "Times", "Iccids")] == ["", "", ""]


@pytest.mark.parametrize("codes", ["Other%0D%0AX-Other%3A%201", "%D9%85", "O" * 4001])
def test_errors_that_no_client_could_send_are_ignored(codes: str) -> None:
    assert ask(f"{GERMAN}&lpa_codes={codes}", path="/")["Codes"] == ""
