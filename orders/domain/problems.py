"""A failed download: which order it belongs to, and which remedy the customer gets now.

The table in `mobileplans.domain.lpa_table` gives the meaning of a code and its class of
remedy. This module chooses the remedy by the order, its profile and earlier attempts
(docs/contract.md#lpa-errors). What the host reports is a claim: nothing is handed out
unless the owner of the order has signed in.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from accounts.models import User
from esim.models import DownloadProgress, Profile
from esim.states import ProfileState
from mobileplans.domain.lpa_advice import Advice, Remedy
from mobileplans.domain.lpa_errors import translate_smdp_codes
from mobileplans.domain.lpa_table import TABLE
from mobileplans.domain.visits import deciding_report
from mobileplans.models import LpaReport, Visit
from mobileplans.words import LpaCode
from orders.domain.repairing import may_be_reissued
from orders.models import Order, Repair
from orders.queries.orders import open_repair, order_of_iccid
from orders.states import RepairKind, RepairState
from subscriptions.queries import usable_subscriptions


@dataclass(frozen=True)
class Problem:
    """A failed download and its remedy. `order` is the signed-in customer's own, or None."""

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
        """Return whether the customer must sign in first to get the remedy."""
        return not self.is_signed_in and self.remedy is not Remedy.SUPPORT

    @property
    def reference(self) -> str:
        """Return the number to give to support: the order's number, or the id of the launch."""
        return self.order.display_number if self.order else self.report.visit.transaction_id


def problem_of(visit: Visit) -> Problem | None:
    """Return the problem that the host or the SM-DP+ reported for this visit, or None."""
    account = visit.account
    # The host reports about this very launch. What the SM-DP+ reported is older, and is
    # shown only to the customer whose eSIM it is.
    report = deciding_report(visit) or (failed_at_smdp(account) if account else None)
    if report is None:
        return None
    advice = TABLE[report.lpa_code]
    if account is None:
        return Problem(report, advice.remedy, None, None, is_signed_in=False)
    order = order_of_iccid(account, report.iccid)
    if order is None:
        # An unknown ICCID and one of another customer look the same, so nobody can find
        # out which ICCIDs were sold.
        return Problem(report, Remedy.SUPPORT, None, None, is_signed_in=True)
    # A repair that was requested before this error was reported does not answer it.
    later_repairs = order.repairs.filter(visit=visit, asked_at__gte=report.received_at)
    repair = open_repair(order) or later_repairs.last()
    remedy = _remedy(report, advice, order, account)
    # The SM-DP+ refused to release the profile, so the same code cannot work.
    if repair and (repair.kind, repair.state) == (RepairKind.RELEASE, RepairState.FAILED):
        remedy = Remedy.SUPPORT
    return Problem(report, remedy, order, repair, is_signed_in=True)


def _remedy(report: LpaReport, advice: Advice, order: Order, account: User) -> Remedy:
    """Return the remedy that this order allows."""
    is_installed = report.iccid in report.visit.iccids
    # A new eSIM is of no use if the plan on it has ended.
    if not _has_its_plan(order) or _is_exhausted(report, advice, order, account):
        return Remedy.SUPPORT
    # The device has tried only the old code. The new code must still be handed over.
    if _is_replaced(report, order):
        return Remedy.RETRY
    if advice.remedy is Remedy.SUPPORT or advice.remedy is Remedy.ACTIVATE:
        return advice.remedy
    if order.profile is None or _is_downloaded(order, order.profile):
        # The order has no profile, or its code is used up. No second profile is issued.
        return Remedy.ACTIVATE if is_installed else Remedy.SUPPORT
    return _remedy_for_profile(report, advice, order, order.profile)


def _is_replaced(report: LpaReport, order: Order) -> bool:
    """Return whether the error is about an eSIM that was replaced by one ready to download."""
    profile = order.profile
    if profile is None or profile.state != ProfileState.RELEASED:
        return False
    return report.iccid != profile.sim.iccid


def _is_downloaded(order: Order, profile: Profile) -> bool:
    """Return whether the eSIM is on a device, by its state or by an answer of the SM-DP+."""
    was_refused = order.repairs.filter(state=RepairState.REFUSED, old_profile=profile).exists()
    return was_refused or profile.state == ProfileState.DOWNLOADED


def _remedy_for_profile(
    report: LpaReport, advice: Advice, order: Order, profile: Profile
) -> Remedy:
    """Return the remedy for an eSIM that no device has yet."""
    # If the SM-DP+ itself reports a failure, the same code does not work there again.
    has_failed_at_smdp = report.source == LpaReport.Source.SMDP
    is_usable = profile.state == ProfileState.RELEASED and not has_failed_at_smdp
    if advice.remedy is Remedy.REISSUE or not is_usable:
        is_installed = report.iccid in report.visit.iccids
        return _reissue_if_possible(report.lpa_code, order, is_installed=is_installed)
    return advice.remedy


def _reissue_if_possible(code: LpaCode, order: Order, *, is_installed: bool) -> Remedy:
    # The SM-DP+ says that a device has the profile, and the launch
    # says that it is this device.
    if code == LpaCode.PROFILE_NOT_AVAILABLE_FOR_NEW_BINDING and is_installed:
        return Remedy.ACTIVATE
    is_misfit = code == LpaCode.NO_ELIGIBLE_PROFILE_FOR_THIS_DEVICE
    # Another profile of the same type would not fit the device either.
    if is_misfit and not order.plan.other_profile_type:
        return Remedy.SUPPORT
    return Remedy.REISSUE if may_be_reissued(order) else Remedy.SUPPORT


def _has_its_plan(order: Order) -> bool:
    """Return whether the order's plan can be used now, or later."""
    plan = order.plan_in_use
    return plan is not None and usable_subscriptions(now()).filter(pk=plan.pk).exists()


def _is_exhausted(report: LpaReport, advice: Advice, order: Order, account: User) -> bool:
    """Return whether this error came too often to offer the same remedy again.

    Only launches in which the customer signed in count, because a stranger can claim any
    error. Launches that report the same error with the same time count once. An error
    that the app reports to the page, and the next launch reports again, also counts once.
    """
    # The setting counts the error that exhausts the remedy;
    # `limit` is the last one before it.
    limit = advice.limit if advice.limit is not None else settings.LPA_ERROR_LIMIT - 1
    # Errors of the replaced eSIMs count too. Otherwise each new eSIM
    # would start the count again.
    iccids = {order.profile.sim.iccid} if order.profile else set()
    iccids |= set(order.repairs.values_list("old_profile__sim__iccid", flat=True))
    reports = LpaReport.objects.filter(
        visit__account=account,
        decides=True,
        code=report.code,
        iccid__in=iccids | {report.iccid},
        source=LpaReport.Source.HEADER,
    ).values_list("visit", "at_as_sent", "iccid")
    # An error without a time counts once for each visit.
    errors = {(time, iccid) if time else visit for visit, time, iccid in reports}
    # The app's report is not among `reports`, so it is added here.
    from_app = 1 if report.source == LpaReport.Source.APP else 0
    return len(errors) + from_app > limit


def note_failure(profile: Profile, notice: DownloadProgress, **_kwargs: Any) -> None:
    """Put a failed download on the support queue. A repeated notice adds nothing.

    This is a signal receiver.
    """
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
    """Return the last unresolved failure that the SM-DP+ reported, or None."""
    reports = LpaReport.objects.filter(source=LpaReport.Source.SMDP, visit__account=account)
    return reports.exclude(state=LpaReport.State.RESOLVED).order_by("-pk").first()


def resolve(profile: Profile, **_kwargs: Any) -> None:
    """Resolve the open errors of a downloaded eSIM and of those that it replaced.

    This is a signal receiver.
    """
    iccids = {profile.sim.iccid}
    order = Order.objects.filter(profile=profile).first()
    if order:
        iccids |= set(order.repairs.values_list("old_profile__sim__iccid", flat=True))
    # Reports that staff are working on stay open until staff close them.
    open_reports = LpaReport.objects.filter(iccid__in=iccids, state=LpaReport.State.NEW)
    open_reports.update(state=LpaReport.State.RESOLVED, note="Downloaded since.")


def open_case(report: LpaReport) -> None:
    """Record that the customer asked support for help. Only the first time is stored."""
    LpaReport.objects.filter(pk=report.pk, asked_for_help_at=None).update(asked_for_help_at=now())
