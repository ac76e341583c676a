"""`/account/plans/<reference>/devices/`: remove a device of a plan, or undo a move."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from orders.line_texts import sim_name
from orders.views.steps import after_reentry, customer_only, redirect_to
from selfcare.views.plans import own_plan
from subscriptions.domain import moves, sharing, standing
from subscriptions.models import PlanMove, Subscription
from subscriptions.states import MoveState


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
@after_reentry
def remove(request: HttpRequest, user: User, reference: str, number: int) -> HttpResponse:
    """Say what it means to remove the device, then remove it."""
    subscription = own_plan(user, reference)
    if not standing.may_change_line(user, subscription.line):
        messages.warning(request, _("This line can't be changed here. Contact our support team."))
        return redirect_to("plan", reference)
    if request.method == "POST":
        return _remove(request, subscription, number)
    devices = list(sharing.devices_of(subscription))
    found = next((one for one in devices if one.pk == number), None)
    if found is None:
        return redirect_to("plan", reference)
    context = {
        "plan": subscription,
        "device": sim_name(found.sim),
        "is_last": len(devices) == 1,
        "back_url": reverse("plan", args=[reference]),
    }
    return render(request, "selfcare/device_remove.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
@after_reentry
def undo_move(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Say what it means to undo the plan's move to another device, then undo it.

    The customer is asked again who they are: the old device may have been stolen, signed in.
    """
    subscription = own_plan(user, reference)
    move = moves.open_move(subscription)
    if move is None or move.state == MoveState.PREPARED:
        return _too_late(request, reference)
    if request.method == "POST":
        return _undo_move(request, user, reference, move)
    context = {
        "plan": subscription,
        "old": sim_name(move.old.sim),
        "new": sim_name(move.new.sim),
        "is_live": move.state == MoveState.LIVE,
        "back_url": reverse("plan", args=[reference]),
    }
    return render(request, "selfcare/move_undo.html", context)


def _undo_move(request: HttpRequest, user: User, reference: str, move: PlanMove) -> HttpResponse:
    try:
        moves.undo(move, actor=user)
    except moves.TooLateToUndo:
        return _too_late(request, reference)
    text = _("The plan stays on %(device)s. The other device can't use it any more.")
    messages.success(request, text % {"device": sim_name(move.old.sim)})
    return redirect_to("plan", reference)


def _too_late(request: HttpRequest, reference: str) -> HttpResponse:
    messages.warning(request, _("There is no move to undo any more."))
    return redirect_to("plan", reference)


def _remove(request: HttpRequest, subscription: Subscription, number: int) -> HttpResponse:
    try:
        removed = sharing.remove(subscription, number)
    except sharing.LastDevice:
        return redirect_to("plan-device-remove", subscription.reference, number)
    except sharing.Moving:
        messages.warning(request, _("The plan is moving. Undo the move, or wait until it's done."))
    except sharing.NoSuchDevice:
        messages.info(request, _("This device doesn't share the plan any more."))
    else:
        text = _("%(device)s is removed. It can't use this plan any more.")
        messages.success(request, text % {"device": sim_name(removed.sim)})
    return redirect_to("plan", subscription.reference)
