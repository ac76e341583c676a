"""`GET /healthz`: 200 if every part that this installation needs works, otherwise 503."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils.module_loading import import_string


class Unhealthy(Exception):
    """A part does not work; the message says which one and why."""


def healthz(_request: HttpRequest) -> JsonResponse:
    """Run the checks of `HEALTH_CHECKS` and report the result of each."""
    parts = {}
    for path in settings.HEALTH_CHECKS:
        try:
            import_string(path)()
            parts[path] = "ok"
        except Unhealthy as error:
            parts[path] = str(error)
    is_healthy = all(result == "ok" for result in parts.values())
    return JsonResponse({"healthy": is_healthy, "parts": parts}, status=200 if is_healthy else 503)
