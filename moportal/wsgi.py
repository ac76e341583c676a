"""What granian serves."""

import os
import re
from typing import Any

import django
from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")


class QuickHandler(WSGIHandler):
    """Django's own, with a short way for Get Balance: to its view, without what lies on the way.

    Left out are the resolver, and the signals of a request's start and end. What listens to these
    looks after connections and caches: `balance_api.statement` looks after its connection by itself
    and uses no cache. Together they cost a quarter of a request (docs/benchmarks.md).
    """

    def __init__(self) -> None:
        super().__init__()
        from balance_api.views import BalancesView  # noqa: PLC0415 -- after django.setup

        view = BalancesView.as_view()

        def balances(request: HttpRequest) -> HttpResponseBase:
            answer: HttpResponseBase = view(request, sim=_sim_in(request.path_info))
            # What went wrong is DRF's to render.
            return answer.render() if isinstance(answer, SimpleTemplateResponse) else answer

        self._balances = convert_exception_to_response(balances)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer with an iterable of bytes, which is all that WSGI asks for."""
        request = WSGIRequest(environ)
        if _sim_in(request.path_info) is None:
            return super().__call__(environ, start_response)
        response: HttpResponseBase = self._balances(request)  # type: ignore[assignment]  # no coroutine
        body = b"".join(response)
        status = f"{response.status_code} {response.reason_phrase}"
        # Without its length the server would send it in chunks.
        start_response(status, [*response.items(), ("Content-Length", str(len(body)))])
        return [body]


_BALANCES = re.compile("/v1/sims/([^/]+)/balances")


def _sim_in(path: str) -> str | None:
    found = _BALANCES.fullmatch(path)
    return found[1] if found else None


django.setup(set_prefix=False)
application = QuickHandler() if settings.FACE == "api" else WSGIHandler()
