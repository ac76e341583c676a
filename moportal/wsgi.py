"""What granian serves."""

import os
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")
QUICK = "/v1/sims/"


class QuickHandler(WSGIHandler):
    """Django's own, but for Get Balance without the signals of a request's start and end.

    What listens to them looks after connections and caches: `balance_api.statement` looks after its
    connection by itself and uses no cache, and they cost a tenth of a request (docs/benchmarks.md).
    """

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer with an iterable of bytes, which is all that WSGI asks for."""
        if not environ["PATH_INFO"].startswith(QUICK):
            return super().__call__(environ, start_response)
        response = self.get_response(WSGIRequest(environ))
        status = f"{response.status_code} {response.reason_phrase}"
        start_response(status, list(response.items()))
        return list(response)


django.setup(set_prefix=False)
application = QuickHandler() if settings.FACE == "api" else WSGIHandler()
