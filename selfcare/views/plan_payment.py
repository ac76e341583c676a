"""`/account/plans/<reference>/pay/`: choose the payment method of a plan, and agree to its charges.

The customer first chooses a method, then agrees to a text that names it. A worker charges what is
overdue, and the plan's page shows what came of it.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from brand.queries import operator
from mobileplans.domain import visits
from moportal.money import Money
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from orders.domain import bank_step
from orders.views.steps import accept_post_back, customer_only, redirect_to
from payments.domain.mandates import MethodGone
from payments.gateways.base import NotOffered
from payments.models import PaymentMethod
from selfcare import texts
from selfcare.forms import ConsentForm
from selfcare.views.plans import own_plan
from subscriptions.domain import by_hand, cancelling, present
from subscriptions.domain.bounds import end_of_period
from subscriptions.domain.outlook import Next, Outlook, outlook_of
from subscriptions.models import Subscription


@accept_post_back
@require_safe
@customer_only
def return_from_bank(_request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Let a worker ask the gateway, because the customer is back from the bank; show the plan."""
    subscription = own_plan(user, reference)
    bank_step.close_way_for_plan(subscription)
    by_hand.note_return(subscription)
    return redirect_to("plan", reference)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def ask_for_way(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Ask for a way out to the bank once more, and show the plan, which waits for it."""
    subscription = own_plan(user, reference)
    if request.method == "POST" and by_hand.is_at_bank(subscription):
        bank_step.ask_for_way_for_plan(visits.get_or_begin(request), subscription)
    return redirect_to("plan", reference)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(ConsentForm)
@customer_only
def pay(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Show the methods, then the consent for the chosen one, and store the consent."""
    subscription = own_plan(user, reference)
    outlook = outlook_of(subscription)
    if not outlook.can_pay or outlook.amount is None:
        return redirect_to("plan", reference)
    usable, others = by_hand.split_methods(user, is_due=outlook.is_due)
    chosen = next((one for one in usable if str(one.pk) == request.GET.get("method")), None)
    context: dict[str, Any] = {
        "plan": subscription,
        "outlook": outlook,
        "amount": outlook.amount,
        "plan_name": outlook.change.plan_name if outlook.change else subscription.plan_name,
        "says": says(subscription, outlook, outlook.amount),
    }
    if chosen is None and request.method == "POST":
        # It was removed, or refused for good, while the page was open.
        return redirect_to("plan-pay", reference)
    if chosen is None:
        back_url = reverse("plan", args=[reference])
        context |= {"methods": usable, "others": others, "back_url": back_url}
        return render(request, "selfcare/plan_method.html", context)
    text = consent_text(chosen, outlook.amount)
    if request.method == "POST":
        return _agree(request, subscription, chosen, outlook, text)
    context |= {
        "form": restore_form(request, ConsentForm, {}),
        "consent_text": text,
        "method": chosen,
        "back_url": reverse("plan-pay", args=[reference]),
    }
    return render(request, "selfcare/plan_consent.html", context)


def consent_text(method: PaymentMethod, amount: Money) -> str:
    """Return what the customer agrees to: it is stored as the mandate's text."""
    names = {"operator": operator().name, "amount": amount, "card": method.label}
    return (
        _("I agree that %(operator)s charges %(amount)s to %(card)s every month until I cancel.")
        % names
    )


def says(subscription: Subscription, outlook: Outlook, amount: Money) -> list[str]:
    """Return what happens when the customer agrees, with each date and amount."""
    assert subscription.plan is not None  # noqa: S101 -- it renews
    values = {"amount": amount, "date": texts.day(outlook.at)}
    if outlook.next == Next.ON_HOLD:
        values["date"] = texts.day(end_of_period(subscription.plan, now()))
        return [
            _("%(amount)s is charged now, and a new month begins today.") % values,
            _("The plan then renews on %(date)s for %(amount)s.") % values,
        ]
    if outlook.next == Next.OVERDUE:
        coming = max(subscription.periods.all(), key=lambda one: one.number)
        values["date"] = texts.day(coming.ends_at)
        return [
            _("%(amount)s is charged now, for the month that has begun.") % values,
            _("The plan then renews on %(date)s for %(amount)s.") % values,
        ]
    return [_("Nothing is charged today. %(amount)s is charged on %(date)s.") % values]


def _agree(
    request: HttpRequest,
    subscription: Subscription,
    method: PaymentMethod,
    outlook: Outlook,
    text: str,
) -> HttpResponse:
    assert outlook.amount is not None  # noqa: S101 -- the text names it
    form = ConsentForm(request.POST)
    if not form.agrees_to(text):
        return redirect_back(request, form)
    language = get_language() or "en"
    try:
        by_hand.agree_to_pay(
            subscription, method, amount=outlook.amount, text=text, language=language
        )
    except (MethodGone, NotOffered, cancelling.NotRenewing):
        messages.warning(request, _("That didn't work. Nothing was charged. Please try again."))
    else:
        if outlook.is_due and present.has_step(method):
            bank_step.ask_for_way_for_plan(visits.get_or_begin(request), subscription)
        messages.success(
            request, _("This plan is now paid with %(method)s.") % {"method": method.label}
        )
    forget_form(request)
    return redirect_to("plan", subscription.reference)
