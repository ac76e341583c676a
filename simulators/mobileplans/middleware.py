"""Makes a browser's frame behave like the app's WebView.

A frame sends the browser's language, none of the app's headers, and has none of the app's
JavaScript objects. And the portal forbids framing. This middleware changes only the
requests of the simulator's frame, and the portal does not know about it.
"""

import re
from collections.abc import Callable
from urllib.parse import parse_qs

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.templatetags.static import static

COOKIE_NAME = "mobile_plans_simulator"
HEAD_TAG = re.compile(rb"<head(?:\s[^>]*)?>", re.IGNORECASE)
# No browser sends a longer header, or one with other characters than printable ASCII.
LONGEST_ACCEPT_LANGUAGE = 200
LONGEST_LPA_HEADER = 4000
# In these hosts the pages have the app's objects. In the open web they have none.
HOSTS_WITH_OBJECTS = frozenset({"datamart", "inline", "odsa"})
LPA_HEADERS = {
    "lpa_codes": "HTTP_X_MP_LPAERROR_CODES",
    "lpa_times": "HTTP_X_MP_LPAERROR_TIMESTAMPS",
    "lpa_iccids": "HTTP_X_MP_LPAERROR_ICCIDS",
}
Options = dict[str, list[str]]


class WebViewMiddleware:
    """Must be first in `MIDDLEWARE`: before the language is chosen and the CSP header is set."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.SIMULATORS:
            raise MiddlewareNotUsed("The Mobile Plans simulator is never part of production.")
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Change the request and the answer if the simulator's frame asks for a page."""
        cookie = request.COOKIES.get(COOKIE_NAME)
        # `request.headers` is cached when it is read and would keep
        # the language replaced below.
        if cookie is None or request.META.get("HTTP_SEC_FETCH_DEST") != "iframe":
            return self.get_response(request)
        options = parse_qs(cookie)
        put_header(
            request,
            "HTTP_ACCEPT_LANGUAGE",
            get_option(options, "language"),
            LONGEST_ACCEPT_LANGUAGE,
        )
        # The app's script is added to the page, so the page must not be compressed.
        request.META.pop("HTTP_ACCEPT_ENCODING", None)
        if request.path_info == "/":
            report_errors(request, options)
        response = self.get_response(request)
        allow_framing(response)
        if get_option(options, "host") in HOSTS_WITH_OBJECTS:
            add_object(response)
        return response


def get_option(options: Options, name: str) -> str:
    """Return the launch form's value of this name, or an empty string."""
    return options.get(name, [""])[0]


def put_header(request: HttpRequest, key: str, value: str, longest: int) -> None:
    """Set a header that a browser does not send for a frame, if any client could send it."""
    if value.isascii() and value.isprintable() and 0 < len(value) <= longest:
        request.META[key] = value


def report_errors(request: HttpRequest, options: Options) -> None:
    """Add the errors of the last download, as the app does when it launches the portal again."""
    for name, key in LPA_HEADERS.items():
        put_header(request, key, get_option(options, name), LONGEST_LPA_HEADER)


def allow_framing(response: HttpResponseBase) -> None:
    """Allow pages of the same origin to frame this answer. All other rules stay."""
    policy = response.headers.get("Content-Security-Policy")
    if policy is not None:
        response.headers["Content-Security-Policy"] = policy.replace(
            "frame-ancestors 'none'", "frame-ancestors 'self'"
        )
    if "X-Frame-Options" in response.headers:
        response.headers["X-Frame-Options"] = "SAMEORIGIN"


def add_object(response: HttpResponseBase) -> None:
    """Put the app's script first in the head, so that it runs before the page's scripts."""
    is_html = response.headers.get("Content-Type", "").startswith("text/html")
    if not is_html or not isinstance(response, HttpResponse):
        return
    if response.headers.get("Content-Encoding"):
        return
    script = f'<script src="{static("simulators/host.js")}"></script>'.encode()
    response.content = HEAD_TAG.sub(lambda tag: tag[0] + script, response.content, count=1)
    if "Content-Length" in response.headers:
        response.headers["Content-Length"] = str(len(response.content))
