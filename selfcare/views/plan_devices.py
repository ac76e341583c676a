"""`/account/plans/<reference>/devices/`: the devices that share a plan, and how one is removed."""

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
from subscriptions.domain import sharing, standing
from subscriptions.models import Subscription


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


def _remove(request: HttpRequest, subscription: Subscription, number: int) -> HttpResponse:
    try:
        removed = sharing.remove(subscription, number)
    except sharing.LastDevice:
        return redirect_to("plan-device-remove", subscription.reference, number)
    except sharing.NoSuchDevice:
        messages.info(request, _("This device doesn't share the plan any more."))
    else:
        text = _("%(device)s is removed. It can't use this plan any more.")
        messages.success(request, text % {"device": sim_name(removed.sim)})
    return redirect_to("plan", subscription.reference)
