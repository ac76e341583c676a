"""The figures of the portal, for everybody at the desk."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from support.queries import dashboard as figures
from support.queries.dashboard import Errors
from support.views.cases import visible_kinds

# In units of the drawing.
HEIGHT, STEP, BAR = 80, 20, 14


@require_http_methods(["GET", "HEAD"])
@staff_member_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show how sales, renewals, workers and stocks are doing. Only cases depend on the reader."""
    found = figures.dashboard(visible_kinds(request))
    context = {
        **admin.site.each_context(request),
        "title": "Figures",
        **found,
        "error_bars": _bars(found["errors"]),
    }
    return render(request, "admin/support/dashboard.html", context)


def _bars(errors: Errors) -> list[dict[str, Any]]:
    """Return a bar for each day with errors. Its height is its share of the worst day."""
    heights = [HEIGHT * number // errors.most for _day, number in errors.by_day]
    return [
        {"x": index * STEP + (STEP - BAR) // 2, "y": HEIGHT - height, "height": height}
        for index, height in enumerate(heights)
        if height
    ]
