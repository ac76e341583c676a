"""The desk's search: it leads to what was found, or lists it."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.admin.views.decorators import staff_member_required
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

import accounts.finding
import esim.finding
import mobileplans.finding
import orders.finding
import payments.finding
import subscriptions.finding
from accounts.admin.staff import staff_of
from accounts.models import User
from brand.queries import operator
from moportal.finding import Kind, Typed
from moportal.logs.configuration import mask_identifiers
from support.queries.finding import Group
from support.queries.finding import find as find_rows

# Characters. Everything that can be found is shorter.
LONGEST = 200
# In the order of the page.
KINDS = (
    *accounts.finding.KINDS,
    *orders.finding.KINDS,
    *subscriptions.finding.KINDS,
    *payments.finding.KINDS,
    *esim.finding.KINDS,
    *mobileplans.finding.KINDS,
)


@require_safe
@staff_member_required
def find(request: HttpRequest) -> HttpResponse:
    """Lead to the row that was found, or list several. Each is of a kind that one may view."""
    # No column holds a NUL, and PostgreSQL refuses one.
    text = request.GET.get("q", "").replace("\0", "").strip()
    is_too_long = len(text) > LONGEST
    groups: list[Group] = []
    if text and not is_too_long:
        groups = find_rows(Typed(text, operator().market), _kinds_to_view(request))
    if len(groups) == 1 and len(groups[0].rows) == 1:
        return HttpResponseRedirect(_address(request, groups[0].rows[0]), status=303)
    context = {
        **admin.site.each_context(request),
        "title": "Find",
        "typed": text[:LONGEST],
        "is_too_long": is_too_long,
        "longest": LONGEST,
        "groups": [_shown(request, group) for group in groups],
    }
    return render(request, "admin/support/find.html", context)


def _kinds_to_view(request: HttpRequest) -> Iterator[Kind]:
    for kind in KINDS:
        if admin.site.get_model_admin(kind.model).has_view_permission(request):
            yield kind


def _address(request: HttpRequest, row: Model) -> str:
    """Return the row's page. A customer has one over all rooms."""
    is_customer = isinstance(row, User) and not row.is_staff
    if is_customer and staff_of(request).has_perm("support.open_customer"):
        return reverse("customer", args=[row.pk])
    return reverse(admin_urlname(row._meta, "change"), args=[row.pk])  # type: ignore[arg-type]  # django-stubs wants SafeString


def _shown(request: HttpRequest, group: Group) -> dict[str, Any]:
    """Return the rows of a group as the page shows them, without whole device identifiers."""
    rows = [
        {
            "address": _address(request, row),
            "name": mask_identifiers(str(row)),
            "facts": [mask_identifiers(fact) for fact in group.kind.facts(row) if fact],
        }
        for row in group.rows
    ]
    return {"name": group.kind.name, "rows": rows, "has_more": group.has_more}
