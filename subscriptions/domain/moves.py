"""The move of a plan from one device to another.

The new SIM joins the line, so the plan works on both. Once the new SIM is on its device and the
plan is active on it, the customer can undo the move for a while. Then the old SIM leaves. Until
that moment the old SIM stays as it was, whatever fails.
"""

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from esim.models import Profile, Sim
from esim.states import ProfileState, SimState
from moportal.database import statements
from moportal.http_client import ServiceUnavailable
from outbox.domain import Lease, RetryAfter, enqueue
from subscriptions.domain import activation, announcing, sharing, standing
from subscriptions.domain.lifecycle import lock_line
from subscriptions.models import PlanMove, SimOnLine, Subscription
from subscriptions.networks.base import NetworkRefused
from subscriptions.states import NEXT_MOVE_STATES, OPEN_MOVE, MoveState

log = structlog.get_logger(__name__)
KIND = "plan_move"
# Long enough to notice that the new device does not work, and to read the message about the move.
# It is short because the old SIM may have been given away with its device.
UNDO_TIME = timedelta(minutes=30)
# A network that is down or refuses is asked again after this time.
INTERVAL = timedelta(minutes=2)


class NotMovable(Exception):
    """The plan is moving already, its old SIM has left the line, or the new SIM is on it."""


class TooLateToUndo(Exception):
    """The move has ended, or its old SIM has left the line."""


@transaction.atomic
def prepare(
    subscription: Subscription,
    sim: Sim,
    *,
    old: int,
    reference: str,
    proof: SimOnLine.Proof,
) -> None:
    """Put the SIM on the plan's line, beside the SIM that it will replace.

    `old` is the key of the old SIM's stay on the line, and `reference` the number of the order. A
    second call for the same order does nothing. Raises `NotMovable`, and what `sharing.join`
    raises.
    """
    line = lock_line(subscription.line_id)
    if PlanMove.objects.filter(reference=reference).exists():
        return
    stays = sharing.devices_of(subscription)
    leaving = stays.filter(pk=old).first()
    if leaving is None or stays.filter(sim=sim).exists() or is_moving(subscription):
        raise NotMovable(reference)
    stay = sharing.join(subscription, sim, proof=proof, needs_place=False)
    PlanMove.objects.create(
        subscription=subscription, line=line, old=leaving, new=stay, reference=reference
    )


def begin(reference: str, *, waits_for_download: bool) -> None:
    """Begin the move, in the transaction that completes its order.

    A SIM that needs no download is on its device, and the plan is active on it: then the customer
    can undo the move from now on.
    """
    move = PlanMove.objects.select_related("line__account", "subscription").get(reference=reference)
    if waits_for_download:
        _move(move, MoveState.BEGUN, begun_at=now())
    else:
        _go_live(move, begun_at=now())
    enqueue(KIND, move.pk)


def note_download(profile: Profile, **_signal: Any) -> None:
    """Enqueue the move that waits for this eSIM: a signal receiver."""
    # Race: its order may be completed at the same time. The task that is enqueued later sees both.
    waiting = PlanMove.objects.filter(new__sim=profile.sim_id, state__in=OPEN_MOVE)
    for key in waiting.values_list("pk", flat=True):
        enqueue(KIND, key)


def is_open(reference: str) -> bool:
    """Return whether the move of this order has not ended."""
    return PlanMove.objects.filter(reference=reference, state__in=OPEN_MOVE).exists()


def is_moving(subscription: Subscription) -> bool:
    """Return whether a move of the plan's line is open."""
    return PlanMove.objects.filter(line=subscription.line_id, state__in=OPEN_MOVE).exists()


def open_move(subscription: Subscription) -> PlanMove | None:
    """Return the open move of the plan's line, or None."""
    moves = PlanMove.objects.filter(line=subscription.line_id, state__in=OPEN_MOVE)
    return moves.select_related("old__sim", "new__sim").first()


def has_moved_away(subscription: Subscription, sim: Sim) -> bool:
    """Return whether the plan was moved from this SIM to another one."""
    done = PlanMove.objects.filter(line=subscription.line_id, state=MoveState.DONE)
    return done.filter(old__sim=sim).exists()


def advance(subject: str, lease: Lease) -> RetryAfter | None:
    """Do what the move needs next; the outbox's handler.

    1. Once the new eSIM is on its device, the plan is activated on it, and the customer is told.
    2. When the time to undo the move is over, the old SIM leaves the line.
    """
    move = _load(subject)
    if move.state not in {MoveState.BEGUN, MoveState.LIVE}:
        return None
    has_both = move.old.until is None and move.new.until is None
    if move.state == MoveState.BEGUN and has_both:
        return _wait_for_download(move, lease)
    return _retire(subject)


def _load(key: str | int) -> PlanMove:
    related = ("line__account", "subscription", "old__sim", "new__sim")
    return PlanMove.objects.select_related(*related).get(pk=key)


def _wait_for_download(move: PlanMove, lease: Lease) -> RetryAfter | None:
    downloaded = Profile.objects.filter(sim=move.new.sim, state=ProfileState.DOWNLOADED)
    if not downloaded.exists():
        return _wait_or_drop(move)
    try:
        # The line may have got another plan since the order.
        for plan in sharing.plans_to_serve(move.subscription):
            activation.activate(plan, move.new.sim, before_call=lease.cover_call)
    except NetworkRefused:
        log.exception("network refuses to activate a plan: staff must act", move=move.reference)
        return RetryAfter(INTERVAL)
    except ServiceUnavailable:
        return RetryAfter(INTERVAL)
    with transaction.atomic():
        if not _go_live(move):
            # It was undone meanwhile, so nothing may stay active on the new SIM.
            enqueue(sharing.KIND, move.new_id)
    return RetryAfter(timedelta())


def _wait_or_drop(move: PlanMove) -> RetryAfter | None:
    """Wait for the download, and drop the move when nobody has downloaded the eSIM for long."""
    assert move.begun_at is not None  # noqa: S101 -- `begin` has set it
    if settings.ESIM_EXPIRY_DAYS <= 0:
        return None
    left = move.begun_at + timedelta(days=settings.ESIM_EXPIRY_DAYS) - now()
    if left > timedelta():
        return RetryAfter(left)
    drop(move.reference)
    return None


def _go_live(move: PlanMove, **fields: object) -> bool:
    """Let the time run in which the customer can undo the move, and tell all addresses.

    It is longer if the access to the account changed lately: its owner needs time to act. Returns
    False if the move has ended.
    """
    account = move.line.account
    until = now() + max(UNDO_TIME, standing.delay_of_move(account, move.line))
    if not _move(move, MoveState.LIVE, retires_at=until, **fields):
        return False
    announcing.tell_moved(move)
    return True


@transaction.atomic
def _retire(subject: str) -> RetryAfter | None:
    """Take the old SIM off the line when its time is over. A worker then deactivates it."""
    move, at = _lock(subject), now()
    if move.old.until is not None:
        # The old SIM has left already, for example because it is another customer's.
        _end(move, MoveState.DONE, retires_at=at)
        return None
    if move.new.until is not None:
        # The new SIM may have left in the same way. Then the plan needs the old one.
        drop(move.reference)
        return None
    assert move.retires_at is not None  # noqa: S101 -- constraint old_sim_leaves_at_a_known_time
    if move.retires_at > at:
        return RetryAfter(move.retires_at - at)
    if _end(move, MoveState.DONE):
        _take_off(move.old)
    return None


@transaction.atomic
def undo(move: PlanMove, *, actor: User) -> None:
    """Take the new SIM off the line again. The old one stays. Raises `TooLateToUndo`.

    Race: the worker may retire the old SIM at the same time. Both compare and set, so one wins.
    """
    found = _lock(move.pk)
    if found.old.until is not None or not _end(found, MoveState.UNDONE):
        raise TooLateToUndo(move.reference)
    _take_back(found)
    log.info("move undone", move=move.reference, actor=actor.pk)


@transaction.atomic
def drop(reference: str, *, tells: bool = True) -> SimOnLine | None:
    """Take the new SIM off the line, because the move comes to nothing. The old one stays.

    The customer is told of it if `tells`, and if the move had begun. Before that, the messages
    about its order say what became of it.

    Returns the new SIM's stay, which is over, also if the move came to nothing before. Returns None
    if the order has no move, or if the old SIM has left the line.
    """
    found = PlanMove.objects.filter(reference=reference).first()
    if found is None:
        return None
    move = _lock(found.pk)
    has_begun = move.begun_at is not None
    if _end(move, MoveState.DROPPED):
        _take_back(move)
        if tells and has_begun:
            announcing.tell_move_dropped(move)
    return move.new if move.state in {MoveState.DROPPED, MoveState.UNDONE} else None


def _lock(key: str | int) -> PlanMove:
    """Return the move, as it is when nothing else changes its line or its new SIM's stay."""
    move = PlanMove.objects.get(pk=key)
    lock_line(move.line_id)
    move = _load(key)
    # Race: another customer may just be proving that the new SIM is theirs.
    move.new = SimOnLine.objects.select_for_update(no_key=True).get(pk=move.new_id)
    return move


def _take_back(move: PlanMove) -> None:
    sharing.leave(move.line_id, move.new.sim)
    enqueue(sharing.KIND, move.new_id)
    # The task of the move may wait for a download. Now it can be closed.
    enqueue(KIND, move.pk)


def _take_off(stay: SimOnLine) -> None:
    SimOnLine.objects.filter(pk=stay.pk).update(until=now())
    # An eSIM belongs to its device. A card may get another plan.
    Sim.objects.filter(pk=stay.sim_id, kind=Sim.Kind.PROFILE).update(state=SimState.RETIRED)
    enqueue(sharing.KIND, stay.pk)


def _end(move: PlanMove, new: MoveState, **fields: object) -> bool:
    return _move(move, new, ended_at=now(), **fields)


def _move(move: PlanMove, new: MoveState, **fields: object) -> bool:
    """Move the row by compare-and-set, and return whether this call moved it.

    Nothing else writes a move's state.
    """
    is_moved = statements.move(move, NEXT_MOVE_STATES, new, **fields)
    log.info("plan move", move=move.reference, state=move.state, moved=is_moved)
    return is_moved
