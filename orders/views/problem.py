"""`/esim-problem/`: what went wrong with the download, and the one thing to do about it."""

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from mobileplans.domain import visits
from mobileplans.domain.lpa_advice import Remedy
from mobileplans.models import Visit
from mobileplans.words import LpaCode
from moportal.web.progress import render_progress
from orders import texts
from orders.domain import outcomes, problems, repairing
from orders.domain.problems import Problem
from orders.models import Order
from orders.states import RepairState
from orders.views.order import hand_over_again
from orders.views.steps import redirect_to

MOST_STEPS = 3


@require_http_methods(["GET", "HEAD", "POST"])
def problem(request: HttpRequest) -> HttpResponse:
    """Show the problem that the host reported in this visit, and apply its remedy."""
    visit = visits.peek_or_begin(request)
    found = problems.problem_of(visit)
    if found is None:
        return redirect_to("options" if visit.account else "sign-in")
    visits.note_step(visit, "problem")
    if request.method == "POST":
        return _apply_remedy(request, visit, found)
    return render_progress(request, "orders/problem.html", _problem_context(found))


def _apply_remedy(request: HttpRequest, visit: Visit, found: Problem) -> HttpResponse:
    """Do what the page's button says.

    If the problem has changed since the page was shown, only show the new page.
    """
    if request.POST.get("remedy") != _page_phase(found) or found.wants_sign_in:
        return redirect_to("problem")
    if found.remedy is Remedy.SUPPORT or found.order is None or visit.account is None:
        problems.open_case(found.report)
        return redirect_to("problem")
    if found.repair and found.repair.state == RepairState.DONE:
        return hand_over_again(request, found.order, outcomes.of_code_again(found.order))
    if found.remedy is Remedy.ACTIVATE:
        return hand_over_again(request, found.order, outcomes.of_activation(found.order))
    if _needs_repair(found):
        return _start_repair(visit, found.order, visit.account, found)
    return hand_over_again(request, found.order, outcomes.of_code_again(found.order))


def _needs_repair(found: Problem) -> bool:
    """Return whether the SM-DP+ must act before a code can be handed over again."""
    is_locked = found.report.lpa_code == LpaCode.PROFILE_NOT_RELEASED_BY_OPERATOR
    return found.remedy is Remedy.REISSUE or is_locked


def _start_repair(visit: Visit, order: Order, user: User, found: Problem) -> HttpResponse:
    """Request a repair, which a worker carries out. The page shows its progress."""
    code = found.report.code
    with suppress(repairing.NothingToRepair):
        # If there is nothing left to repair, the page says so.
        if found.remedy is Remedy.REISSUE:
            repairing.reissue(order, actor=user, because=code, visit=visit, eid=visit.eid)
        else:
            repairing.release(order, actor=user, because=code, visit=visit)
    return redirect_to("problem")


def _page_phase(found: Problem) -> str:
    """Return the phase that the page shows: a repair of this visit, otherwise the remedy."""
    if found.repair and found.repair.state == RepairState.ASKED:
        return "progress"
    if found.repair and found.repair.state == RepairState.DONE:
        return "ready"
    if found.remedy is Remedy.SUPPORT and found.report.asked_for_help_at:
        return "case"
    return str(found.remedy)


BUTTONS = {
    Remedy.RETRY: lambda: _("Try again"),
    Remedy.DEVICE: lambda: _("Try again"),
    Remedy.REISSUE: lambda: _("Get a new eSIM"),
    Remedy.ACTIVATE: lambda: _("Use this eSIM"),
    Remedy.SUPPORT: lambda: _("Report to support"),
    "ready": lambda: _("Continue"),
}
LAST_STEPS = {
    Remedy.RETRY: lambda: _("Then choose Try again. You'll use the same eSIM."),
    Remedy.DEVICE: lambda: _("Then choose Try again. You'll use the same eSIM."),
    Remedy.REISSUE: lambda: _("Choose Get a new eSIM and wait a moment."),
    Remedy.ACTIVATE: lambda: _("Choose Use this eSIM. The app will turn it on."),
    Remedy.SUPPORT: lambda: _("Choose Report to support and note your reference."),
}


def _problem_context(found: Problem) -> dict[str, Any]:
    phase = _page_phase(found)
    is_progress = phase == "progress"
    title, text = _title_and_text(found, phase)
    return {
        "problem": found,
        "phase": phase,
        "title": title,
        "text": text,
        "what_to_do": _numbered_steps(found, phase),
        "steps": texts.repair_steps(found.repair) if found.repair and is_progress else [],
        "button": BUTTONS[phase]() if phase in BUTTONS else "",
        "reference": found.reference,
        "order": found.order,
        "poll": is_progress,
        "trouble": bool(found.repair and found.repair.last_error and is_progress),
        "cancel": True,
    }


def _title_and_text(found: Problem, phase: str) -> tuple[str, str]:
    if phase == "progress":
        return _("Preparing your eSIM"), _("This usually takes a few seconds and costs nothing.")
    if phase == "ready":
        return _("Your eSIM is ready"), _("Choose Continue. The app will download it.")
    if phase == "case":
        return _("Support has been notified"), _(
            "Call or write to us and give your reference. We have the details."
        )
    advice = found.advice
    text = advice.text if found.remedy is advice.remedy else _other_text(found.remedy)
    if found.remedy is Remedy.ACTIVATE and found.remedy is not advice.remedy:
        return _("The eSIM is already on your device"), str(text)
    return str(advice.title), str(text or advice.text)


def _other_text(remedy: Remedy) -> str:
    """Return the text for a remedy other than the error code's usual one.

    Empty if the usual text fits.
    """
    texts = {
        Remedy.SUPPORT: _("Trying again won't help. Our support team will look into it."),
        Remedy.REISSUE: _(
            "We'll give you a new eSIM for the same plan. You won't be charged again."
        ),
        Remedy.ACTIVATE: _("It only needs to be turned on."),
    }
    return texts.get(remedy, "")


def _numbered_steps(found: Problem, phase: str) -> list[str]:
    """Return at most three numbered steps. The last one names the page's button."""
    if phase not in LAST_STEPS:
        return []
    first = list(found.advice.steps) if found.remedy is found.advice.remedy else []
    last = LAST_STEPS[Remedy(phase)]()
    if found.wants_sign_in:
        last = _("Sign in so that we know the eSIM is yours and can help right away.")
    return [str(step) for step in [*first, last]][:MOST_STEPS]
