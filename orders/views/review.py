"""The review page, with Submit order."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access.limiter import Locked
from accounts.models import User
from accounts.texts import wait_text
from brand.queries import order_button
from esim.models import Sim
from mobileplans.domain import visits
from mobileplans.models import Visit
from moportal.money import Money
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from orders import line_texts, texts
from orders.domain import drafts, fraud, limits, pausing, placing, pricing, targets
from orders.domain.consent import ConsentMissing, consent_text, renewal_day, start_now_text
from orders.domain.drafts import StaleForm
from orders.domain.targets import Choice
from orders.forms import ReviewForm, initial_for
from orders.line_texts import line_name
from orders.models import Draft
from orders.queries import pauses
from orders.states import OrderKind
from orders.views.steps import (
    chosen_context,
    enter_step,
    frame_context,
    redirect_stale_form,
    redirect_to,
    redirect_to_open_step,
    shopper_only,
)
from plans.models import Category
from plans.queries import PlanNotOffered, validity_text
from subscriptions.domain.changing import NotChangeable


@require_http_methods(["GET", "HEAD", "POST"])
@shopper_only
@keeps_form(ReviewForm)
def review(request: HttpRequest, user: User) -> HttpResponse:
    """Show everything that matters before Submit order (docs/policies.md#j4)."""
    if request.method == "POST":
        return _place_order(request, user, ReviewForm(request.POST))
    visit, draft = enter_step(request, user, "review")
    choice = targets.choice(draft)
    may_be_charged = drafts.is_paid_for(draft)
    if draft.plan and choice.target and not may_be_charged:
        # The method was removed from the account, its gateway was switched off, or the customer
        # opened this page directly.
        messages.info(request, _("Choose a payment method to continue."))
    if draft.plan is None or choice.target is None or not may_be_charged:
        return redirect_to_open_step(draft)
    is_of_running_plan = draft.adds_device
    try:
        price_change = pricing.update_price(draft)
        drafts.store_shown_target(draft, choice.target.sim)
    except PlanNotOffered:
        return _redirect_to_choice(request, adds_device=is_of_running_plan)
    except NotChangeable as error:
        messages.warning(request, texts.why_not_changed(error.why))
        return redirect_to("plan", error.reference)
    except StaleForm:
        return redirect_to("review")
    form = restore_form(request, ReviewForm, initial_for(draft))
    context = _review_context(draft) | {"form": form, "price_change": price_change}
    context |= _device_context(choice, visit)
    context |= {"is_stopped": fraud.is_stopped(visit), "reference": visit.transaction_id}
    locked = limits.find_lock(user, visit)
    context["wait_text"] = wait_text(locked) if locked else ""
    context["paused"] = pauses.text_about(draft, choice.target.sim)
    context["may_order"] = not (locked or context["is_stopped"] or context["paused"])
    response = render(request, "orders/review.html", context)
    if locked and locked.seconds:
        response.headers["Retry-After"] = str(locked.seconds)
    return response


def _redirect_to_choice(request: HttpRequest, *, adds_device: bool) -> HttpResponse:
    """Lead back to the plans, because the chosen one is no longer offered."""
    if adds_device:
        messages.warning(request, _("The plan you chose can't take this device any more."))
        return redirect_to("lines")
    messages.warning(
        request, _("The plan you chose is no longer available here. Choose another one.")
    )
    return redirect_to("options")


def _place_order(request: HttpRequest, user: User, form: ReviewForm) -> HttpResponse:
    """Place the order.

    A form that was already used leads to its order. A stale form leads to what changed.
    """
    if not form.is_valid():
        return redirect_stale_form(request, form.cleaned_data.get("draft"), user)
    mine = Draft.objects.filter(account=user, pk=form.cleaned_data["draft"]).first()
    if mine is None:
        return redirect_stale_form(request, form.cleaned_data["draft"], user)
    if mine.submitted_at is None:
        # If the form was shown for another device, this visit takes over the draft. The draft then
        # gets a new version, and the form is rejected as stale.
        drafts.open_draft(user, visits.get_or_begin(request))
    try:
        data = form.cleaned_data
        agreed = {"consent": data["consent"], "start_now": data["start_now"]}
        order = placing.place(mine, version=data["version"], **agreed)
    except ConsentMissing:
        form.add_error("consent", _("Tick this box if you agree. The plan renews every month."))
        return redirect_back(request, form)
    except (StaleForm, placing.PlacedOtherwise):
        return redirect_stale_form(request, form.cleaned_data["draft"], user)
    except (Locked, fraud.DeviceStopped, pausing.SalesPaused):
        # The review page says why, and until when or whom to call. What was ticked stays.
        return redirect_back(request, form)
    forget_form(request)
    return redirect_to("order", order.number)


def _device_context(choice: Choice, visit: Visit) -> dict[str, Any]:
    """Return which device or SIM gets the plan, and whether the customer can change it."""
    target, note = choice.target, ""
    if choice.topped_up is not None:
        text = line_name(choice.topped_up.line)
        note = _("The data is added to this line")
    elif target is None or target.sim is None:
        text = _("This device, with a new eSIM")
        note = _("Your other SIMs won't change")
        if choice.needs_eid:
            text = _("A new eSIM")
            note = _("For the device with the EID ending in %(last4)s") % {"last4": visit.eid[-4:]}
    elif target.sim.kind == Sim.Kind.PROFILE:
        text = _("The eSIM ending in %(last4)s") % {"last4": target.sim.iccid[-4:]}
        note = _("Already on this device, nothing to download")
    else:
        text = _("The SIM in this device")
    return {"device_text": text, "device_note": note, "device_is_open": choice.is_open}


def _change_context(draft: Draft) -> dict[str, Any]:
    """Return how the sum of a change comes about."""
    old, price = draft.running_plan, draft.price.gross
    if old is None or draft.kind != OrderKind.CHANGE:
        return {}
    monthly = draft.monthly.gross
    unused = Money(monthly.minor_units - price.minor_units, price.currency)
    return {"change": {"old_name": old.plan_name, "monthly": monthly, "unused": unused}}


def _move_context(draft: Draft) -> dict[str, Any]:
    """Return from which SIM the plan is moved."""
    old = draft.moves_from
    return {"moves_from": line_texts.sim_name(old.sim)} if old else {}


def _back_url(draft: Draft) -> str:
    """Return where Back leads. A draft with nothing to pay has skipped the payment page."""
    return reverse("payment") if draft.needs_method else _change_url(draft)


def _order_button(draft: Draft) -> str:
    """Return the words that the market's law asks for, or none. They say that it costs money.

    A move costs nothing, so its button only says what happens.
    """
    if draft.kind == OrderKind.MOVE:
        return _("Move the plan")
    if draft.is_free:
        return ""
    return order_button(draft.visit.market, get_language() or settings.LANGUAGE_CODE)


def _change_url(draft: Draft) -> str:
    """Return where another plan can be chosen."""
    if draft.adds_device:
        return reverse("lines")
    if draft.running_plan is not None:
        return reverse("plan-change", args=[draft.running_plan.reference])
    if (topped_up := targets.topped_up_plan(draft)) is not None:
        return reverse("plan-top-up", args=[topped_up.reference])
    category = draft.plan.category if draft.plan else Category.PREPAID
    return f"{reverse('plans')}?category={category}"


def _renewal_text(draft: Draft) -> str:
    """Return when the plan renews, or that the device only shares it."""
    if draft.kind == OrderKind.MOVE:
        return _("The plan moves with its data. Its price and its dates stay the same.")
    if draft.adds_device:
        return _("This device shares the plan's data. The plan's own price stays the same.")
    if draft.plan is None or not draft.renews:
        return ""
    return texts.renewal(renewal_day(draft.plan, now()), draft.monthly.gross)


def _review_context(draft: Draft) -> dict[str, Any]:
    plan, price = draft.plan, draft.price
    assert plan is not None  # noqa: S101 -- the page is not entered without a plan
    return {
        "draft": {"plan_name": draft.plan_name, "plan_id": plan.pk, "category": plan.category},
        "data_bytes": plan.data_bytes,
        "validity_text": validity_text(plan.category, plan.validity_days),
        "countries": [row.country for row in plan.countries.all()],
        "method": draft.method,
        "renewal_text": _renewal_text(draft),
        "change_url": _change_url(draft),
        **_change_context(draft),
        **_move_context(draft),
        "consent_text": consent_text(draft),
        "start_now_text": start_now_text(draft),
        "price": price.gross,
        "net": price.net,
        "tax": price.tax,
        "tax_rate": draft.tax_rate,
        "order_button": _order_button(draft),
        **frame_context("review", back_url=_back_url(draft)),
        **chosen_context(draft),
    }
