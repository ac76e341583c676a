"""A customer on one page: covered until it is opened, then with one timeline over all rooms."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import caller_facts
from accounts.access.limiter import Locked
from accounts.admin.staff import staff_of
from accounts.forms import CallerForm
from accounts.models import User
from accounts.texts import too_many_text
from moportal.logs.configuration import mask_identifiers
from moportal.timeline import Entry
from support.domain import openings
from support.forms import OpeningForm, TimelineForm
from support.models import Opening
from support.queries.actions import possible_actions
from support.queries.overview import overview_of
from support.queries.queue import BY_NAME, cases_of
from support.queries.timeline import subject_of, timeline


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
@permission_required("support.open_customer", raise_exception=True)
def customer(request: HttpRequest, account: int) -> HttpResponse:
    """Show the customer, or how the page is opened; open it."""
    customers = User.objects.filter(is_staff=False, is_superuser=False)
    user = get_object_or_404(customers.prefetch_related("addresses"), pk=account)
    if request.method == "POST":
        return _open(request, user)
    if opening := openings.open_now(user, actor=staff_of(request)):
        return _page(request, user, opening)
    return _cover(request, user)


def _open(request: HttpRequest, account: User) -> HttpResponse:
    """Open the page for a caller or for a reason. Each form that is not right comes back."""
    is_call = request.POST.get("step") == "check"
    return _check(request, account) if is_call else _open_for_reason(request, account)


def _open_for_reason(request: HttpRequest, account: User) -> HttpResponse:
    form = OpeningForm(request.POST)
    if not form.is_valid():
        return _cover(request, account, reason_form=form)
    openings.open_for_reason(account, actor=staff_of(request), reason=form.cleaned_data["reason"])
    return redirect("customer", account=account.pk)


def _check(request: HttpRequest, account: User) -> HttpResponse:
    form = CallerForm(caller_facts.facts_of(account), request.POST)
    if not form.is_valid():
        return _cover(request, account, caller_form=form)
    try:
        opening, found = openings.check_caller(
            account, actor=staff_of(request), answers=form.cleaned_data
        )
    except Locked as locked:
        form.add_error(None, too_many_text(locked))
        return _cover(request, account, caller_form=form)
    if opening:
        messages.success(request, "The caller passed the check.")
        return redirect("customer", account=account.pk)
    for name, is_right in found.items():
        if not is_right:
            form.add_error(name, "This is wrong.")
    form.add_error(None, "Not enough right answers. Tell the caller nothing about the account.")
    return _cover(request, account, caller_form=form)


def _cover(
    request: HttpRequest,
    account: User,
    *,
    caller_form: CallerForm | None = None,
    reason_form: OpeningForm | None = None,
) -> HttpResponse:
    can_check = openings.can_check_caller(account)
    context = {
        "account": account,
        "caller_form": (caller_form or CallerForm(caller_facts.facts_of(account)))
        if can_check
        else None,
        "reason_form": reason_form or OpeningForm(),
        "minutes": openings.LIFETIME.seconds // 60,
    }
    return _render(request, "covered.html", context)


def _page(request: HttpRequest, account: User, opening: Opening) -> HttpResponse:
    form = TimelineForm(request.GET)
    # An address that somebody has changed shows the whole timeline.
    chosen = form.cleaned_data if form.is_valid() else {"kind": [], "until": None}
    subject = subject_of(account)
    entries, next_until = timeline(subject, kinds=chosen["kind"], until=chosen["until"])
    overview = overview_of(account)
    context = {
        "account": account,
        "opening": opening,
        "overview": overview,
        "actions": possible_actions(account, overview, actor=staff_of(request)),
        "cases": _shown(request, cases_of(subject)),
        "entries": _shown(request, entries),
        "form": form,
        "is_later_page": chosen["until"] is not None,
        "next": _address(chosen["kind"], next_until) if next_until else "",
        "zone": _zone_of(staff_of(request)),
    }
    return _render(request, "customer.html", context)


def _zone_of(reader: User) -> ZoneInfo | None:
    """Return the reader's time zone, or the operator's; None for UTC, which is always shown."""
    name = reader.time_zone or settings.BILLING_ZONE
    return None if name == "UTC" else ZoneInfo(name)


def _address(kinds: list[str], until: Any) -> str:
    return "?" + urlencode({"kind": kinds, "until": until.isoformat()}, doseq=True)


def _shown(request: HttpRequest, entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return the events as the page shows them, each with the page that one may open."""
    return [
        {
            "at": entry.at,
            "where": entry.where,
            "what": mask_identifiers(entry.what),
            "kind": entry.kind,
            "actor": entry.actor,
            "is_claim": entry.is_claim,
            "url": _url_of(request, entry),
        }
        for entry in entries
    ]


def _url_of(request: HttpRequest, entry: Entry) -> str:
    if entry.page is None:
        return ""
    model, key = entry.page
    if entry.source in BY_NAME:
        return reverse("case", args=[entry.source, entry.facts["row"]])
    if not admin.site.get_model_admin(model).has_view_permission(request):
        return ""
    return reverse(admin_urlname(model._meta, "change"), args=[key])  # type: ignore[arg-type]  # django-stubs wants SafeString


def _render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    title = context["account"].name or context["account"].username
    whole = {**admin.site.each_context(request), "title": title, **context}
    return render(request, f"admin/support/{template}", whole)
