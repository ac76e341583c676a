"""The device page: which device, or which eSIM on it, gets the plan.

The page is shown only if the launch did not answer that.
"""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from accounts.models import User
from mobileplans.domain import session, visits
from mobileplans.models import Visit
from moportal.identifiers import Eid, InvalidIdentifier
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from moportal.web.links import absolute_url
from orders.domain import drafts, targets
from orders.domain.drafts import StaleForm
from orders.domain.targets import Choice
from orders.forms import NEW_ESIM, DeviceForm, initial_for
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
from plans.models import Category

# Windows fills in the braces, so they must stay. The portal's state comes before them in the query,
# which no log records.
SHARING = "ms-settings:cellular-id?callbackUrl={callback}?state={state}&eid={{eid}}&imei={{imei}}"
SALT = "orders.device-sharing"
SHARED_WITHIN_SECONDS = 30 * 60


@require_http_methods(["GET", "HEAD", "POST"])
@shopper_only
@keeps_form(DeviceForm)
def device(request: HttpRequest, user: User) -> HttpResponse:
    """Ask what gets the plan: an installed profile, or a new eSIM for an EID."""
    visit, draft = enter_step(request, user, "device")
    choice = targets.choice(draft)
    if choice.is_lost and not choice.is_open:
        return _replace_lost_target(request, visit, draft)
    if not choice.is_open:
        return redirect_to_open_step(draft)
    if request.method == "POST":
        return _save_target(request, user, draft, choice, DeviceForm(request.POST))
    is_shared = visit.eid_from == Visit.EidFrom.SHARED
    # An EID that came from another browser is not shown in full.
    first = initial_for(draft, target=_default_target(choice), eid="" if is_shared else visit.eid)
    form = restore_form(request, DeviceForm, first)
    category = draft.plan.category if draft.plan else Category.PREPAID
    context = {
        "form": form,
        "needs_eid": choice.needs_eid,
        "shared_last4": visit.eid[-4:] if is_shared else "",
        "rows": _target_rows(choice, str(form["target"].value())),
        "sharing_url": _sharing_url(request, draft) if choice.needs_eid else "",
        **frame_context("device", back_url=f"{reverse('plans')}?category={category}"),
        **chosen_context(draft),
    }
    return render(request, "orders/device.html", context)


def _replace_lost_target(request: HttpRequest, visit: Visit, draft: Draft) -> HttpResponse:
    """Continue after the SIM that was chosen for the plan has been taken out of use."""
    if visit.iccid:
        visits.refuse_sim(visit, "iccid")
        return redirect_to("launch-refused")
    with suppress(StaleForm):
        # Another tab changed the draft first. The next page shows the current state.
        drafts.choose_target(draft, None, version=draft.version)
    messages.info(request, _("The eSIM you chose is no longer available. You'll get a new one."))
    return redirect_to_open_step(draft)


def _default_target(choice: Choice) -> str:
    if not choice.profiles:
        return NEW_ESIM
    if choice.target is None:
        return ""
    return str(choice.target.sim.pk) if choice.target.sim else NEW_ESIM


def _target_rows(choice: Choice, selected: str) -> list[dict[str, Any]]:
    """Return a radio row for each installed profile, and one for a new eSIM if the plan takes it.

    Without an installed profile there is nothing to choose, so the list is empty.
    """
    if not choice.profiles:
        return []
    rows = [
        {
            "id": str(sim.pk),
            "name": _("The eSIM ending in %(last4)s") % {"last4": sim.iccid[-4:]},
            "text": _("Already on this device, nothing to download"),
        }
        for sim in choice.profiles
    ]
    if choice.takes_new_esim:
        rows.append(
            {"id": NEW_ESIM, "name": _("A new eSIM"), "text": _("In addition to the ones you have")}
        )
    return [{**row, "selected": row["id"] == selected} for row in rows]


def _save_target(
    request: HttpRequest, user: User, draft: Draft, choice: Choice, form: DeviceForm
) -> HttpResponse:
    """Save a valid choice and redirect to the next step."""
    there = {str(sim.pk): sim for sim in choice.profiles}
    is_shared = draft.visit.eid_from == Visit.EidFrom.SHARED
    if form.is_valid():
        is_known = is_shared and not form.cleaned_data["eid"]
        possible = frozenset({*there, NEW_ESIM} if choice.takes_new_esim else there)
        form.check(there=possible, needs_eid=choice.needs_eid and not is_known)
    if not form.is_valid():
        if form.cleaned_data.get("draft") != draft.pk:
            return redirect_stale_form(request, form.cleaned_data.get("draft"), user)
        return redirect_back(request, form)
    wish, version = form.cleaned_data["target"], form.cleaned_data["version"]
    try:
        check_draft(draft, form)
        eid = form.cleaned_data["eid"]
        if wish == NEW_ESIM and choice.needs_eid and eid:
            drafts.name_device(draft, eid, version=version, given=Visit.EidFrom.TYPED)
        else:
            drafts.choose_target(draft, there.get(wish), version=version)
    except StaleForm:
        return redirect_stale_form(request, form.cleaned_data["draft"], user)
    forget_form(request)
    return redirect_to_open_step(draft)


def _sharing_url(request: HttpRequest, draft: Draft) -> str:
    """Return the link by which Windows asks for consent and opens the portal's callback.

    The state in the link is valid for this version of the draft, so it works once: the callback
    changes the draft. Source: docs/contract.md#open-web.
    """
    if "Windows NT" not in request.headers.get("User-Agent", ""):
        return ""
    state = signing.dumps([draft.pk, draft.version], salt=SALT)
    callback = absolute_url("device-shared")
    return SHARING.format(callback=callback, state=state)


@require_GET
def receive_shared_device(request: HttpRequest) -> HttpResponse:
    """Save the EID and IMEI that the customer shared from the settings of Windows.

    Windows may open this address in another browser. The signed state therefore identifies the
    draft, and no session is needed. The answer is a 303, so the numbers do not stay in the address.
    """
    try:
        state = request.GET.get("state", "")
        draft_id, version = signing.loads(state, salt=SALT, max_age=SHARED_WITHIN_SECONDS)
        eid = Eid.parse(request.GET.get("eid", "").strip())
        draft = Draft.objects.select_related("visit", "account").get(pk=draft_id, submitted_at=None)
        imei = request.GET.get("imei", "").strip()
        imei = imei if imei.isascii() and imei.isdigit() else ""
        drafts.name_device(draft, eid, version=version, given=Visit.EidFrom.SHARED, imei=imei[:20])
    except InvalidIdentifier:
        return redirect_to("device-told", "unreadable")
    except (signing.BadSignature, ValueError, TypeError, Draft.DoesNotExist, StaleForm):
        return redirect_to("device-told", "stale")
    if request.session.get(session.SESSION_KEY) == draft.visit_id:
        return redirect_to_open_step(draft)
    return redirect_to("device-told", "thanks")


TOLD = {
    "thanks": lambda: (
        _("Thank you, we have your device details"),
        _("Go back to the window where you were placing your order and choose Next."),
    ),
    "stale": lambda: (
        _("This link has already been used"),
        _(
            "Go back to the window where you were placing your order "
            "and share your device details again."
        ),
    ),
    "unreadable": lambda: (
        _("Windows didn't share an EID"),
        _("This device or the SIM slot you chose has no eSIM. Go back and enter the EID instead."),
    ),
}


@require_safe
def show_sharing_result(request: HttpRequest, what: str) -> HttpResponse:
    """Show the result of sharing, in whichever browser Windows opened."""
    if what not in TOLD:
        return redirect_to("device")
    title, text = TOLD[what]()
    return render(request, "orders/device_told.html", {"title": title, "text": text})
