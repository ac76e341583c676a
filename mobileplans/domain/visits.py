"""A visit begins with a launch and is known by the browser's session."""

from typing import Any

import structlog
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.models import F
from django.http import HttpRequest

from accounts.models import User
from brand.queries import operator
from esim.models import Sim
from esim.states import SimState
from mobileplans.domain import handoffs
from mobileplans.domain.launch import Launch, parse_launch
from mobileplans.domain.lpa_errors import LpaErrors
from mobileplans.models import LpaReport, Visit
from mobileplans.words import LpaCode, MoDirectStatus
from subscriptions.models import SimOnLine

log = structlog.get_logger(__name__)
SESSION_KEY, TRANSACTION_KEY = "visit", "transaction_id"
# Survives the new session that signing in begins, within the one request.
REQUEST_KEY = "moportal.visit"
MOST_FAILED_SIGN_INS = 1000


def begin(request: HttpRequest, said: Launch, errors: LpaErrors | None = None) -> Visit:
    """Write a new visit for what the host said, and make it this session's."""
    default = operator().market
    refused_as, refused_because = said.refused_as, said.refused_because
    if refused_as is None and said.iccid and usable_card(said.iccid) is None:
        refused_as, refused_because = MoDirectStatus.INVALID_SIM, "iccid"
    ours = _known_profiles(said.iccids)
    remarks = [*said.remarks]
    if len(ours) < len(said.iccids):
        remarks.append(f"{len(said.iccids) - len(ours)} of iccids not ours")
    visit = Visit.objects.create(
        transaction_id=said.transaction_id,
        transaction_id_is_generated=said.transaction_id_is_generated,
        eid=said.eid or "",
        eid_from=Visit.EidFrom.LAUNCH if said.eid else "",
        iccid=said.iccid or "",
        iccids=ours,
        imei=said.imei,
        location=said.location or default,
        market=said.market or default,
        refused_as=refused_as or "",
        refused_because=refused_because,
        remarks="; ".join(remarks)[:200],
        account=_signed_in_customer(request),
    )
    _store_in_session(request, visit)
    structlog.contextvars.bind_contextvars(transaction_id=visit.transaction_id)
    log.info(
        "launch",
        eid=visit.eid,
        market=visit.market,
        location=visit.location,
        refused=refused_as,
        remarks=visit.remarks,
    )
    if errors is not None:
        _store_lpa_errors(visit, errors)
    return visit


def _known_profiles(iccids: tuple[str, ...]) -> list[str]:
    """Leave out what is none of our profiles, in the order of the launch."""
    if not iccids:
        return []
    known = Sim.objects.filter(iccid__in=iccids, kind=Sim.Kind.PROFILE)
    ours = set(known.values_list("iccid", flat=True))
    return [str(iccid) for iccid in iccids if iccid in ours]


def _store_lpa_errors(visit: Visit, errors: LpaErrors) -> None:
    """Keep what the host says of the last download, with the visit, for support."""
    deciding = errors.deciding
    LpaReport.objects.bulk_create(
        LpaReport(
            visit=visit,
            code=error.code,
            code_as_sent=error.code_as_sent,
            at=error.at,
            at_as_sent=error.at_as_sent,
            iccid=errors.iccid or "",
            decides=error is deciding,
            state=_initial_state(error.code),
        )
        for error in errors.errors
    )
    log.info("lpa errors", codes=[str(error.code) for error in errors.errors], iccid=errors.iccid)


def _initial_state(code: LpaCode) -> LpaReport.State:
    is_done = code == LpaCode.SUCCESS
    return LpaReport.State.RESOLVED if is_done else LpaReport.State.NEW


def deciding_report(visit: Visit) -> LpaReport | None:
    """Return the error that the customer is told of: the newest that decides, if it is one."""
    report = visit.lpa_reports.filter(decides=True).order_by("-pk").first()
    is_problem = report is not None and report.lpa_code != LpaCode.SUCCESS
    return report if is_problem else None


def usable_card(iccid: str) -> Sim | None:
    """Return our SIM card of this ICCID, if a plan can go on it.

    A profile of the pool is no card, and one shut out of the programme gets no plan.
    """
    cards = Sim.objects.filter(iccid=iccid, kind=Sim.Kind.PHYSICAL, is_in_programme=True)
    return cards.exclude(state=SimState.RETIRED).first()


def installed_profiles(visit: Visit, account: User) -> list[Sim]:
    """Return the profiles on the eSIM that a plan of this customer can go on.

    The customer's own, or nobody's yet (a profile that came with the device). One of another
    customer is dropped, and so is one that is still in the pool or on order: it is on no device,
    whatever the launch claims.
    """
    out_there = Sim.objects.filter(
        iccid__in=visit.iccids, kind=Sim.Kind.PROFILE, is_in_programme=True
    ).exclude(state__in=[SimState.RETIRED, SimState.AVAILABLE, SimState.RESERVED])
    stays = SimOnLine.objects.filter(until=None, sim__in=out_there)
    anothers = stays.exclude(line__account=account)
    found = {sim.iccid: sim for sim in out_there.exclude(pk__in=anothers.values("sim"))}
    return [found[iccid] for iccid in visit.iccids if iccid in found]


def refuse_sim(visit: Visit, because: str) -> None:
    """Say that the SIM of this visit cannot be used, after all."""
    visit.refused_as, visit.refused_because = MoDirectStatus.INVALID_SIM, because
    visit.save(update_fields=["refused_as", "refused_because"])


def set_device(visit: Visit, *, eid: str, imei: str = "", given: Visit.EidFrom) -> None:
    """Write down which device it is, on the open web, where no launch says it."""
    visit.eid, visit.imei, visit.eid_from = eid, imei, given
    visit.save(update_fields=["eid", "imei", "eid_from"])


def current(request: HttpRequest) -> Visit:
    """Return this session's visit; who came by a bookmark gets a new one, as on the open web."""
    number = request.META.get(REQUEST_KEY) or request.session.get(SESSION_KEY)
    visit = Visit.objects.select_related("account").filter(pk=number).first() if number else None
    return visit or _resume_after_handoff(request) or begin(request, parse_launch(""))


def _resume_after_handoff(request: HttpRequest) -> Visit | None:
    """Go on with the visit that this browser has just handed over: the customer stayed.

    Its handoff cookie proves that it is the same browser; the device is still the same one.
    """
    handoff = handoffs.find(request)
    if handoff is None:
        return None
    visit = handoff.visit
    visit.account = _signed_in_customer(request)
    visit.save(update_fields=["account"])
    _store_in_session(request, visit)
    return visit


def note_step(visit: Visit, step: str) -> None:
    """Note the page the customer is on: what leaving from it means depends on it."""
    if visit.step != step:
        visit.step = step
        visit.save(update_fields=["step"])


def _store_in_session(request: HttpRequest, visit: Visit) -> None:
    request.META[REQUEST_KEY] = visit.pk
    request.session[SESSION_KEY] = visit.pk
    request.session[TRANSACTION_KEY] = visit.transaction_id
    request.session["market"] = visit.market


def _signed_in_customer(request: HttpRequest) -> User | None:
    user = request.user
    return user if isinstance(user, User) and not user.is_staff else None


def attach_account(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Carry the visit over into the signed-in session and say whose it is."""
    number = request.META.get(REQUEST_KEY) or request.session.get(SESSION_KEY)
    if user.is_staff or not number:
        return
    visit = Visit.objects.get(pk=number)
    visit.account = user
    visit.save(update_fields=["account"])
    _store_in_session(request, visit)


def count_failed_sign_in(request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """Count the visit's failed sign-ins: after so many, leaving is told as LogOnFailed."""
    number = request.META.get(REQUEST_KEY) if request is not None else None
    if number:
        Visit.objects.filter(pk=number, failed_sign_ins__lt=MOST_FAILED_SIGN_INS).update(
            failed_sign_ins=F("failed_sign_ins") + 1
        )


def connect_signals() -> None:
    """Hear Django's own sign-in signals (accounts stands below and knows nothing of visits)."""
    user_logged_in.connect(attach_account, dispatch_uid="mobileplans.note_sign_in")
    user_login_failed.connect(count_failed_sign_in, dispatch_uid="mobileplans.note_failed_sign_in")
