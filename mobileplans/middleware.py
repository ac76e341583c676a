"""Middleware that adds the visit's transactionId to every log line."""

from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

from mobileplans.domain import launch_copy
from mobileplans.domain.session import REQUEST_KEY, SESSION_KEY, TRANSACTION_KEY

FORMS_WITH_LAUNCH = {"sign-in", "sign-up"}


class VisitMiddleware:
    """Add the visit's transactionId to the log context, and its primary key if it is a row.

    Both come from the session, so this costs no query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if pk := request.session.get(SESSION_KEY):
            request.META[REQUEST_KEY] = pk
            structlog.contextvars.bind_contextvars(visit=pk)
        if transaction_id := request.session.get(TRANSACTION_KEY):
            structlog.contextvars.bind_contextvars(transaction_id=transaction_id)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Bring back the launch of a form whose session is lost, once its CSRF token is checked."""
        match = request.resolver_match
        if request.method == "POST" and match and match.url_name in FORMS_WITH_LAUNCH:
            launch_copy.restore(request)
