"""`/account/`: the customer's plans, payment methods, orders and messages."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain import deleting
from accounts.domain.telling import choose_time_zone, messages_of, undelivered, words_of
from accounts.models import AccountMessage, User
from messages.states import Occasion
from mobileplans.domain import visits
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from orders.domain import problems
from orders.models import Order
from orders.queries.orders import esims_to_install, orders_of
from orders.states import OrderState
from orders.views.steps import after_reentry, customer_only, prove_url, redirect_to
from payments.domain import cards, mandates, new_cards, off_session
from payments.domain.methods import stored_methods
from payments.gateways import offered_anywhere
from payments.models import PaymentMethod
from payments.states import MethodKind
from selfcare.forms import TimeZoneForm
from selfcare.texts import what_next
from selfcare.views.plan_cards import cards_of, note_prices_shown
from subscriptions.balances import is_too_old
from subscriptions.domain import by_hand, claims, linking, price_changes
from subscriptions.domain.outlook import outlook_of
from subscriptions.domain.standing import Standing, lines_of
from subscriptions.models import OperatorLine, Subscription

SHOWN_ORDERS = SHOWN_MESSAGES = 10


@require_safe
@customer_only
def account(request: HttpRequest, user: User) -> HttpResponse:
    """Show the customer's plans with their remaining data, stored cards and latest orders."""
    visit = visits.get_or_begin(request)
    visits.note_step(visit, "account")
    operator_lines = lines_of(user)
    cards_shown = cards_of(user, operator_lines)
    if request.method == "GET":
        note_prices_shown(cards_shown)
    live_mandates = list(mandates.live_mandates(user).select_related("method"))
    context = {
        "deletion": deleting.open_deletion(user),
        "prove_url": prove_url(user),
        "lost_sims": [takeover.old.sim.iccid[-4:] for takeover in claims.lost_sims(user)],
        "unproven_sims": [sim.iccid[-4:] for sim in claims.provable_sims(user, [])],
        "lines": cards_shown,
        # The first plan that waits for the customer to pay.
        "pay_url": next((one["pay_url"] for one in cards_shown if one.get("pay_url")), ""),
        "operator_lines": [_operator_line(*one) for one in operator_lines],
        "may_link": linking.is_offered(),
        "has_failed_download": problems.failed_at_smdp(user) is not None,
        "to_install": esims_to_install(user)[:SHOWN_ORDERS],
        "methods": list(stored_methods(user)),
        "takes_cards": new_cards.kept_card_ability(visit.market) is not None,
        "offered": offered_anywhere(),
        "paying": by_hand.methods_in_use(user),
        "mandated": {mandate.method_id for mandate in live_mandates},
        "needs_customer": {
            mandate.method_id for mandate in live_mandates if off_session.needs_customer(mandate)
        },
        "orders": [_order_row(order) for order in orders_of(user)[:SHOWN_ORDERS]],
        "told": [_message_row(told) for told in messages_of(user)[:SHOWN_MESSAGES]],
        "is_unreachable": undelivered(user),
        "back_url": reverse("options"),
    }
    return render(request, "selfcare/account.html", context)


@require_safe
@customer_only
def message(request: HttpRequest, user: User, number: int) -> HttpResponse:
    """Show what the customer was told, in the page's language."""
    told = _message(user, number)
    if request.method == "GET" and told.occasion == Occasion.PRICE_CHANGES:
        price_changes.note_read(told.key)
    words = words_of(told, language=get_language() or "en")
    context = {"words": words, "number": number, "back_url": reverse("account")}
    return render(request, "selfcare/message.html", context)


@require_safe
@customer_only
def message_file(request: HttpRequest, user: User, number: int) -> HttpResponse:
    """Return the message as a text file to keep."""
    words = words_of(_message(user, number), language=get_language() or "en")
    answer = HttpResponse(
        f"{words.subject}\n\n{words.text}", content_type="text/plain; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="message-{number}.txt"'
    return answer


def _message(user: User, number: int) -> AccountMessage:
    return get_object_or_404(messages_of(user).select_related("account"), pk=number)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
@after_reentry
def remove_method(request: HttpRequest, user: User, number: int) -> HttpResponse:
    """Remove a stored payment method, and say that it was removed.

    If a running plan is paid with the method, a GET shows a page that asks the customer to confirm.
    Otherwise a GET only leads to the account.
    """
    paid_plans = by_hand.plans_paid_with(user, number)
    if request.method != "POST" and paid_plans:
        return _ask_before_removal(request, paid_plans)
    if request.method == "POST":
        method = get_object_or_404(PaymentMethod, account=user, pk=number)
        is_mandated = method.mandates.filter(ended_at=None).exists()
        cards.remove(method)
        messages.info(request, _removed_text(method))
        if is_mandated:
            messages.info(request, _("We can no longer charge this payment method automatically."))
    return redirect_to("account")


def _ask_before_removal(request: HttpRequest, plans: list[Subscription]) -> HttpResponse:
    mandate = plans[0].mandate
    assert mandate is not None  # noqa: S101 -- the plans are paid with its method
    outlooks = [(plan, outlook_of(plan)) for plan in plans]
    context = {
        "method": mandate.method,
        "plans": [
            {"name": one.plan_name, "next_text": what_next(next_)} for one, next_ in outlooks
        ],
        "back_url": reverse("account"),
    }
    return render(request, "selfcare/method_remove.html", context)


def _removed_text(method: PaymentMethod) -> str:
    of_kinds = {
        MethodKind.VOUCHER: _("The voucher ending in %(last4)s was removed."),
        MethodKind.BILL: _("The bill for the number ending in %(last4)s was removed."),
    }
    if removed := of_kinds.get(MethodKind(method.kind)):
        still = _("Your current order will still be paid with it.")
        text = f"{removed} {still}" if cards.is_needed(method) else removed
        return text % {"last4": method.last4}
    card = {"brand": method.brand, "last4": method.last4}
    if cards.is_needed(method):
        text = _(
            "%(brand)s ending in %(last4)s was removed. "
            "Your current order will still be charged to it."
        )
        return text % card
    return _("%(brand)s ending in %(last4)s was removed.") % card


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(TimeZoneForm)
@customer_only
def time_zone(request: HttpRequest, user: User) -> HttpResponse:
    """Take the time zone in which it is night for the customer."""
    if request.method != "POST":
        form = restore_form(request, TimeZoneForm, {"zone": user.time_zone})
        context = {"form": form, "back_url": reverse("security")}
        return render(request, "selfcare/time_zone.html", context)
    form = TimeZoneForm(request.POST)
    if not form.is_valid():
        return redirect_back(request, form)
    choose_time_zone(user, form.cleaned_data["zone"])
    forget_form(request)
    messages.success(request, _("The time zone is saved."))
    return redirect_to("security")


def _operator_line(kept: OperatorLine, standing: Standing) -> dict[str, Any]:
    number = f"+{kept.line.msisdn}"
    return {
        "number": number,
        "standing": standing,
        "is_known": not is_too_old(kept.balances_at, at=now()),
        "confirm_url": f"{reverse('link-line')}?{urlencode({'phone': number})}",
    }


def _message_row(told: AccountMessage) -> dict[str, Any]:
    return {
        "occasion": Occasion(told.occasion).label,
        "told_at": told.created_at,
        "url": reverse("message", args=[told.pk]),
    }


def _order_row(order: Order) -> dict[str, Any]:
    receipt = getattr(order.payment, "receipt", None)
    return {
        "display_number": order.display_number,
        "plan_name": order.plan_name,
        "state_text": OrderState(order.state).label,
        "receipt": receipt,
        "receipt_label": _("Receipt %(receipt)s") % {"receipt": receipt} if receipt else "",
        "url": reverse("order", args=[order.number]),
    }
