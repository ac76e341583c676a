"""`/account/plans/<reference>/change/`: choose another monthly plan for the running one.

A dearer plan is ordered: this page leads to the payment and the review of the journey, which show
what is due today as one sum. Any other plan begins when the month ends: this page leads to the
consent (`selfcare.views.plan_choice`).
"""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from mobileplans.domain import visits
from moportal.web.kept_forms import keeps_form, redirect_back, restore_form
from orders.domain import drafts, pricing
from orders.forms import PlanForm, initial_for
from orders.models import Draft
from orders.queries.offers import all_paused, offers_for
from orders.texts import why_not_changed
from orders.views.plans import answer_choice, plan_tile, tiles_context
from orders.views.steps import customer_only, redirect_to, redirect_to_open_step
from plans.models import Category
from plans.queries import Offer
from selfcare import texts
from selfcare.views.plans import own_plan
from subscriptions.domain import changing, cheaper
from subscriptions.domain.changing import Hindrance, NotChangeable
from subscriptions.domain.chosen import chosen_change
from subscriptions.domain.periods import last_paid
from subscriptions.models import Period, Subscription


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(PlanForm)
@customer_only
def change(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Show the plans that can take the running one's place, and take the choice."""
    subscription = own_plan(user, reference)
    draft = drafts.open_draft(user, visits.get_or_begin(request))
    if request.method == "POST":
        return _save_plan(request, user, subscription, draft)
    at, paid = now(), last_paid(subscription)
    why = changing.hindrance_of(subscription, paid, at=at)
    form = restore_form(request, PlanForm, initial_for(draft))
    chosen = str(form["plan"].value())
    found = [] if why else _offers(draft, subscription, paid, at)
    paused = all_paused(found)
    context = {
        "plan": subscription,
        "form": form,
        "paused": paused,
        **tiles_context(
            [
                plan_tile(offer, chosen, note=_what_happens(offer, subscription, paid, at))
                for offer in ([] if paused else found)
            ]
        ),
        "location": draft.visit.location,
        "why_not": why_not_changed(why) if why else "",
        "chosen": chosen_change(subscription),
        "starts_at": paid.ends_at,
        "back_url": reverse("plan", args=[reference]),
    }
    return render(request, "selfcare/plan_change.html", context)


def _save_plan(
    request: HttpRequest, user: User, subscription: Subscription, draft: Draft
) -> HttpResponse:
    form = PlanForm(request.POST)
    if not form.is_valid():
        return redirect_back(request, form)

    def choose(offer: Offer, version: int) -> HttpResponse:
        paid = last_paid(subscription)
        if not changing.is_dearer(offer, paid):
            cheaper.check_choosable(subscription, paid, offer)
            return redirect_to("plan-choose", subscription.reference, offer.plan.pk)
        pricing.choose_change(draft, subscription, offer, version=version)
        _propose_method(draft, subscription)
        return redirect_to_open_step(draft)

    try:
        return answer_choice(request, user, draft, form, choose, new_esim=False)
    except NotChangeable as error:
        messages.warning(request, why_not_changed(error.why))
        return redirect_to("plan-change", subscription.reference)


def _propose_method(draft: Draft, subscription: Subscription) -> None:
    """Set the method that pays the running plan, unless the draft has a usable one already."""
    mandate = subscription.mandate
    if mandate is None or mandate.ended_at or drafts.has_usable_method(draft):
        return
    drafts.choose_method(draft, mandate.method, version=draft.version)


def _offers(draft: Draft, subscription: Subscription, paid: Period, at: datetime) -> list[Offer]:
    """Return the monthly plans that can take the running one's place."""
    return [
        offer
        for offer in offers_for(draft.visit, Category.RECURRING, new_esim=False)
        if _is_possible(subscription, paid, offer, at)
    ]


def _is_possible(subscription: Subscription, paid: Period, offer: Offer, at: datetime) -> bool:
    try:
        if changing.is_dearer(offer, paid):
            pricing.check_change(subscription, paid, offer, at=at)
        else:
            cheaper.check_choosable(subscription, paid, offer)
    except NotChangeable as error:
        # The customer can remove a device first. So the plan is shown, and its choice says that.
        return error.why == Hindrance.TOO_MANY_DEVICES
    return True


def _what_happens(offer: Offer, subscription: Subscription, paid: Period, at: datetime) -> str:
    """Return when the new plan begins, and what is due."""
    monthly = offer.price.taxed.gross
    if not changing.is_dearer(offer, paid):
        values = {"date": texts.day(paid.ends_at), "amount": monthly}
        text = _(
            "Begins on %(date)s, for %(amount)s a month. "
            "Until then nothing changes and nothing is due."
        )
        return text % values
    due = changing.sum_due(monthly, paid, at=at)
    return _("Begins today. You pay %(due)s now: the unused part of %(old)s is taken off.") % {
        "due": due,
        "old": subscription.plan_name,
    }
