"""What granian serves."""

import os
import re
from typing import Any

import django
from django.conf import settings
from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import resolve, reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")


class QuickHandler(WSGIHandler):
    """Django's own, with a short way for Get Balance: to its view, without what lies on the way.

    Left out are the resolver, and the signals of a request's start and end. What listens to these
    looks after connections and caches: `balance_api.statement` looks after its connection by itself
    and uses no cache. Together they cost a quarter of a request (docs/benchmarks.md).
    """

    def __init__(self) -> None:
        super().__init__()
        # Its route and view stand in `balance_api.urls` alone.
        example = reverse("balances", args=["SIM"])
        self._path = re.compile("([^/]+)".join(map(re.escape, example.split("SIM"))))
        self._balances = resolve(example).func

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer with an iterable of bytes, which is all that WSGI asks for."""
        found = self._path.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return super().__call__(environ, start_response)
        response = self._answer(WSGIRequest(environ), found[1])
        body = response.content
        status = f"{response.status_code} {response.reason_phrase}"
        # Without its length the server would send it in chunks.
        start_response(status, [*response.items(), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, request: HttpRequest, sim: str) -> HttpResponse:
        try:
            answer: HttpResponse = self._balances(request, sim=sim)
            # What went wrong is DRF's to render.
            return answer.render() if isinstance(answer, SimpleTemplateResponse) else answer
        except Exception as error:  # noqa: BLE001 -- the last to know, as Django's own handler is
            return response_for_exception(request, error)


django.setup(set_prefix=False)
application = QuickHandler() if settings.FACE == "api" else WSGIHandler()
