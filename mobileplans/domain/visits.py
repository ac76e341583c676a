"""Visits: each begins with a launch and is found through the browser's session.

A visit in which nobody is signed in may be no row yet: see `mobileplans.domain.session`.
"""

from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.http import HttpRequest

from accounts.domain import codes
from accounts.domain.sign_in import signed_in_customer
from accounts.models import User
from brand.queries import operator
from esim.models import Sim
from esim.states import SimState
from mobileplans.domain import handoffs, session
from mobileplans.domain.launch import Launch, parse_launch
from mobileplans.domain.lpa_errors import LpaErrors
from mobileplans.models import LpaReport, Visit
from mobileplans.signals import visit_wanted
from mobileplans.words import LpaCode, MoDirectStatus
from subscriptions.domain import claims
from subscriptions.models import SimOnLine

log = structlog.get_logger(__name__)


def begin(
    request: HttpRequest,
    launch: Launch,
    errors: LpaErrors | None = None,
    *,
    is_launched: bool = True,
) -> Visit:
    """Begin a visit for this launch and store it in the session.

    `is_launched` is false for a visit that begins on another page than the launch.
    """
    visit = _describe(launch, account=signed_in_customer(request), is_launched=is_launched)
    has_errors = errors is not None and bool(errors.errors)
    if visit.account or (has_errors and _is_room_for_strangers()):
        visit.save()
    session.store(request, visit)

    structlog.contextvars.bind_contextvars(transaction_id=visit.transaction_id)
    log.info(
        "launch",
        eid=visit.eid,
        market=visit.market,
        location=visit.location,
        refused=visit.refused_as or None,
        remarks=visit.remarks,
    )
    if errors is not None and has_errors and visit.is_stored:
        _store_lpa_errors(visit, errors)
    return visit


def _is_room_for_strangers() -> bool:
    """Return whether a visit of somebody who is not signed in may be stored.

    Anybody can report LPA errors, so there is a limit until the retention deletes these visits.
    """
    most: int = settings.STRANGER_VISITS
    strangers = Visit.objects.filter(account=None).order_by()
    # This counts no further than the limit.
    return strangers[:most].count() < most


def _describe(launch: Launch, *, account: User | None, is_launched: bool) -> Visit:
    """Return the visit of a launch, which is no row yet."""
    default = operator().market
    refused_as, refused_because = _refusal(launch)
    known = _known_profiles(launch.iccids)
    remarks = [*launch.remarks]
    unknown = len(launch.iccids) - len(known)
    if unknown:
        remarks.append(f"{unknown} of iccids unknown")

    return Visit(
        transaction_id=launch.transaction_id,
        transaction_id_is_generated=launch.transaction_id_is_generated,
        is_launched=is_launched,
        eid=launch.eid or "",
        eid_from=Visit.EidFrom.LAUNCH if launch.eid else "",
        iccid=launch.iccid or "",
        iccids=known,
        imei=launch.imei,
        location=launch.location or default,
        market=launch.market or default,
        refused_as=refused_as or "",
        refused_because=refused_because,
        remarks="; ".join(remarks)[:200],
        account=account,
    )


def _refusal(launch: Launch) -> tuple[MoDirectStatus | None, str]:
    """Return the status and the reason of a refusal, or None and no reason."""
    # A well-formed ICCID may still be another operator's: only the database knows.
    if launch.refused_as is None and launch.iccid and usable_card(launch.iccid) is None:
        return MoDirectStatus.INVALID_SIM, "iccid"
    return launch.refused_as, launch.refused_because


def _known_profiles(iccids: tuple[str, ...]) -> list[str]:
    """Return the ICCIDs of the operator's own eSIM profiles, in the launch's order."""
    if not iccids:
        return []
    profiles = Sim.objects.filter(iccid__in=iccids, kind=Sim.Kind.PROFILE)
    known = set(profiles.values_list("iccid", flat=True))
    return [str(iccid) for iccid in iccids if iccid in known]


def _store_lpa_errors(visit: Visit, errors: LpaErrors) -> None:
    """Store the reported download errors with the visit, for support."""
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
    """Return the error to show to the customer, or None if the last download succeeded."""
    if not visit.is_stored:
        return None
    report = visit.lpa_reports.filter(decides=True).order_by("-pk").first()
    is_problem = report is not None and report.lpa_code != LpaCode.SUCCESS
    return report if is_problem else None


def usable_card(iccid: str) -> Sim | None:
    """Return the operator's SIM card with this ICCID, if it can have a plan.

    An eSIM profile is not a card. A card that is excluded from the programme gets no plan.
    """
    cards = Sim.objects.filter(iccid=iccid, kind=Sim.Kind.PHYSICAL, is_in_programme=True)
    return cards.exclude(state=SimState.RETIRED).first()


def has_sim_of_another(visit: Visit) -> bool:
    """Say whether the SIM card of this visit is on a line of another customer than the visit's."""
    if not visit.iccid or visit.account is None:
        return False
    on_line = SimOnLine.objects.filter(until=None, sim__iccid=visit.iccid)
    return on_line.exclude(line__account=visit.account).exists()


def sims_to_prove(visit: Visit, account: User) -> list[Sim]:
    """Return the SIMs of this launch and of the customer that the customer may prove to be theirs.

    A SIM that is another customer's without a proof comes first, because it stops a purchase.
    """
    found = claims.provable_sims(account, [*visit.iccids, *filter(None, [visit.iccid])])
    return sorted(found, key=lambda sim: claims.is_on_line_of(account, sim))


def may_prove_sim_of_another(visit: Visit, account: User) -> bool:
    """Return whether a SIM of this launch is on another customer's line without a proof."""
    if not visit.iccid and not visit.iccids:
        return False
    found = sims_to_prove(visit, account)
    return any(not claims.is_on_line_of(account, sim) for sim in found)


def installed_profiles(visit: Visit, account: User) -> list[Sim]:
    """Return the installed profiles that can have a plan of this customer.

    These are the customer's own, and those that have no owner yet (they came with the device).
    Another customer's profile is dropped. So is one that is still in the pool or on order: it
    cannot be on a device, whatever the launch claims.
    """
    installable = Sim.objects.filter(
        iccid__in=visit.iccids, kind=Sim.Kind.PROFILE, is_in_programme=True
    ).exclude(state__in=[SimState.RETIRED, SimState.AVAILABLE, SimState.RESERVED])
    on_lines = SimOnLine.objects.filter(until=None, sim__in=installable)
    of_others = on_lines.exclude(line__account=account)
    found = {sim.iccid: sim for sim in installable.exclude(pk__in=of_others.values("sim"))}
    return [found[iccid] for iccid in visit.iccids if iccid in found]


def numbers_in_device(request: HttpRequest) -> set[str]:
    """Return the phone numbers, in E.164, whose SIMs the launch found in this device."""
    visit = session.find(request)
    iccids = [iccid for iccid in (*visit.iccids, visit.iccid) if iccid] if visit else []
    if not iccids:
        return set()
    of_lines = SimOnLine.objects.filter(until=None, sim__iccid__in=iccids)
    of_sims = Sim.objects.filter(iccid__in=iccids)
    numbers = {
        *of_lines.values_list("line__msisdn", flat=True),
        *of_sims.values_list("msisdn", flat=True),
    }
    return {f"+{number}" for number in numbers if number}


def refuse_sim(visit: Visit, because: str) -> None:
    """Refuse the SIM of this visit although its launch was accepted."""
    visit.refused_as, visit.refused_because = MoDirectStatus.INVALID_SIM, because
    visit.save(update_fields=["refused_as", "refused_because"])


def set_device(visit: Visit, *, eid: str, imei: str = "", source: Visit.EidFrom) -> None:
    """Store the device of this visit. On the open web, no launch names it."""
    visit.eid, visit.imei, visit.eid_from = eid, imei, source
    visit.save(update_fields=["eid", "imei", "eid_from"])


def get_or_begin(request: HttpRequest) -> Visit:
    """Return this session's visit as a row, or begin a new one as on the open web."""
    visit = peek_or_begin(request)
    if not visit.is_stored:
        visit.save()
        session.store(request, visit)
    return visit


def peek_or_begin(request: HttpRequest) -> Visit:
    """Return this session's visit, or begin a new one as on the open web. It may be no row yet.

    Its account is the customer who is signed in here. Two browsers may share a visit, and a sign-in
    at one of them gives no rights in the other.
    """
    visit = session.find(request) or _resume_after_handoff(request)
    if visit is None:
        visit = begin(request, parse_launch(""), is_launched=False)
    visit.account = signed_in_customer(request)
    return visit


def _handed_over_visit(request: HttpRequest) -> Visit | None:
    """Return the visit that this browser has just handed over.

    The handoff cookie proves that it is the same browser, so the device is still the same. It does
    not prove that it is the same customer: a result in the visit stays its owner's.
    """
    handoff = handoffs.find_by_cookie(request)
    return handoff.visit if handoff else None


def _resume_after_handoff(request: HttpRequest) -> Visit | None:
    """Continue the visit that this browser has just handed over, because the customer stayed."""
    visit = _handed_over_visit(request)
    if visit is None:
        return None
    visit.account = signed_in_customer(request)
    visit.save(update_fields=["account"])
    session.store(request, visit)
    return visit


def note_step(visit: Visit, step: str) -> None:
    """Store the customer's current page. The outcome of leaving depends on it."""
    if visit.step != step:
        visit.step = step
        visit.save(update_fields=["step"])


def attach_account(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Move the visit into the signed-in session and attach the account.

    Django may have flushed the old session by now, so the key in the request comes first. If the
    session has been lost since the launch, the customer's unfinished visit is taken up again
    (docs/contract.md#launch).
    """
    if user.is_staff:
        return
    visit = session.find(request) or _handed_over_visit(request)
    if visit is None or not visit.is_launched:
        visit = _unfinished_visit(user) or visit
    if visit is None:
        return
    visit.account = user
    visit.save(update_fields=["account"] if visit.is_stored else None)
    session.store(request, visit)
    if user.market != visit.market:
        user.market = visit.market
        user.save(update_fields=["market"])


def _unfinished_visit(user: User) -> Visit | None:
    """Return the latest visit in which this customer has left something unfinished, or None."""
    answers: list[tuple[Any, Any]] = visit_wanted.send(sender=Visit, account=user)
    visits = [visit for _receiver, visit in answers if visit]
    return max(visits, key=lambda visit: visit.pk, default=None)


def count_failed_sign_in(request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """Count the visit's failed sign-ins. Past a limit, leaving hands over LogOnFailed."""
    if request is not None:
        session.count_failed_sign_in(request)


def connect_signals() -> None:
    """Connect to sign-ins, and tell `accounts` what it may not import from this room."""
    user_logged_in.connect(attach_account, dispatch_uid="mobileplans.attach_account")
    user_login_failed.connect(count_failed_sign_in, dispatch_uid="mobileplans.count_failed_sign_in")
    codes.register_numbers_in_device(numbers_in_device)
