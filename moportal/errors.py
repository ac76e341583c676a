"""The pages of last resort, all in the portal's frame and all with a way out."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Explain a form that was not executed: its token is stale or was never ours."""
    return render(request, "403_csrf.html", status=403)
