"""Security headers on every answer of every face: pages, files, redirects, errors, the API."""

from functools import cache
from typing import Any

from csp.constants import HEADER
from csp.utils import build_policy
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware

# Answers that have no content, and so no type of it (RFC 9110, 15.3.5 and 15.4.5).
NO_CONTENT = {204, 304}
FIXED = {
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeadersMiddleware(SecurityMiddleware):
    """Add the headers. It comes first, so that answers of other middleware get them too.

    Django's class adds Strict-Transport-Security (only over TLS),
    X-Content-Type-Options, Referrer-Policy and Cross-Origin-Opener-Policy. What a view
    or the CSP middleware has set stays.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Redirect nothing: Django's own SecurityMiddleware does that, for the faces with pages."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        super().process_response(request, response)
        for name, value in FIXED.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault(HEADER, _policy())
        if response.status_code in NO_CONTENT:
            response.headers.pop("Content-Type", None)
        return response


def security_headers(request: HttpRequest) -> dict[str, str]:
    """Return what the middleware adds to an answer, for code that answers without it."""
    empty = HttpResponse()
    del empty.headers["Content-Type"]
    SecurityHeadersMiddleware(lambda _request: empty).process_response(request, empty)
    return dict(empty.items())


@cache
def _policy() -> str:
    return build_policy()
