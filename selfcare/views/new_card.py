"""`/account/methods/add/`: a new card outside of an order, for later or for one plan.

It is exchanged for a token here, or entered on the gateway's page. Nothing is charged. For a plan,
its consent comes next.
"""

import uuid
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access.guessing import network_of
from accounts.access.limiter import Locked
from accounts.models import User
from accounts.texts import too_many_cards_text
from mobileplans.domain import visits
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from moportal.web.links import absolute_url
from moportal.web.progress import render_progress
from orders import texts
from orders.card_form import NewCardForm
from orders.domain import bank_step
from orders.views.card import card_context
from orders.views.payment import add_card
from orders.views.steps import accept_post_back, after_reentry, customer_only, redirect_to
from payments.domain import new_cards, pages
from payments.gateways.base import Ability
from payments.models import CardPage, PaymentMethod
from payments.states import CardPageState
from selfcare.views.plans import own_plan
from subscriptions.models import Subscription


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(NewCardForm)
@customer_only
@after_reentry
def add(request: HttpRequest, user: User) -> HttpResponse:
    """Take a new card, here or on the gateway's page."""
    plan = _plan(request, user)
    market = visits.get_or_begin(request).market
    how = new_cards.kept_card_ability(market, renews=plan is not None)
    if request.method == "POST" and how == Ability.HOSTED_PAGE:
        return _open_page(request, user, plan, market)
    if request.method == "POST" and how is not None:
        return _take(request, user, plan, market)
    context = {
        "plan": plan,
        "is_entered_here": how == Ability.CARD_ENTRY,
        "takes_cards": how is not None,
        "form": restore_form(request, NewCardForm, {}),
        "back_url": _back_url(plan),
    }
    return render(request, "selfcare/method_add.html", context)


@require_safe
@customer_only
def progress(request: HttpRequest, user: User, key: uuid.UUID) -> HttpResponse:
    """Show how far the gateway's page has come. Once it is closed, lead on."""
    page, plan = _own_page(user, key), _plan(request, user)
    if page.is_under_way:
        query = _query(plan)
        context = card_context(page, open_url=reverse("method-page-open", args=[key]) + query)
        context |= {"back_url": reverse("method-add") + query, "step": None, "cancel": False}
        return render_progress(request, "orders/card.html", context)
    if page.state == CardPageState.TAKEN and page.method is not None:
        return _lead_on(request, page.method, plan)
    messages.warning(request, texts.missing_card(page))
    return redirect_to("method-add", query=_query(plan).lstrip("?"))


@require_safe
@customer_only
def open_gateway(request: HttpRequest, user: User, key: uuid.UUID) -> HttpResponse:
    """Redirect to the gateway's page."""
    page = _own_page(user, key)
    if page.state != CardPageState.OPEN:
        return _to_progress(request, user, key)
    return HttpResponseRedirect(pages.record_redirect(page), status=303)


@accept_post_back
@require_safe
@customer_only
def return_from_gateway(request: HttpRequest, user: User, key: uuid.UUID) -> HttpResponse:
    """Record that the customer is back from the gateway, and show the progress."""
    page = _own_page(user, key)
    bank_step.close_way_to_card_page(page)
    pages.record_return(page)
    return _to_progress(request, user, key)


def _take(request: HttpRequest, user: User, plan: Subscription | None, market: str) -> HttpResponse:
    form = NewCardForm(request.POST)
    method = None
    if form.is_valid():
        method = add_card(request, user, form, market=market, renews=plan is not None)
    if method is None:
        return redirect_back(request, form)
    forget_form(request)
    return _lead_on(request, method, plan)


def _open_page(
    request: HttpRequest, user: User, plan: Subscription | None, market: str
) -> HttpResponse:
    key = uuid.uuid4()
    return_url = absolute_url("method-page-returned", key) + _query(plan)
    try:
        page = new_cards.open_page(
            user,
            key=key,
            return_url=return_url,
            network=network_of(request),
            market=market,
            renews=plan is not None,
        )
    except Locked as locked:
        messages.warning(request, too_many_cards_text(locked))
        return redirect_to("method-add", query=_query(plan).lstrip("?"))
    bank_step.ask_for_way_to_card_page(visits.get_or_begin(request), page)
    return redirect_to("method-page", key, query=_query(plan).lstrip("?"))


def _lead_on(
    request: HttpRequest, method: PaymentMethod, plan: Subscription | None
) -> HttpResponse:
    """Lead to the plan's consent, or to the account."""
    if plan is not None:
        return redirect_to("plan-pay", plan.reference, query=urlencode({"method": method.pk}))
    messages.success(request, _("%(method)s is saved.") % {"method": method.label})
    return redirect_to("account")


def _to_progress(request: HttpRequest, user: User, key: uuid.UUID) -> HttpResponse:
    return redirect_to("method-page", key, query=_query(_plan(request, user)).lstrip("?"))


def _plan(request: HttpRequest, user: User) -> Subscription | None:
    """Return the plan that the card is for, if the address names one of the customer's."""
    reference = request.GET.get("plan", "")
    return own_plan(user, reference) if reference else None


def _query(plan: Subscription | None) -> str:
    return f"?{urlencode({'plan': plan.reference})}" if plan else ""


def _back_url(plan: Subscription | None) -> str:
    return reverse("plan-pay", args=[plan.reference]) if plan else reverse("account")


def _own_page(user: User, key: uuid.UUID) -> CardPage:
    """Return the customer's card page. For another customer's page the answer is 404."""
    return get_object_or_404(CardPage.objects.select_related("method"), account=user, key=key)
