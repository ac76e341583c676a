"""The queue of what waits for staff, and one case with its owner and its notes."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods

from accounts.admin.staff import staff_of
from moportal.logs.configuration import mask_identifiers
from moportal.timeline import Entry
from support.domain import cases as domain
from support.forms import NoteForm, QueueForm
from support.models import StaffAction
from support.queries import work
from support.queries.queue import BY_NAME, KINDS, CaseKind, case, queue

OLD = timedelta(days=1)


@require_http_methods(["GET", "HEAD"])
@staff_member_required
def cases(request: HttpRequest) -> HttpResponse:
    """Show what waits, the newest first. Staff see the kinds that they may view."""
    kinds = visible_kinds(request)
    form = QueueForm(kinds, request.GET)
    # An address that somebody has changed shows the whole queue.
    chosen = form.cleaned_data if form.is_valid() else {"kind": [], "owner": "", "until": None}
    wanted = [kind for kind in kinds if kind.name in chosen["kind"] or not chosen["kind"]]
    entries, next_until = queue(wanted, **_by_owner(request, chosen["owner"]), until=_until(chosen))
    owners = work.owners_of(entries)
    context = {
        "title": "Cases",
        "form": form,
        "cases": [_shown(request, entry, owners) for entry in entries],
        "next": _address(chosen, next_until) if next_until else "",
        "is_later_page": chosen["until"] is not None,
    }
    return _render(request, "cases.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def one_case(request: HttpRequest, kind: str, row: int) -> HttpResponse:
    """Show a case: what to do, who works on it, and the notes."""
    found = next((one for one in visible_kinds(request) if one.name == kind), None)
    if found is None:
        raise Http404
    entry, notes = case(found, row), work.notes_of(kind, row)
    if entry is None and not notes:
        raise Http404
    form = NoteForm(request.POST if "text" in request.POST else None)
    if request.method == "POST" and _act(request, entry, form, (kind, row)):
        return redirect("case", kind=kind, row=row)
    owner = work.owner_of(kind, row)
    context = {
        "title": found.title,
        "case": _shown(request, entry, {}) if entry else None,
        "owner": owner,
        "is_mine": owner == staff_of(request),
        "notes": notes,
        "form": form,
    }
    return _render(request, "case.html", context)


def _act(request: HttpRequest, entry: Entry | None, form: NoteForm, key: tuple[str, int]) -> bool:
    """Take the case, give it back, or write a note. Return whether that was done."""
    actor, (kind, row) = staff_of(request), key
    if "text" in request.POST:
        if not form.is_valid():
            return False
        account = entry.facts.get("customer") if entry else None
        text = form.cleaned_data["text"]
        domain.write_note(kind, row, account=account, actor=actor, text=text)
        return True
    shown, wanted = request.POST.get("owner", ""), request.POST.get("work")
    if wanted not in {"take", "return"}:
        return False
    try:
        domain.change_owner(
            kind,
            row,
            actor=actor,
            shown_owner=int(shown) if shown.isdecimal() else None,
            new_owner=actor if wanted == "take" else None,
        )
    except domain.OwnerChanged:
        owner = work.owner_of(kind, row)
        text = f"The case has changed since you opened it: {owner or 'nobody'} has it now."
        messages.warning(request, text)
    return True


def visible_kinds(request: HttpRequest) -> list[CaseKind]:
    """Return the kinds whose rows the reader may view."""
    return [kind for kind in KINDS if _may_view(request, kind)]


def _may_view(request: HttpRequest, kind: CaseKind) -> bool:
    assert kind.source.page is not None  # noqa: S101 -- each kind has one
    model = kind.source.page[0]
    if model is StaffAction:
        return request.user.has_perm("support.open_customer")
    return bool(admin.site.get_model_admin(model).has_view_permission(request))


def _by_owner(request: HttpRequest, owner: str) -> dict[str, Any]:
    if owner == "mine":
        return {"only": work.taken_by(staff_of(request))}
    return {"without": work.taken_by(None)} if owner == "nobody" else {}


def _until(chosen: dict[str, Any]) -> datetime | None:
    old = now() - OLD if chosen.get("old") else None
    return min(filter(None, (chosen["until"], old)), default=None)


def _address(chosen: dict[str, Any], until: datetime) -> str:
    asked = {"kind": chosen["kind"], "owner": chosen["owner"], "until": until.isoformat()}
    return "?" + urlencode(asked, doseq=True)


def _shown(
    request: HttpRequest, entry: Entry, owners: dict[tuple[str, int], str]
) -> dict[str, Any]:
    """Return a case as pages show it."""
    row, customer = entry.facts["row"], entry.facts.get("customer")
    return {
        "at": entry.at,
        "title": entry.where,
        "what": mask_identifiers(entry.what),
        "remedy": BY_NAME[entry.source].remedy(entry.facts),
        "owner": owners.get((entry.source, row), ""),
        "url": reverse("case", args=[entry.source, row]),
        "page": _page_of(entry),
        "customer": customer if request.user.has_perm("support.open_customer") else None,
    }


def _page_of(entry: Entry) -> str:
    assert entry.page is not None  # noqa: S101 -- each kind has one
    model, key = entry.page
    if model is StaffAction:
        return reverse("decide", args=[key])
    return reverse(admin_urlname(model._meta, "change"), args=[key])  # type: ignore[arg-type]  # django-stubs wants SafeString


def _render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    return render(request, f"admin/support/{template}", whole)
