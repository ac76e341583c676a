"""`/sim/`: the customer proves that a SIM is theirs.

The page is shown if the launch named a SIM that another customer uses without a proof, or to make
the customer's own SIM theirs alone.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.access.limiter import Locked
from accounts.models import User
from accounts.texts import wait_text
from esim.models import Sim
from mobileplans.domain import visits
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from orders.forms import SimProofForm
from orders.views.steps import customer_only, redirect_to
from subscriptions.domain import claims
from subscriptions.domain.lifecycle import SimOfAnother


@keeps_form(SimProofForm)
@sensitive_post_parameters("proof")
@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def sim(request: HttpRequest, user: User) -> HttpResponse:
    """Ask for the proof, and give the SIM to the customer who has it."""
    visit = visits.get_or_begin(request)
    found = visits.sims_to_prove(visit, user)
    if not found:
        # If the SIM is another customer's for good, the options page says so.
        return redirect_to("options")
    visits.note_step(visit, "sim")
    locks = {one.pk: claims.find_lock(user, one) for one in found}
    unlocked = [one for one in found if locks[one.pk] is None]
    if request.method == "POST":
        return _check_proof(request, user, {one.pk: one for one in unlocked})
    return _render_form(
        request, user, unlocked or found[:1], None if unlocked else locks[found[0].pk]
    )


def _render_form(
    request: HttpRequest, user: User, found: list[Sim], locked: Locked | None
) -> HttpResponse:
    """Show the form, or how long these SIMs are locked."""
    first = {"sim": found[0].pk}
    form = SimProofForm(initial=first) if locked else restore_form(request, SimProofForm, first)
    chosen = next((one for one in found if str(one.pk) == str(form["sim"].value())), found[0])
    context: dict[str, Any] = {
        "form": form,
        "last4": chosen.iccid[-4:],
        "is_mine": claims.is_on_line_of(user, chosen),
        "rows": _rows(found, chosen) if len(found) > 1 else [],
        "wait_text": wait_text(locked) if locked else "",
        "reference": visits.get_or_begin(request).transaction_id,
        "back_url": reverse("account"),
        "cancel": True,
    }
    response = render(request, "orders/sim.html", context)
    if locked and locked.seconds:
        response.headers["Retry-After"] = str(locked.seconds)
    return response


def _rows(found: list[Sim], chosen: Sim) -> list[dict[str, Any]]:
    """Return a radio row for each SIM."""
    return [{"id": str(one.pk), "name": _sim_name(one), "selected": one == chosen} for one in found]


def _sim_name(one: Sim) -> str:
    is_profile = one.kind == Sim.Kind.PROFILE
    text = _("eSIM ending in %(last4)s") if is_profile else _("SIM ending in %(last4)s")
    return text % {"last4": one.iccid[-4:]}


def _check_proof(request: HttpRequest, user: User, found: dict[int, Sim]) -> HttpResponse:
    """Check the answer, and redirect to the options with the SIM, or back to the form."""
    form = SimProofForm(request.POST)
    if not form.is_valid():
        return redirect_back(request, form)
    chosen = found.get(form.cleaned_data["sim"])
    if chosen is None:
        # The SIM was proven or locked in another tab since the page was shown.
        return redirect_to("sim")
    try:
        claims.prove(user, chosen, answer=form.cleaned_data["proof"])
    except claims.WrongProof:
        form.add_error("proof", _("That's not right. Check it and try again."))
        return redirect_back(request, form)
    except Locked:
        # The page says how long to wait.
        return redirect_to("sim")
    except SimOfAnother:
        return redirect_to("options")
    forget_form(request)
    name = {"sim": _sim_name(chosen)}
    messages.success(request, _("Confirmed: %(sim)s is on your account.") % name)
    return redirect_to("options")
