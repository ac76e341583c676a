"""The page of an action, and the decision of a second person about it."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.admin.staff import staff_of
from accounts.models import User
from moportal.actions import Action, ActionRefused
from support.domain import acting, openings
from support.models import StaffAction
from support.queries.actions import ACTIONS


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
@permission_required("support.open_customer", raise_exception=True)
def act(request: HttpRequest, account: int, name: str, row: int) -> HttpResponse:
    """Show what an action does, and do it once there is a reason."""
    customer, action = _customer(account), _action(request, name)
    if openings.open_now(customer, actor=staff_of(request)) is None:
        return redirect("customer", account=account)
    found = get_object_or_404(action.rows(account), pk=row)
    if not action.is_possible(found):
        messages.warning(request, "This is not possible any more. Something else has happened.")
        return redirect("customer", account=account)
    form = action.form(found, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, customer, action, {"label": action.label(found), "form": form})
    given = {name: form.data.get(name, "") for name in form.fields}
    try:
        done = acting.perform(action, found, account=customer, actor=staff_of(request), given=given)
    except ActionRefused as refused:
        messages.warning(request, str(refused))
    else:
        is_asked = done.state == StaffAction.State.ASKED
        later = "A second person must approve it. It stands on this page."
        messages.success(request, later if is_asked else "Done. The timeline shows the outcome.")
    return redirect("customer", account=account)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
@permission_required("support.open_customer", raise_exception=True)
def decide(request: HttpRequest, asked: int) -> HttpResponse:
    """Show what a colleague has asked for, and approve or decline it."""
    with_names = StaffAction.objects.select_related("account", "asked_by")
    found = get_object_or_404(with_names, pk=asked)
    action, account = _action(request, found.action), found.account
    is_open = openings.open_now(account, actor=staff_of(request)) is not None
    if not is_open or found.state != StaffAction.State.ASKED:
        return redirect("customer", account=account.pk)
    if request.method == "POST":
        _decide(request, found, action)
        return redirect("customer", account=account.pk)
    more = {"asked": found, "may_approve": found.asked_by_id != staff_of(request).pk}
    return _page(request, account, action, {"label": found.label, **more})


def _decide(request: HttpRequest, asked: StaffAction, action: Action) -> None:
    actor = staff_of(request)
    try:
        if request.POST.get("decision") == "approve":
            row = get_object_or_404(action.rows(asked.account_id), pk=asked.row)
            acting.approve(asked, action, row, actor=actor)
            messages.success(request, "Approved. The timeline shows the outcome.")
        else:
            acting.decline(asked, action, actor=actor)
            messages.success(request, "Declined. Nothing was done.")
    except ActionRefused as refused:
        messages.warning(request, str(refused))


def _customer(account: int) -> User:
    return get_object_or_404(User, pk=account, is_staff=False, is_superuser=False)


def _action(request: HttpRequest, name: str) -> Action:
    """Return the action with this name, if this member of staff may do it."""
    action = ACTIONS.get(name)
    if action is None or not staff_of(request).has_perm(action.permission):
        raise PermissionDenied
    return action


def _page(
    request: HttpRequest, account: User, action: Action, more: dict[str, Any]
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": action.title,
        "account": account,
        "action": action,
        **more,
    }
    return render(request, "admin/support/action.html", context)
