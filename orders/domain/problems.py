"""A failed download: which order it belongs to, and which remedy the customer gets now.

The table in `mobileplans.domain.lpa_table` gives the meaning of a code and its class of remedy.
This module chooses the remedy by the order, its profile and earlier attempts
(docs/contract.md#lpa-errors). What the host reports is a claim: nothing is handed out unless the
owner of the order has signed in.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from accounts.models import User
from esim.models import DownloadProgress, Profile
from esim.states import ProfileState
from mobileplans.domain.lpa_errors import translate_smdp_codes
from mobileplans.domain.lpa_table import TABLE, Advice, Remedy
from mobileplans.domain.visits import deciding_report
from mobileplans.models import LpaReport, Visit
from mobileplans.words import LpaCode
from orders.domain.repairing import may_be_reissued
from orders.models import Order, Repair
from orders.queries.orders import open_repair, order_of_iccid
from orders.states import RepairKind, RepairState
from subscriptions.models import SubscriptionState


@dataclass(frozen=True)
class Problem:
    """What the customer is told. `order` is the signed-in customer's own, or None."""

    report: LpaReport
    remedy: Remedy
    order: Order | None
    repair: Repair | None
    is_signed_in: bool

    @property
    def advice(self) -> Advice:
        return TABLE[self.report.lpa_code]

    @property
    def wants_sign_in(self) -> bool:
        """Say whether the remedy is only for the customer whose order it is."""
        return not self.is_signed_in and self.remedy is not Remedy.SUPPORT

    @property
    def reference(self) -> str:
        """Return what the customer tells support: the order's number, or the launch's id."""
        return self.order.display_number if self.order else self.report.visit.transaction_id


def problem_of(visit: Visit) -> Problem | None:
    """Return the problem that this visit came with, or the SM-DP+ has told of since, or None."""
    account = visit.account
    report = deciding_report(visit) or (failed_at_smdp(account) if account else None)
    if report is None:
        return None
    advice = TABLE[report.lpa_code]
    if account is None:
        return Problem(report, advice.remedy, None, None, is_signed_in=False)
    order = order_of_iccid(account, report.iccid)
    if order is None:
        return Problem(report, Remedy.SUPPORT, None, None, is_signed_in=True)
    # A mending that was asked for before this error came says nothing about it.
    since = order.repairs.filter(visit=visit, asked_at__gte=report.received_at)
    repair = open_repair(order) or since.last()
    remedy = _remedy(report, advice, order, account)
    if repair and (repair.kind, repair.state) == (RepairKind.RELEASE, RepairState.FAILED):
        remedy = Remedy.SUPPORT
    return Problem(report, remedy, order, repair, is_signed_in=True)


def _remedy(report: LpaReport, advice: Advice, order: Order, account: User) -> Remedy:
    """Return the remedy that is left for this order."""
    is_installed = report.iccid in report.visit.iccids
    if not _has_its_plan(order) or _is_exhausted(report, advice, order, account):
        return Remedy.SUPPORT
    if _is_replaced(report, order):
        return Remedy.RETRY
    if advice.remedy is Remedy.SUPPORT or advice.remedy is Remedy.ACTIVATE:
        return advice.remedy
    if order.profile is None or _is_downloaded(order, order.profile):
        # Nothing was to be downloaded, or its code is spent: there is no second profile.
        return Remedy.ACTIVATE if is_installed else Remedy.SUPPORT
    return _of_profile(report, advice, order, order.profile)


def _is_replaced(report: LpaReport, order: Order) -> bool:
    """Say whether the error is about an eSIM whose successor is there by now, waiting."""
    profile = order.profile
    is_waiting = profile is not None and profile.state == ProfileState.RELEASED
    return is_waiting and profile is not None and report.iccid != profile.sim.iccid


def _is_downloaded(order: Order, profile: Profile) -> bool:
    """Say whether the eSIM is on a device, by our books or by what the SM-DP+ answered."""
    was_refused = order.repairs.filter(state=RepairState.REFUSED, old_profile=profile).exists()
    return was_refused or profile.state == ProfileState.DOWNLOADED


def _of_profile(report: LpaReport, advice: Advice, order: Order, profile: Profile) -> Remedy:
    """Return the remedy for an eSIM that no device has yet."""
    # What failed by the SM-DP+'s own word is not to be had there with the same code again.
    has_failed_there = report.source == LpaReport.Source.SMDP
    is_usable = profile.state == ProfileState.RELEASED and not has_failed_there
    if advice.remedy is Remedy.REISSUE or not is_usable:
        is_installed = report.iccid in report.visit.iccids
        return _reissue(report.lpa_code, order, is_installed=is_installed)
    return advice.remedy


def _reissue(code: LpaCode, order: Order, *, is_installed: bool) -> Remedy:
    if code == LpaCode.PROFILE_NOT_AVAILABLE_FOR_NEW_BINDING and is_installed:
        return Remedy.ACTIVATE
    is_misfit = code == LpaCode.NO_ELIGIBLE_PROFILE_FOR_THIS_DEVICE
    if is_misfit and not order.plan.other_profile_type:
        return Remedy.SUPPORT
    return Remedy.REISSUE if may_be_reissued(order) else Remedy.SUPPORT


def _has_its_plan(order: Order) -> bool:
    """Say whether there is still something to use: the plan is active and has not ended."""
    held = order.subscription
    is_active = held is not None and held.state == SubscriptionState.ACTIVE
    return is_active and held is not None and held.ends_at is not None and held.ends_at > now()


def _is_exhausted(report: LpaReport, advice: Advice, order: Order, account: User) -> bool:
    """Say whether the same error came too often for the same remedy.

    Counted are the launches of the customer, signed in: a stranger's claims weigh nothing. An
    error that the app told the page first and the next launch tells again is one, and so is one
    that several launches tell with the same time.
    """
    most = advice.limit if advice.limit is not None else settings.LPA_ERROR_LIMIT - 1
    iccids = {order.profile.sim.iccid} if order.profile else set()
    iccids |= set(order.repairs.values_list("old_profile__sim__iccid", flat=True))
    told = LpaReport.objects.filter(
        visit__account=account,
        decides=True,
        code=report.code,
        iccid__in=iccids | {report.iccid},
        source=LpaReport.Source.HEADER,
    ).values_list("visit", "at_as_sent", "iccid")
    same = {(time, iccid) if time else visit for visit, time, iccid in told}
    is_first_told_here = report.source == LpaReport.Source.APP
    return len(same) + is_first_told_here > most


def note_failure(profile: Profile, notice: DownloadProgress, **_kwargs: Any) -> None:
    """Put a download that failed on the support staff's queue; an SM-DP+ may tell it twice."""
    order = Order.objects.filter(profile=profile).first()
    if order is None:
        return
    LpaReport.objects.get_or_create(
        visit=order.visit,
        source=LpaReport.Source.SMDP,
        code_as_sent=notice.codes,
        at_as_sent=notice.timestamp,
        iccid=profile.sim.iccid,
        defaults={
            "code": translate_smdp_codes(notice.subject_code, notice.reason_code),
            "at": notice.at,
        },
    )


def failed_at_smdp(account: User) -> LpaReport | None:
    """Return the last failed download that the customer may not know of yet, if there is one."""
    told = LpaReport.objects.filter(source=LpaReport.Source.SMDP, visit__account=account)
    return told.exclude(state=LpaReport.State.RESOLVED).order_by("-pk").first()


def resolve(profile: Profile, **_kwargs: Any) -> None:
    """Take errors off the queue whose eSIM, or its successor, has reached a device after all."""
    iccids = {profile.sim.iccid}
    order = Order.objects.filter(profile=profile).first()
    if order:
        iccids |= set(order.repairs.values_list("old_profile__sim__iccid", flat=True))
    open_reports = LpaReport.objects.filter(iccid__in=iccids, state=LpaReport.State.NEW)
    open_reports.update(state=LpaReport.State.RESOLVED, note="Downloaded since.")


def open_case(report: LpaReport) -> None:
    """Tell the support staff that this customer asks for help; once is enough."""
    LpaReport.objects.filter(pk=report.pk, asked_for_help_at=None).update(asked_for_help_at=now())
