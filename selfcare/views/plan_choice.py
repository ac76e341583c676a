"""`/account/plans/<reference>/change/<number>/`: agree to a plan that begins when the month ends.

The choice is no order, and nothing is charged for it. Until the new plan begins, `…/change/undo/`
takes it back.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from brand.queries import operator
from mobileplans.domain import visits
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from orders.queries.offers import offers_for
from orders.texts import why_not_changed
from orders.views.steps import customer_only, redirect_to
from payments.domain.mandates import MethodGone
from payments.gateways.base import NotOffered
from payments.models import PaymentMethod
from plans.models import Category
from plans.queries import Offer
from selfcare import texts
from selfcare.forms import ConsentForm
from selfcare.views.plans import own_plan
from subscriptions.domain import by_hand, cheaper
from subscriptions.domain.changing import Hindrance, NotChangeable
from subscriptions.domain.outlook import outlook_of
from subscriptions.domain.periods import last_paid
from subscriptions.domain.terms import running_terms
from subscriptions.models import Period, Subscription


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(ConsentForm)
@customer_only
def choose(request: HttpRequest, user: User, reference: str, number: int) -> HttpResponse:
    """Show what begins and when, with the consent to it. `number` is the key of the plan."""
    subscription = own_plan(user, reference)
    paid = last_paid(subscription)
    offer = _offer(request, number)
    if offer is None or offer.paused:
        gone = _("This plan is no longer available. Choose another one.")
        messages.warning(request, offer.paused if offer else gone)
        return redirect_to("plan-change", reference)
    try:
        cheaper.check_choosable(subscription, paid, offer)
    except NotChangeable as error:
        return _refuse(request, error)
    usable, others = by_hand.split_methods(user)
    method = _method(request, subscription, usable)
    context: dict[str, Any] = {"plan": subscription, "amount": offer.price.taxed.gross}
    if method is None and request.method == "POST":
        # It was removed, or refused for good, while the page was open.
        return redirect_to("plan-choose", reference, number, query="method=")
    if method is None:
        back_url = reverse("plan-change", args=[reference])
        context |= {"methods": usable, "others": others, "back_url": back_url}
        return render(request, "selfcare/plan_method.html", context | {"plan_name": offer.name})
    text = consent_text(method, offer, paid)
    if request.method == "POST":
        return _agree(request, subscription, offer, method, text)
    context |= {
        "form": restore_form(request, ConsentForm, {}),
        "offer": offer,
        "starts_at": paid.ends_at,
        "consent_text": text,
        "method": method,
        "back_url": reverse("plan-change", args=[reference]),
    }
    return render(request, "selfcare/plan_choose.html", context)


def _offer(request: HttpRequest, number: int) -> Offer | None:
    """Return the monthly plan with this key, if it is on sale here."""
    found = offers_for(visits.get_or_begin(request), Category.RECURRING, new_esim=False)
    return next((offer for offer in found if offer.plan.pk == number), None)


def _method(
    request: HttpRequest, subscription: Subscription, usable: list[PaymentMethod]
) -> PaymentMethod | None:
    """Return the method that the customer has chosen here, otherwise the one that pays now."""
    mandate = subscription.mandate
    paying = str(mandate.method_id) if mandate and not mandate.ended_at else ""
    chosen = request.GET.get("method", paying)
    return next((one for one in usable if str(one.pk) == chosen), None)


def consent_text(method: PaymentMethod, offer: Offer, paid: Period) -> str:
    """Return what the customer agrees to: it is stored as the mandate's text."""
    names = {
        "operator": operator().name,
        "amount": offer.price.taxed.gross,
        "card": method.label,
        "date": texts.day(paid.ends_at),
    }
    text = _(
        "I agree that %(operator)s charges %(amount)s to %(card)s every month, "
        "from %(date)s until I cancel."
    )
    return text % names


def _refuse(request: HttpRequest, error: NotChangeable) -> HttpResponse:
    """Lead to the page that says why. A form that was sent twice leads to what it has done."""
    if error.why == Hindrance.CHOSEN_ALREADY:
        return redirect_to("plan", error.reference)
    messages.warning(request, why_not_changed(error.why))
    return redirect_to("plan-change", error.reference)


def _agree(
    request: HttpRequest,
    subscription: Subscription,
    offer: Offer,
    method: PaymentMethod,
    text: str,
) -> HttpResponse:
    form = ConsentForm(request.POST)
    if not form.agrees_to(text):
        return redirect_back(request, form)
    consent = cheaper.Consent(method, text, get_language() or "en")
    forget_form(request)
    try:
        cheaper.choose(subscription, offer, consent)
    except NotChangeable as error:
        return _refuse(request, error)
    except (MethodGone, NotOffered):
        messages.warning(request, _("That didn't work. Nothing was charged. Please try again."))
        return redirect_to("plan-change", subscription.reference)
    messages.success(request, _("%(plan)s begins when this month ends.") % {"plan": offer.name})
    return redirect_to("plan", subscription.reference)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def undo(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Say what would be charged and when, then let the running plan go on."""
    subscription = own_plan(user, reference)
    if request.method == "POST":
        return _undo(request, subscription)
    change, paid = outlook_of(subscription).change, last_paid(subscription)
    if change is None:
        return redirect_to("plan", reference)
    consent = change.earlier_mandate
    context = {
        "plan": subscription,
        "change": change,
        "amount": running_terms(subscription, paid, starts_at=paid.ends_at).price.gross,
        "starts_at": paid.ends_at,
        "method_text": consent.method.label if consent and not consent.ended_at else "",
        "back_url": reverse("plan", args=[reference]),
    }
    return render(request, "selfcare/plan_undo_change.html", context)


def _undo(request: HttpRequest, subscription: Subscription) -> HttpResponse:
    try:
        cheaper.undo(subscription)
    except cheaper.TooLate:
        messages.warning(request, _("There is nothing to undo any more."))
    else:
        text = _("The change is undone. You keep %(plan)s.")
        messages.success(request, text % {"plan": subscription.plan_name})
    return redirect_to("plan", subscription.reference)
