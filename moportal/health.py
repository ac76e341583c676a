"""`GET /healthz`: 200 once every part that this installation needs can serve, else 503."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils.module_loading import import_string


class Unhealthy(Exception):
    """A part cannot serve; the message says which and why."""


def healthz(_request: HttpRequest) -> JsonResponse:
    """Run the checks of `HEALTH_CHECKS` and name every part with what it said."""
    parts = {}
    for path in settings.HEALTH_CHECKS:
        try:
            import_string(path)()
            parts[path] = "ok"
        except Unhealthy as error:
            parts[path] = str(error)
    healthy = all(said == "ok" for said in parts.values())
    return JsonResponse({"healthy": healthy, "parts": parts}, status=200 if healthy else 503)
