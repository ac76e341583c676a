"""The order page: the progress, then the confirmation with Continue, or why the order failed."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from mobileplans.domain import visits
from mobileplans.domain.handoffs import Purchase, hand_over
from mobileplans.domain.outcome import Outcome
from moportal.web.progress import render_progress
from orders import texts
from orders.domain import outcomes, placing
from orders.models import Order
from orders.queries.orders import (
    can_be_handed_over,
    is_for_this_device,
    open_repair,
    takes_code,
)
from orders.states import ENDED, OrderState
from orders.views.bank import bank_context
from orders.views.steps import (
    customer_only,
    frame_context,
    get_own_order,
    prove_url,
    redirect_to,
    redirect_to_open_step,
)
from payments.models import CreditNote
from payments.states import MethodKind

PHASES = {
    OrderState.COMPLETED: "done",
    OrderState.FAILED: "failed",
    OrderState.CANCELLED: "cancelled",
}


@require_safe
@customer_only
def order(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Show the order's progress or its result."""
    visit = visits.get_or_begin(request)
    visits.note_step(visit, "order")
    found = get_own_order(user, number)
    if takes_code(found):
        return redirect_to("order-code", found.number)
    context = _order_context(found) | {"may_continue": is_for_this_device(found, visit)}
    if found.state == OrderState.COMPLETED:
        context["prove_url"] = prove_url(user, then=request.path)
    return render_progress(request, "orders/order.html", context)


def _order_context(order: Order) -> dict[str, Any]:
    has_ended = OrderState(order.state) in ENDED
    repair = open_repair(order)
    phase = _page_phase(order, is_mended=repair is not None)
    bank = bank_context(order)
    trouble = texts.delay_warning(order)
    return {
        "order": order,
        "phase": phase,
        "steps": texts.repair_steps(repair) if repair else texts.steps(order),
        "trouble": trouble,
        "waits_for_us": phase == "progress" and not (bank["bank"] or trouble),
        "failure": texts.failure(order),
        "cancelled": texts.cancelled(order),
        "plan_name": order.plan_name,
        "amount": order.price.gross,
        "receipt": getattr(order.payment, "receipt", None),
        "credit_notes": _credit_notes(order),
        "is_on_bill": order.method_kind == MethodKind.BILL,
        "poll": repair is not None or not has_ended,
        **bank,
        "device_status": texts.device_status(order),
        "next_text": _next_text(order),
        "renewal_text": texts.renewal_of(order),
        "pays_on_page": texts.pays_on_page(order),
        **frame_context("order", back_url=None),
        "cancel": order.state != OrderState.COMPLETED,
    }


def _credit_notes(order: Order) -> list[CreditNote]:
    """Return the credit notes of the order's refunds. Most orders need no query for that."""
    if order.payment is None or not order.payment.refunded_minor_units:
        return []
    notes = CreditNote.objects.filter(refund__payment=order.payment_id)
    return list(notes.select_related("receipt").order_by("pk"))


def _page_phase(order: Order, *, is_mended: bool) -> str:
    """Return the phase that the page shows. A repair is shown as progress."""
    state = OrderState(order.state)
    if order.cancel_requested_at and state not in ENDED:
        return "cancelled"
    if is_mended:
        return "progress"
    is_broken = state == OrderState.COMPLETED and not can_be_handed_over(order)
    return "failed" if is_broken else PHASES.get(state, "progress")


def _next_text(order: Order) -> str:
    """Return what Continue does if no app sets up the device. Empty if an app does."""
    if order.sim:
        return _("Your SIM is ready to use. Choose Continue.")
    return _("Choose Continue, then install your eSIM.") if order.visit.is_open_web else ""


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def continue_to_host(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Hand the completed order over to the host."""
    order = get_own_order(user, number)
    is_ours = is_for_this_device(order, visits.get_or_begin(request))
    if request.method != "POST" or order.state != OrderState.COMPLETED or not is_ours:
        return redirect_to("order", order.number)
    return hand_over_order(request, order)


def hand_over_order(request: HttpRequest, order: Order) -> HttpResponse:
    """Hand the order's outcome to this visit's host.

    If the eSIM is being repaired, redirect to the order page instead.
    """
    if not can_be_handed_over(order):
        return redirect_to("order", order.number)
    outcome = outcomes.of_order(order, visits.get_or_begin(request))
    return _record_and_hand_over(
        request, order, outcome, Purchase(order.display_number, order.price.gross)
    )


def hand_over_again(request: HttpRequest, order: Order, outcome: Outcome) -> HttpResponse:
    """Hand the order's eSIM to the host once more. The receipt shows no payment for this visit."""
    return _record_and_hand_over(request, order, outcome, Purchase(order.display_number))


def _record_and_hand_over(
    request: HttpRequest, order: Order, outcome: Outcome, purchase: Purchase
) -> HttpResponse:
    Order.objects.filter(pk=order.pk, handed_over_at=None).update(handed_over_at=now())
    return hand_over(request, visits.get_or_begin(request), outcome, purchase)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def order_again(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Start a new draft with the same plan after a payment was declined."""
    order = get_own_order(user, number)
    if request.method != "POST" or order.state != OrderState.FAILED:
        return redirect_to("order", order.number)
    draft = placing.reopen_draft(order)
    return redirect_to("payment") if draft.method_id is None else redirect_to_open_step(draft)
