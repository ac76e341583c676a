"""Lines of the operator's customer system: written when they are linked, then kept up to date.

The customer system decides which SIMs and plans are on such a line and what is left of them. The
portal's own plans on the line stay the portal's. All SIMs of a line share its plans.

Whoever links a line last has it. The account that had it before keeps what it bought in the portal.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from accounts.models import User
from esim.domain.ranges import programme_lookup
from esim.models import Sim
from esim.states import SimState
from moportal.database.statements import compare_and_set, insert_new
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.customers import customer_system
from subscriptions.customers.base import (
    CustomerSystem,
    CustomerSystemRefused,
    CustomerSystemUnavailable,
    LineOnRecord,
    LineRequest,
    Operation,
    Pending,
    PlanOnLine,
    Reason,
)
from subscriptions.domain import claims, lifecycle
from subscriptions.domain.customer_calls import ask
from subscriptions.models import (
    Bucket,
    CustomerCall,
    Line,
    Master,
    OperatorLine,
    Period,
    SimOnLine,
    Subscription,
)
from subscriptions.queries import usable_subscriptions
from subscriptions.states import PeriodState, SubscriptionState

log = structlog.get_logger(__name__)
KIND = "operator_line"
Proof = SimOnLine.Proof
# The portal or staff have put these SIMs on their lines. The customer system does not change that.
FIXED = frozenset({Proof.ISSUED, Proof.STAFF})


@transaction.atomic
def link(account: User, found: LineOnRecord, *, at: datetime) -> Line:
    """Give the line to this account, with its SIMs and plans as they were at `at`.

    A worker then keeps the balances up to date.
    """
    rows = OperatorLine.objects.select_for_update().filter(reference=found.reference)
    kept = rows.first()
    if kept is None:
        new = OperatorLine(
            line=_line_for(account, found), reference=found.reference, balances_at=at
        )
        # Of two workers that insert the row, the second waits here, and then gets the first's.
        insert_new([new])
        kept = rows.get()
    if kept.line.account_id != account.pk:
        _move(kept, account, found)
    _write(kept, found, at)
    enqueue(KIND, kept.pk)
    return kept.line


def refresh(subject: str, lease: Lease) -> RetryAfter | None:
    """Ask what is left on a line, and write it; the outbox's handler.

    The task stays open and repeats itself as long as the line is linked.
    """
    kept = OperatorLine.objects.select_related("line").filter(pk=subject).first()
    if kept is None:
        return None
    interval = timedelta(minutes=settings.LINE_BALANCE_REFRESH)
    system = customer_system()
    return RetryAfter(interval) if system is None else _refresh(system, kept, lease, interval)


def _refresh(
    system: CustomerSystem, kept: OperatorLine, lease: Lease, interval: timedelta
) -> RetryAfter | None:
    at = now()
    # The key stays the same while the answer is pending.
    key = f"balance-{kept.pk}-{kept.balances_at.timestamp():.6f}-{kept.tries}"
    request = LineRequest(Operation.BALANCE, key, line=kept.reference)
    try:
        answer = ask(system, request, CustomerCall(line=kept.line), lease)
    except CustomerSystemUnavailable as error:
        return RetryAfter(count_failure(kept, error))
    except CustomerSystemRefused as error:
        if error.reason == Reason.UNKNOWN:
            unlink(kept)
            return None
        return RetryAfter(max(interval, count_failure(kept, error)))
    if isinstance(answer, Pending):
        return RetryAfter(answer.delay)
    _update(kept, answer, at)
    return RetryAfter(interval)


@transaction.atomic
def _update(kept: OperatorLine, found: LineOnRecord, at: datetime) -> None:
    """Write an answer, unless a newer one is stored, or the line is gone."""
    # Race: another account may have linked the line during the call. The row is read again.
    row = OperatorLine.objects.select_for_update().filter(pk=kept.pk, balances_at__lt=at).first()
    if row is not None:
        _write(row, found, at)


@transaction.atomic
def unlink(kept: OperatorLine) -> None:
    """End the operator's plans on a line that the customer system no longer knows."""
    # Race: another account may have linked the line during the call.
    same = OperatorLine.objects.select_for_update().filter(pk=kept.pk, balances_at=kept.balances_at)
    if same.first() is None:
        return
    at = now()
    _end_plans(kept.line, [], at)
    SimOnLine.objects.filter(line=kept.line, until=None, proof=Proof.OPERATOR).update(until=at)
    kept.delete()
    log.warning("operator's line is gone", line=kept.line_id)


def _line_for(account: User, found: LineOnRecord) -> Line:
    """Return the account's line that has one of the SIMs already, or a new line."""
    stays = SimOnLine.objects.filter(
        until=None,
        sim__iccid__in=found.iccids,
        line__account=account,
        line__operator_line=None,
    )
    stay = stays.select_related("line").order_by("pk").first()
    return stay.line if stay else Line.objects.create(account=account)


def _move(kept: OperatorLine, account: User, found: LineOnRecord) -> None:
    """Move the line to this account. The account before keeps its own plans, without the SIMs."""
    before = kept.line
    kept.line = _line_for(account, found)
    kept.save(update_fields=["line"])
    theirs = Subscription.objects.filter(line=before, master=Master.OPERATOR)
    Period.objects.filter(subscription__in=theirs).update(line=kept.line)
    theirs.update(line=kept.line)
    Line.objects.filter(pk=before.pk).update(msisdn="")
    named = SimOnLine.objects.filter(line=before, until=None, proof=Proof.OPERATOR)
    # `_put_sims` moves the others.
    named.exclude(sim__iccid__in=found.iccids).update(until=now())
    log.warning("line moved", before=before.account_id, now=account.pk)


def _write(kept: OperatorLine, found: LineOnRecord, at: datetime) -> None:
    kept.is_locked, kept.sim_changed_at = found.is_locked, found.sim_changed_at
    kept.is_holder_identified = found.is_holder_identified
    kept.balances_at, kept.tries, kept.last_error = at, 0, ""
    kept.save()
    Line.objects.filter(pk=kept.line_id).update(msisdn=found.number[1:])
    _put_sims(kept.line, found.iccids)
    _put_plans(kept, found.plans, at)


def _put_sims(line: Line, iccids: Collection[str]) -> None:
    """Put exactly these SIMs on the line, beside those that the portal issued."""
    sims = _lock_sims(iccids)
    named = SimOnLine.objects.filter(line=line, until=None, proof=Proof.OPERATOR)
    named.exclude(sim__in=sims).update(until=now())
    stays = {
        stay.sim_id: stay
        for stay in SimOnLine.objects.filter(until=None, sim__in=sims).select_related("line")
    }
    for sim in sims:
        _put_sim(line, sim, stays.get(sim.pk))


def _lock_sims(iccids: Collection[str]) -> list[Sim]:
    """Return the SIMs with these ICCIDs, locked in one order. Unknown ones are created.

    One that the portal does not know is a card: it did not order the profile.
    """
    known = set(Sim.objects.filter(iccid__in=iccids).values_list("iccid", flat=True))
    if new := sorted(set(iccids) - known):
        is_in_programme = programme_lookup()
        cards = [
            Sim(
                iccid=iccid,
                kind=Sim.Kind.PHYSICAL,
                state=SimState.IN_USE,
                is_in_programme=is_in_programme(iccid),
            )
            for iccid in new
        ]
        insert_new(cards)
    rows = Sim.objects.filter(iccid__in=iccids).order_by("pk")
    return list(rows.select_for_update(no_key=True))


def _put_sim(line: Line, sim: Sim, stay: SimOnLine | None) -> None:
    if stay is not None and stay.line_id == line.pk:
        compare_and_set(SimOnLine, stay.pk, {"proof": Proof.NONE}, proof=Proof.OPERATOR)
        return
    if stay is not None and not _may_leave(stay, line):
        return
    if stay is not None:
        compare_and_set(SimOnLine, stay.pk, {}, until=now())
    new = SimOnLine.objects.create(line=line, sim=sim, since=now(), proof=Proof.OPERATOR)
    # A SIM that an order has reserved, or that is retired, keeps its state.
    compare_and_set(Sim, sim.pk, {"state": SimState.AVAILABLE}, state=SimState.IN_USE)
    is_lost = stay is not None and stay.line.account_id != line.account_id
    if stay is not None and is_lost and _own_plans(stay.line).exists():
        claims.note_takeover(stay, new)


def _may_leave(stay: SimOnLine, line: Line) -> bool:
    """Return whether a SIM may leave its line for a linked one."""
    if stay.proof in FIXED:
        # The portal has given this SIM to another customer. Staff must find out which side is
        # wrong.
        log.error("operator names a SIM of another line", iccid=stay.sim.iccid, line=line.pk)
        return False
    is_own = stay.line.account_id == line.account_id
    # What the customer has bought for the SIM stays usable on it. It moves when that has ended.
    return not (is_own and _own_plans(stay.line).exists())


def _own_plans(line: Line) -> QuerySet[Subscription]:
    """Return the plans of the portal that may still be used on the line."""
    own = Subscription.objects.filter(line=line, master=Master.PORTAL)
    prepared = Q(state=SubscriptionState.PREPARED)
    return own.filter(prepared | Q(pk__in=usable_subscriptions(now())))


def _put_plans(kept: OperatorLine, plans: Sequence[PlanOnLine], at: datetime) -> None:
    """Write the plans, and end those that are no longer among them."""
    for plan in plans:
        subscription, _is_new = Subscription.objects.update_or_create(
            reference=_reference(kept, plan),
            defaults={
                "line": kept.line,
                "master": Master.OPERATOR,
                "plan_name": plan.name,
                "state": SubscriptionState.ACTIVE,
            },
        )
        period, _is_new = Period.objects.update_or_create(
            subscription=subscription,
            defaults={
                "line": kept.line,
                "plan_name": plan.name,
                "state": PeriodState.PAID,
                "starts_at": plan.starts_at,
                "ends_at": plan.ends_at,
                "usable_until": plan.ends_at,
            },
        )
        total = plan.total_bytes or 0
        is_counted = plan.total_bytes is not None
        Bucket.objects.update_or_create(
            period=period,
            defaults={
                "kind": Bucket.Kind.ALLOWANCE if is_counted else Bucket.Kind.UNLIMITED,
                "total_bytes": total,
                "used_bytes": total - plan.left_bytes,
                "countries": list(plan.countries),
            },
        )
    _end_plans(kept.line, [_reference(kept, plan) for plan in plans], at)


def _end_plans(line: Line, running: Collection[str], at: datetime) -> None:
    ended = Subscription.objects.filter(
        line=line, master=Master.OPERATOR, state=SubscriptionState.ACTIVE
    ).exclude(reference__in=running)
    lifecycle.cut_short(Period.objects.filter(subscription__in=ended), at=at)
    ended.update(state=SubscriptionState.ENDED)


def _reference(kept: OperatorLine, plan: PlanOnLine) -> str:
    # No order number has a slash.
    return f"{kept.reference}/{plan.reference}"
