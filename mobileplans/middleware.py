"""Middleware that adds the visit's transactionId to every log line."""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from mobileplans.domain.session import REQUEST_KEY, SESSION_KEY, TRANSACTION_KEY


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
