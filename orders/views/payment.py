"""The payment page: a stored method, a new card or a voucher.

A new card is exchanged for a token here, or is entered on the gateway's page.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.access.guessing import network_of
from accounts.access.limiter import Locked
from accounts.models import User
from accounts.texts import too_many_cards_text, too_many_text
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from orders import texts
from orders.card_form import CardFields
from orders.domain import drafts, targets
from orders.domain.choices import NEW_CARD, NEW_VOUCHER, Choices, payment_choices, preselect
from orders.domain.drafts import MethodRemoved, StaleForm
from orders.forms import MethodForm, PaymentForm, initial_for
from orders.models import Draft
from orders.views.steps import (
    check_draft,
    chosen_context,
    enter_step,
    frame_context,
    redirect_stale_form,
    redirect_to,
    redirect_to_open_step,
    shopper_only,
)
from payments.domain import bills, hosted, methods, new_cards, vouchers
from payments.gateways.base import Ability, CardRefused, GatewayUnavailable, NotOffered
from payments.models import PaymentMethod
from payments.models.methods import bill_label
from payments.states import MethodKind
from plans.models import Category

NO_LONGER_THERE = gettext_lazy("This payment method is no longer available. Choose another one.")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@shopper_only
@keeps_form(PaymentForm)
def payment(request: HttpRequest, user: User) -> HttpResponse:
    """Show the stored methods and the form for a new one, and save the choice."""
    _visit, draft = enter_step(request, user, "payment")
    if request.method == "POST":
        return _save_method(request, user, draft, _get_form_class()(request.POST))
    choice = targets.choice(draft)
    if draft.plan_id is None or choice.target is None or not draft.needs_method:
        return redirect_to_open_step(draft)
    market = draft.visit.market
    choices = payment_choices(draft)
    how = methods.new_card_ability(market, renews=draft.renews)
    page = draft.method if draft.method and draft.method.kind == MethodKind.PAGE else None
    first = initial_for(
        draft, method=preselect(draft, choices), keep=page is not None and page.is_kept
    )
    form = restore_form(request, _get_form_class(), first)
    category = draft.plan.category if draft.plan else Category.PREPAID
    back_url = reverse("device") if choice.is_open else f"{reverse('plans')}?category={category}"
    if choice.topped_up is not None:
        back_url = reverse("plan-top-up", args=[choice.topped_up.reference])
    context = _payment_context(form, choices)
    context["switched_off"] = choices.unavailable
    context["some_cannot_renew"] = choices.some_cannot_renew
    context["renews"] = draft.renews
    context["takes_cards"] = how is not None
    context["pays_on_page"] = how == Ability.HOSTED_PAYMENT
    context["takes_vouchers"] = vouchers.takes_vouchers(market, renews=draft.renews)
    context |= frame_context("payment", back_url=back_url) | chosen_context(draft)
    return render(request, "orders/payment.html", context)


def _get_form_class() -> type[MethodForm]:
    """Return the form with card fields, or without them if cards are entered at the gateway."""
    return MethodForm if settings.PAYMENT_CARD_ENTRY == "page" else PaymentForm


def _payment_context(form: MethodForm, choices: Choices) -> dict[str, Any]:
    selected = str(form["method"].value())
    rows = [
        {
            "id": method.pk,
            "label": method.label,
            "expiry": method.expiry,
            "selected": str(method.pk) == selected,
        }
        for method in choices.stored
    ]
    rows += [
        {"id": number, "label": bill_label(number[-4:]), "selected": number == selected}
        for number in choices.numbers
    ]
    return {
        "form": form,
        "methods": rows,
        "is_entered_at_gateway": not isinstance(form, PaymentForm),
    }


def _save_method(request: HttpRequest, user: User, draft: Draft, form: MethodForm) -> HttpResponse:
    """Save the method and redirect to the next step, which may be the gateway's card page."""
    if not form.is_valid():
        return redirect_back(request, form)
    how = methods.new_card_ability(draft.visit.market, renews=draft.renews)
    is_new = form.cleaned_data["method"] == NEW_CARD
    is_entered_at_gateway = is_new and not isinstance(form, PaymentForm)
    try:
        check_draft(draft, form)
        if is_entered_at_gateway and how != Ability.HOSTED_PAYMENT:
            page = drafts.open_card_page(
                draft, version=form.cleaned_data["version"], network=network_of(request)
            )
            forget_form(request)
            return redirect_to("card", page.key)
        if form.cleaned_data["version"] != draft.version:
            # Checked before anything is sent to the gateway.
            raise StaleForm(draft.pk)
        is_chosen = _apply_method(request, user, draft, form)
    except StaleForm:
        return redirect_stale_form(request, form.cleaned_data["draft"], user)
    except NotOffered:
        form.add_error("method", NO_LONGER_THERE)
        is_chosen = False
    except Locked as locked:
        form.add_error(None, too_many_cards_text(locked))
        is_chosen = False
    if not is_chosen:
        return redirect_back(request, form)
    forget_form(request)
    return redirect_to("review") if draft.plan_id else redirect_to_open_step(draft)


def _apply_method(request: HttpRequest, user: User, draft: Draft, form: MethodForm) -> bool:
    """Save the stored method, new card or voucher in the draft.

    Returns False if that failed. The form then holds the reason.
    """
    chosen = form.cleaned_data["method"]
    if isinstance(form, PaymentForm) and chosen == NEW_CARD:
        market, renews = draft.visit.market, draft.renews
        method = add_card(request, user, form, market=market, renews=renews)
    elif chosen == NEW_CARD:
        method = hosted.choose_page(
            user,
            market=draft.visit.market,
            keep=form.cleaned_data["keep"],
            renews=draft.renews,
            chosen=draft.method,
        )
    elif chosen == NEW_VOUCHER:
        method = _add_voucher(draft, form, network_of(request))
    else:
        method = _find_stored_method(draft, form)
    if method is None:
        return False
    try:
        drafts.choose_method(draft, method, version=draft.version)
    except MethodRemoved:
        form.add_error("method", NO_LONGER_THERE)
        return False
    return True


def _find_stored_method(draft: Draft, form: MethodForm) -> PaymentMethod | None:
    """Return the stored method, or store the bill of the number. None: it cannot be chosen."""
    chosen, choices = form.cleaned_data["method"], payment_choices(draft)
    for method in choices.stored:
        if str(method.pk) == chosen:
            return method
    if chosen in choices.numbers:
        market, renews = draft.visit.market, draft.renews
        return bills.add_bill(draft.account, chosen, market=market, renews=renews)
    form.add_error("method", NO_LONGER_THERE)
    return None


def _add_voucher(draft: Draft, form: MethodForm, network: str) -> PaymentMethod | None:
    """Store the voucher. Returns None with the reason in the form after too many codes.

    Raises `NotOffered` if the draft's plan renews, because a voucher pays once.
    """
    code, market = form.cleaned_data["voucher"], draft.visit.market
    if not vouchers.takes_vouchers(market, renews=draft.renews):
        raise NotOffered(Ability.VOUCHERS)
    try:
        return vouchers.add_voucher(draft.account, code, market=market, network=network)
    except Locked as locked:
        form.add_error("voucher", too_many_text(locked))
    return None


def add_card(
    request: HttpRequest, user: User, form: CardFields, *, market: str, renews: bool
) -> PaymentMethod | None:
    """Exchange the card for a token. Returns None with the reason in the form if that failed."""
    network = network_of(request)
    try:
        return new_cards.add_card(user, form.card(), network=network, market=market, renews=renews)
    except CardRefused as error:
        refusal = _("Your bank didn't accept this entry. Check it or use another card.")
        form.add_error(error.field or None, refusal if error.field else texts.no_card_saved())
    except Locked as locked:
        form.add_error(None, too_many_cards_text(locked))
    except GatewayUnavailable:
        form.add_error(
            None,
            _("We can't reach the payment service. You haven't been charged. Please try again."),
        )
    return None
