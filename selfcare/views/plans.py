"""`/account/plans/`: one plan of the customer, and what the customer decides about it.

Each action has a page of its own that says what will happen. One POST does it.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from moportal.money import Money
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from moportal.web.progress import render_progress
from orders.domain import bank_step
from orders.line_texts import line_name, sim_name
from orders.views.steps import customer_only, redirect_to
from payments.domain.receipts import receipts_of
from selfcare import texts
from selfcare.forms import LineNameForm
from selfcare.views.plan_cards import next_context, note_prices_shown, plan_card
from selfcare.views.use_chart import use_context
from subscriptions.domain import by_hand, cancelling, lifecycle, moves, sharing
from subscriptions.domain.chosen import chosen_change
from subscriptions.domain.outlook import READ_BY_OUTLOOK, Outlook, outlook_of, plans_of
from subscriptions.domain.periods import last_paid
from subscriptions.models import Bucket, Period, PlanMove, Subscription
from subscriptions.states import MoveState, PeriodState, SubscriptionState
from subscriptions.usable_buckets import running_buckets

# The newest periods that are listed.
SHOWN_PERIODS = 12
PERIOD_TEXTS = {
    PeriodState.PLANNED: gettext_lazy("Not paid yet"),
    PeriodState.PAID: gettext_lazy("Paid"),
    PeriodState.LAPSED: gettext_lazy("Not paid. You owe nothing."),
}


@require_safe
@customer_only
def plan(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Show how a plan stands, what comes next, and what it has cost."""
    subscription = own_plan(user, reference)
    outlook = outlook_of(subscription)
    card = plan_card(subscription, _running_bucket(subscription))
    if request.method == "GET":
        note_prices_shown([card])
    context = {
        "plan": subscription,
        "line": card,
        **next_context(outlook),
        "price": _price_of(subscription, outlook),
        "given_back": texts.time_given_back(subscription),
        "state_text": SubscriptionState(subscription.state).label,
        "periods": _periods_of(subscription),
        **_devices_context(subscription),
        **_result_context(subscription),
        **use_context(subscription.line),
        "pay_url": reverse("plan-pay", args=[reference]),
        "back_url": reverse("account"),
    }
    return render_progress(request, "selfcare/plan.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def cancel(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Say when the plan would end, then cancel it."""
    subscription = own_plan(user, reference)
    if request.method == "POST":
        return _cancel(request, subscription)
    outlook = outlook_of(subscription)
    if not outlook.can_cancel:
        return redirect_to("plan", reference)
    ends_at = cancelling.last_day(subscription, subscription.decided_number)
    context = {
        **_action_context(subscription),
        "ends_at": ends_at,
        "ends_now": ends_at <= now(),
        "amount": outlook.amount,
    }
    return render(request, "selfcare/plan_cancel.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def undo_cancel(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Say what would be charged and when, then let the plan renew again."""
    subscription = own_plan(user, reference)
    if request.method == "POST":
        return _undo(request, subscription)
    outlook = outlook_of(subscription)
    if not outlook.can_undo:
        return redirect_to("plan", reference)
    context = {
        **_action_context(subscription),
        "outlook": outlook,
        "chosen": chosen_change(subscription),
    }
    return render(request, "selfcare/plan_undo_cancel.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(LineNameForm)
@customer_only
def name_line(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Take the customer's own name for the plan's line."""
    subscription = own_plan(user, reference)
    if request.method != "POST":
        form = restore_form(request, LineNameForm, {"name": subscription.line.name})
        context = {**_action_context(subscription), "form": form}
        return render(request, "selfcare/line_name.html", context)
    form = LineNameForm(request.POST)
    if not form.is_valid():
        return redirect_back(request, form)
    lifecycle.name_line(subscription.line, form.cleaned_data["name"])
    forget_form(request)
    messages.success(request, _("The name is saved."))
    return redirect_to("plan", reference)


def own_plan(user: User, reference: str) -> Subscription:
    """Return the customer's plan. For another customer's plan the answer is 404."""
    own = plans_of(user).select_related("mandate__method", "plan", "line")
    with_periods = own.prefetch_related(*READ_BY_OUTLOOK)
    return get_object_or_404(with_periods, reference=reference)


def _cancel(request: HttpRequest, subscription: Subscription) -> HttpResponse:
    try:
        ends_at = cancelling.cancel(subscription)
    except cancelling.NotRenewing:
        messages.warning(request, _("This plan has ended already. Nothing more is charged."))
        return redirect_to("plan", subscription.reference)
    if ends_at <= now():
        text = _("Cancelled. The plan ends now, and nothing more is charged.")
    else:
        text = _("Cancelled. The plan ends on %(date)s, and nothing more is charged.")
    messages.success(request, text % {"date": texts.day(ends_at)})
    return redirect_to("plan", subscription.reference)


def _undo(request: HttpRequest, subscription: Subscription) -> HttpResponse:
    try:
        cancelling.undo(subscription)
    except cancelling.NotRenewing:
        messages.warning(request, _("This plan has ended already, so it can't renew again."))
    else:
        messages.success(request, _("The cancellation is undone. The plan renews again."))
    return redirect_to("plan", subscription.reference)


def _action_context(subscription: Subscription) -> dict[str, Any]:
    mandate = subscription.mandate
    return {
        "plan": subscription,
        "method_text": mandate.method.label if mandate and not mandate.ended_at else "",
        "line_name": line_name(subscription.line),
        "back_url": reverse("plan", args=[subscription.reference]),
    }


def _price_of(subscription: Subscription, outlook: Outlook) -> Money | None:
    """Return what a month of the running plan costs."""
    return last_paid(subscription).price.gross if outlook.change else outlook.amount


def _result_context(subscription: Subscription) -> dict[str, Any]:
    """Return what came of a payment that the customer has just asked for."""
    found = by_hand.result_of(subscription)
    if found is None:
        return {}
    result, attempt = found
    payment = attempt.payment if attempt else None
    is_refused = result == by_hand.Result.REFUSED
    return {
        "result": result,
        "poll": result in {by_hand.Result.TRYING, by_hand.Result.AT_BANK},
        "why_refused": texts.why_refused(payment) if payment and is_refused else "",
        "reach": bank_step.reach_for_plan(subscription),
        "bank_url": payment.customer_step_url if payment else "",
        "asked": payment.amount if payment else None,
    }


def _devices_context(subscription: Subscription) -> dict[str, Any]:
    """Return the devices that share the plan, unless there is only one, and the plan's open move.

    The two devices of a move are not among them: only the move can be undone.
    """
    move = moves.open_move(subscription)
    moving = {move.old_id, move.new_id} if move else set()
    stays = [one for one in sharing.devices_of(subscription) if one.pk not in moving]
    if len(stays) == 1 and not move:
        stays = []
    rows = [{"number": one.pk, "name": sim_name(one.sim), "since": one.since} for one in stays]
    return {"devices": rows, "move": _move_context(move) if move else None}


def _move_context(move: PlanMove) -> dict[str, Any]:
    return {
        "old": sim_name(move.old.sim),
        "new": sim_name(move.new.sim),
        "time_left": texts.time_left(move.retires_at) if move.retires_at else "",
        "until": move.retires_at,
        "can_undo": move.state != MoveState.PREPARED,
    }


def _running_bucket(subscription: Subscription) -> Bucket | None:
    return running_buckets(now()).filter(period__subscription=subscription).first()


def _periods_of(subscription: Subscription) -> list[dict[str, Any]]:
    """Return the newest periods first, each with the number of its receipt if it has one.

    One that lapsed before it had a time is left out: it never began, and never can.
    """
    by_number = sorted(subscription.periods.all(), key=lambda one: one.number, reverse=True)
    possible = [one for one in by_number if one.starts_at or one.state != PeriodState.LAPSED]
    shown = possible[:SHOWN_PERIODS]
    receipts = _receipts_of(subscription)
    return [_period_row(period, receipts.get(period.number, "")) for period in shown]


def _receipts_of(subscription: Subscription) -> dict[int, str]:
    """Return the receipts' numbers by period. The first period is paid by its order."""
    found = receipts_of(subscription.line.account)
    of_order = found.filter(payment__order__subscription=subscription)
    of_periods = found.filter(payment__attempt__period__subscription=subscription)
    with_periods = of_periods.select_related("payment__attempt__period")
    numbered = [(receipt.payment.attempt.period.number, receipt) for receipt in with_periods]
    return {
        number: str(receipt) for number, receipt in [*((1, one) for one in of_order), *numbered]
    }


def _period_row(period: Period, receipt: str) -> dict[str, Any]:
    return {
        "starts_at": period.starts_at,
        "ends_at": period.usable_until if period.state == PeriodState.PAID else period.ends_at,
        # The portal has not sold every plan, so it does not know every price.
        "price": period.price.gross if period.currency else None,
        "state_text": PERIOD_TEXTS[PeriodState(period.state)],
        "receipt": receipt,
    }
