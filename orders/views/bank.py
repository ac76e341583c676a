"""The step at the bank: the way there and back, and other ways to pay if there is none."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from moportal.web.qr_codes import draw_qr_code
from orders.domain import bank_step, other_devices, placing
from orders.domain.bank_step import Reach
from orders.models import KIND, Order, PayingCode
from orders.states import OrderState
from orders.views.other_device import order_in
from orders.views.steps import accept_post_back, customer_only, get_own_order, redirect_to
from outbox.domain import enqueue
from payments.domain import bills, methods, vouchers
from payments.models.methods import bill_label


def bank_context(order: Order) -> dict[str, Any]:
    """Return what the order's page shows while the order waits for a step at the bank."""
    bank = bank_step.find(order)
    if bank is None:
        return {"bank": None}
    code = other_devices.find_code(order)
    return {
        "bank": bank,
        "paying_code": _shown_code(code) if code and not code.used_at else None,
        "is_paid_elsewhere": code is not None and code.used_at is not None,
        "ways_to_pay": _ways_without_bank(order) if bank.reach == Reach.NO else [],
    }


def _shown_code(code: PayingCode) -> dict[str, Any]:
    return {
        "code": code.display_code,
        "address": other_devices.short_address(),
        "qr_code": draw_qr_code(other_devices.address_with(code)),
    }


def _ways_without_bank(order: Order) -> list[str]:
    """Return the ways to pay that need no page of a bank, by the abilities of the gateways."""
    market = order.visit.market
    ways = [_("A voucher")] if vouchers.takes_vouchers(market, renews=order.renews) else []
    numbers = bills.numbers_of(order.account, market=market, renews=order.renews)
    ways += [bill_label(number[-4:]) for number in numbers]
    stored = methods.methods_without_step(order.account, market=market)
    others = [method for method in stored if method != order.method]
    return [
        *ways,
        *(method.label for method in others if methods.can_renew(method) or not order.renews),
    ]


@accept_post_back
@require_safe
def return_from_bank(request: HttpRequest, number: str) -> HttpResponse:
    """Enqueue the order's task after somebody is back from the bank, and show the order.

    That may be a device that has entered the order's code, on which nobody is signed in.
    """
    order = order_in(request)
    if order is None or order.number != number.upper():
        return _return_customer(request, number)
    _note_return(order)
    return redirect_to("pay-order")


@customer_only
def _return_customer(_request: HttpRequest, user: User, number: str) -> HttpResponse:
    order = get_own_order(user, number)
    _note_return(order)
    return redirect_to("order", order.number)


def _note_return(order: Order) -> None:
    bank_step.close_way(order)
    enqueue(KIND, order.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def order_bank(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Ask for a way out to the bank once more, and show the order, which waits for it."""
    order = get_own_order(user, number)
    if request.method == "POST" and bank_step.find(order):
        bank_step.ask_for_way(order)
    return redirect_to("order", order.number)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def pay_another_way(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Cancel an order that waits for the bank, and lead to all ways to pay for the same plan."""
    order = get_own_order(user, number)
    if request.method != "POST" or order.state != OrderState.PENDING:
        return redirect_to("order", order.number)
    try:
        placing.request_cancel(order, actor=user)
    except placing.TooLateToCancel:
        return redirect_to("order", order.number)
    placing.reopen_draft(order)
    messages.info(request, _("Nothing was charged. Choose another way to pay for the same plan."))
    return redirect_to("payment")
