"""`/account/export/` and `/account/delete/`: a copy of the customer's data, and the deletion."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe
from django_stubs_ext import StrOrPromise

from accounts.domain import deleting, endings, erasing, exporting
from accounts.models import Deletion, Export, User
from accounts.states import UNDOABLE
from moportal.personal import Reason
from orders.views.steps import after_reentry, customer_only, redirect_to

# After this many seconds the page says that it takes longer.
PATIENCE = 30


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
@after_reentry
def export(request: HttpRequest, user: User) -> HttpResponse:
    """Let a worker make a file of the customer's data, wait for it, and offer it."""
    if request.method == "POST":
        exporting.request_file(request, user)
        return redirect_to("export")
    wanted = exporting.export_of(user)
    context = {
        "export": wanted,
        "phase": _phase(wanted),
        "is_slow": wanted and (now() - wanted.asked_at).total_seconds() > PATIENCE,
        "back_url": reverse("account"),
    }
    return render(request, "selfcare/export.html", context)


def _phase(wanted: Export | None) -> str:
    if wanted is None:
        return "none"
    return "ready" if wanted.ready_at else "waiting"


@require_safe
@customer_only
@after_reentry  # type: ignore[arg-type]  # the guards pass any response on
def export_file(request: HttpRequest, user: User, made: UUID) -> HttpResponseBase:
    """Return the file, part by part. Only its customer can open it."""
    wanted = exporting.export_of(user)
    if wanted is None or wanted.key != made or wanted.ready_at is None:
        raise Http404
    answer = StreamingHttpResponse(
        exporting.texts_of(wanted), content_type="application/json; charset=utf-8"
    )
    name = f"my-data-{wanted.ready_at:%Y-%m-%d}.json"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
@after_reentry
def delete(request: HttpRequest, user: User) -> HttpResponse:
    """Show what the deletion ends, waits for and keeps; then start it."""
    if request.method == "POST":
        deleting.ask(request, user)
        return redirect_to("delete-account")
    found = deleting.open_deletion(user)
    kept = erasing.reasons_to_keep(erasing.person_of(user))
    context = {
        "deletion": found,
        "may_undo": _may_undo(found),
        "endings": endings.texts_of_endings(user),
        # Two rooms may name their obstacle in the same words.
        "obstacles": list(dict.fromkeys(one.text for one in endings.obstacles_of(user))),
        "kept": [_kept_row(reason) for reason in kept],
        "back_url": reverse("account"),
    }
    return render(request, "selfcare/delete.html", context)


def _may_undo(found: Deletion | None) -> bool:
    return found is not None and found.state in UNDOABLE


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def undo(request: HttpRequest, user: User) -> HttpResponse:
    """Keep the account. A GET only leads to the account."""
    if request.method == "POST" and deleting.undo(request, user):
        messages.success(request, _("Your account stays. Nothing was deleted."))
    return redirect_to("account")


def _kept_row(reason: Reason) -> dict[str, Any]:
    return {"text": reason.text, "until": _until(reason)}


def _until(reason: Reason) -> StrOrPromise:
    """Return how long something is kept. The last word of a setting's name is its unit."""
    if not reason.setting:
        return reason.until
    count = getattr(settings, reason.setting)
    if reason.setting.endswith("_YEARS"):
        return ngettext("%(count)s year", "%(count)s years", count) % {"count": count}
    return ngettext("%(count)s day", "%(count)s days", count) % {"count": count}
