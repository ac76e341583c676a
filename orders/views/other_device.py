"""Paying from another device: the code is entered, what is paid is shown, the bank follows.

These pages need no sign-in. The session keeps the code's key, and shows nothing but its order's
plan and amount.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access.guessing import network_of
from accounts.access.limiter import Locked
from accounts.models import User
from accounts.texts import too_many_text
from moportal.web.progress import render_progress
from orders.domain import other_devices
from orders.forms import PayingCodeForm
from orders.models import Order
from orders.states import OrderState
from orders.views.steps import customer_only, get_own_order, redirect_to
from payments.states import MethodKind

SESSION_KEY = "paying_code"


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def order_other_device(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Make a code for the customer's order, which its page then shows."""
    order = get_own_order(user, number)
    if request.method == "POST":
        other_devices.request_code(order)
    return redirect_to("order", order.number)


@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, code: str = "") -> HttpResponse:
    """Ask for the code. The address of a QR code has it filled in."""
    form = PayingCodeForm(request.POST or None, initial={"code": code})
    if request.method != "POST" or not form.is_valid():
        return _ask_for_code(request, form)
    try:
        found = other_devices.redeem(form.cleaned_data["code"], network=network_of(request))
    except Locked as locked:
        form.add_error("code", too_many_text(locked))
        return _ask_for_code(request, form, wait=locked.seconds)
    if found is None:
        text = _("This code doesn't work. Check it, or get a new one on the first device.")
        form.add_error("code", text)
        return _ask_for_code(request, form)
    request.session[SESSION_KEY] = found.pk
    return redirect_to("pay-order")


def _ask_for_code(
    request: HttpRequest, form: PayingCodeForm, *, wait: int | None = None
) -> HttpResponse:
    response = render(request, "orders/pay.html", {"form": form})
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


@require_safe
def pay_order(request: HttpRequest) -> HttpResponse:
    """Show what is paid, with the way to the bank, and later how it went."""
    order = order_in(request)
    if order is None:
        return redirect_to("pay")
    return render_progress(request, "orders/pay_order.html", _context(order))


def order_in(request: HttpRequest) -> Order | None:
    """Return the order for which this browser has entered a code, or None."""
    key = request.session.get(SESSION_KEY)
    return other_devices.order_of(key) if key else None


def _context(order: Order) -> dict[str, Any]:
    """Return the plan and the amount, and nothing else of the customer's."""
    waits = other_devices.waits_for_bank(order)
    is_over = order.state in {OrderState.FAILED, OrderState.CANCELLED} or bool(
        order.cancel_requested_at
    )
    return {
        "plan_name": order.plan_name,
        "amount": order.price.gross,
        "phase": "waits" if waits else "over" if is_over else "paid",
        "is_on_bill": order.method_kind == MethodKind.BILL,
        "bank_url": order.payment.customer_step_url if order.payment and waits else "",
        "poll": waits,
    }
