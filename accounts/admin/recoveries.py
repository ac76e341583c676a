"""Recoveries that staff start: the caller check, the code, and the second person."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import caller_facts
from accounts.access.limiter import Locked
from accounts.admin.searching import SearchByIdentifier
from accounts.admin.staff import staff_of
from accounts.domain import staff_codes, staff_recovery
from accounts.domain.staff_recovery import NotPossible
from accounts.forms import CallerForm, RecoveryReasonForm
from accounts.models import StaffRecovery, User
from accounts.texts import too_many_text
from moportal.web.desk import ReadOnly


@require_http_methods(["GET", "HEAD", "POST"])
def start_recovery(request: HttpRequest, object_id: str) -> HttpResponse:
    """Ask for the reason, and begin to check who is calling."""
    actor = staff_of(request)
    if not actor.has_perm("accounts.start_recovery"):
        raise PermissionDenied
    account = get_object_or_404(User, pk=object_id if object_id.isdecimal() else None)
    form = RecoveryReasonForm(request.POST or None)
    if form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            recovery = staff_recovery.start(account, actor=actor, reason=reason)
        except NotPossible as error:
            form.add_error(None, str(error))
        except Locked as locked:
            form.add_error(None, too_many_text(locked))
        else:
            return redirect("admin:accounts_staffrecovery_change", object_id=recovery.pk)
    context = {"account": account, "form": form}
    return _render(request, "start_recovery.html", "Caller wants a new password", context)


@admin.register(StaffRecovery)
class StaffRecoveryAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[StaffRecovery]):
    """Recoveries, each with a page on which two of the staff take its steps."""

    list_display = ["started_at", "account", "status", "asked_by", "approved_by", "reason"]
    list_filter = ["state"]
    list_select_related = ["account", "asked_by", "approved_by"]
    search_fields = ["=account__username", "=asked_by__username", "=approved_by__username"]

    @admin.display(description="State")
    def status(self, recovery: StaffRecovery) -> str:
        return recovery.shown_state

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the recovery and what this member of staff may do next; take that step."""
        recovery = get_object_or_404(
            StaffRecovery.objects.select_related("account", "asked_by", "approved_by"),
            pk=object_id if object_id.isdecimal() else None,
        )
        if not self.has_view_permission(request, recovery):
            raise PermissionDenied
        if request.method != "POST":
            return _page(request, recovery)
        code = self._take_step(request, recovery)
        # The one page with the code. Loading it again asks for a step that is over.
        return _page(request, recovery, code=code) if code else redirect(request.path)

    def _take_step(self, request: HttpRequest, recovery: StaffRecovery) -> str | None:
        """Take the step that the form asks for, and return the code if it is now shown."""
        step = STEPS.get(request.POST.get("step", ""))
        if step is None:
            return None
        try:
            return step(request, recovery, staff_of(request))
        except NotPossible as error:
            messages.error(request, str(error))
            return None


def _answer(request: HttpRequest, recovery: StaffRecovery, actor: User) -> None:
    answers = {name: str(value) for name, value in request.POST.items()}
    found = staff_recovery.answer(recovery, actor=actor, answers=answers)
    for fact in caller_facts.chosen_facts():
        if fact.name in found:
            is_right = found[fact.name]
            level = messages.SUCCESS if is_right else messages.ERROR
            result = "right" if is_right else "wrong"
            messages.add_message(request, level, f"{fact.question}: {result}.")


def _send(request: HttpRequest, recovery: StaffRecovery, actor: User) -> None:
    address = request.POST.get("address", "")
    staff_recovery.send_code(recovery, actor=actor, address=address)
    messages.success(request, f"The code is being sent to {address}.")


def _ask(_request: HttpRequest, recovery: StaffRecovery, actor: User) -> None:
    staff_recovery.ask_second_person(recovery, actor=actor)


def _approve(request: HttpRequest, recovery: StaffRecovery, actor: User) -> None:
    staff_recovery.approve(recovery, actor=actor, request=request)


def _decline(_request: HttpRequest, recovery: StaffRecovery, actor: User) -> None:
    staff_recovery.decline(recovery, actor=actor)


def _show(_request: HttpRequest, recovery: StaffRecovery, actor: User) -> str:
    return staff_recovery.show_code(recovery, actor=actor)


def _withdraw(_request: HttpRequest, recovery: StaffRecovery, actor: User) -> None:
    staff_recovery.withdraw(recovery, actor=actor)


STEPS: dict[str, Callable[[HttpRequest, StaffRecovery, User], str | None]] = {
    "answer": _answer,
    "send": _send,
    "ask": _ask,
    "approve": _approve,
    "decline": _decline,
    "show": _show,
    "withdraw": _withdraw,
}


def _page(request: HttpRequest, recovery: StaffRecovery, *, code: str = "") -> HttpResponse:
    actor = staff_of(request)
    may_act = actor.has_perm("accounts.start_recovery") and recovery.is_open
    facts = caller_facts.facts_of(recovery.account) if may_act else []
    asked = [fact for fact in facts if fact.name not in recovery.right]
    context = {
        "recovery": recovery,
        "code": code,
        "is_asker": may_act and actor == recovery.asked_by,
        "is_other": may_act and actor != recovery.asked_by,
        "form": CallerForm(asked),
        "known": [fact for fact in caller_facts.chosen_facts() if fact.name in recovery.right],
        "addresses": staff_codes.addresses_for_code(recovery.account) if may_act else [],
        "proven_lately": staff_codes.addresses_proven_lately(recovery.account) if may_act else [],
    }
    return _render(request, "recovery.html", "Recovery by staff", context)


def _render(
    request: HttpRequest, template: str, title: str, context: dict[str, Any]
) -> HttpResponse:
    whole = {**admin.site.each_context(request), "title": title, **context}
    return render(request, f"admin/accounts/{template}", whole)
