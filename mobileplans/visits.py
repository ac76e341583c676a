"""A visit begins with a launch and is known by the browser's session."""

from typing import Any

import structlog
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from accounts.models import User
from brand.queries import operator
from esim.models import Sim
from esim.states import SimState
from mobileplans import handoffs, launch
from mobileplans.models import Visit
from mobileplans.words import MoDirectStatus

log = structlog.get_logger(__name__)
SESSION_KEY, TRANSACTION_KEY = "visit", "transaction_id"
# Survives the new session that signing in begins, within the one request.
IN_REQUEST = "moportal.visit"


def begin(request: HttpRequest, said: launch.Launch) -> Visit:
    """Write a new visit for what the host said, and make it this session's."""
    default = operator().market
    refused_as, refused_because = said.refused_as, said.refused_because
    if refused_as is None and said.iccid and usable_card(said.iccid) is None:
        refused_as, refused_because = MoDirectStatus.INVALID_SIM, "iccid"
    visit = Visit.objects.create(
        transaction_id=said.transaction_id,
        transaction_id_is_ours=said.transaction_id_is_ours,
        eid=said.eid or "",
        iccid=said.iccid or "",
        iccids=list(said.iccids),
        imei=said.imei,
        location=said.location or default,
        market=said.market or default,
        refused_as=refused_as or "",
        refused_because=refused_because,
        account=_customer(request),
    )
    _remember(request, visit)
    structlog.contextvars.bind_contextvars(transaction_id=visit.transaction_id)
    log.info(
        "launch", eid=visit.eid, market=visit.market, location=visit.location, refused=refused_as
    )
    return visit


def usable_card(iccid: str) -> Sim | None:
    """Return our SIM card of this ICCID, if a plan can go on it.

    A profile of the pool is no card, and one shut out of the programme gets no plan.
    """
    cards = Sim.objects.filter(iccid=iccid, kind=Sim.Kind.PHYSICAL, is_in_programme=True)
    return cards.exclude(state=SimState.RETIRED).first()


def current(request: HttpRequest) -> Visit:
    """Return this session's visit; who came by a bookmark gets a new one, as on the open web."""
    number = request.META.get(IN_REQUEST) or request.session.get(SESSION_KEY)
    visit = Visit.objects.select_related("account").filter(pk=number).first() if number else None
    return visit or _resumed(request) or begin(request, launch.read(""))


def _resumed(request: HttpRequest) -> Visit | None:
    """Go on with the visit that this browser has just handed over: the customer stayed.

    Its handoff cookie proves that it is the same browser; the device is still the same one.
    """
    handoff = handoffs.find(request)
    if handoff is None:
        return None
    visit = handoff.visit
    visit.account = _customer(request)
    visit.save(update_fields=["account"])
    _remember(request, visit)
    return visit


def reach(visit: Visit, step: str) -> None:
    """Note the page the customer is on: what leaving from it means depends on it."""
    if visit.step != step:
        visit.step = step
        visit.save(update_fields=["step"])


def _remember(request: HttpRequest, visit: Visit) -> None:
    request.META[IN_REQUEST] = visit.pk
    request.session[SESSION_KEY] = visit.pk
    request.session[TRANSACTION_KEY] = visit.transaction_id
    request.session["market"] = visit.market


def _customer(request: HttpRequest) -> User | None:
    user = request.user
    return user if isinstance(user, User) and not user.is_staff else None


def note_sign_in(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Carry the visit over into the signed-in session and say whose it is."""
    number = request.META.get(IN_REQUEST) or request.session.get(SESSION_KEY)
    if user.is_staff or not number:
        return
    visit = Visit.objects.get(pk=number)
    visit.account = user
    visit.save(update_fields=["account"])
    _remember(request, visit)


def listen() -> None:
    """Hear Django's own sign-in signal (accounts stands below and knows nothing of visits)."""
    user_logged_in.connect(note_sign_in, dispatch_uid="mobileplans.note_sign_in")
