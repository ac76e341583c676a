"""What a decision of the customer, or of staff, means for an oracle's plan.

Source: docs/contract.md#subscriptions, docs/subscriptions.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.subscriptions.months.bank import BankCard
from tests.subscriptions.months.story import DEVICE_FEE, Act, Event, Offer, due_for_change

if TYPE_CHECKING:
    from tests.subscriptions.months.oracle import Oracle

MOST_IN_GRACE = 10**9


@dataclass(frozen=True)
class Choice:
    """The plan that begins when the month ends, and how the old one was paid before the choice."""

    offer: Offer
    card: BankCard
    is_dead: bool
    last_try: datetime | None
    advised: datetime | None


def _cancel(oracle: "Oracle", _event: Event) -> None:
    oracle.is_cancelled = True


def _undo(oracle: "Oracle", _event: Event) -> None:
    oracle.is_cancelled = False


def _remove_card(oracle: "Oracle", _event: Event) -> None:
    oracle.is_dead = True


def _pay_with(oracle: "Oracle", event: Event) -> None:
    assert event.card
    oracle.card, oracle.is_dead = event.card, False
    oracle.consent += 1
    oracle.last_try = oracle.advised = None


def _change(oracle: "Oracle", event: Event) -> None:
    """Begin a month of a dearer plan at once, for its price less what is unused."""
    assert event.offer
    assert event.card
    if not _is_changeable(oracle) or event.offer.price <= oracle.offer.price:
        return
    if not _is_approved(oracle, event.card):
        return
    month = oracle.paid[-1]
    due = due_for_change(
        event.offer.price,
        oracle.offer.price,
        time_left=month.ends_at - oracle.at,
        month=month.ends_at - month.starts_at,
        data_left=data_left(oracle),
    )
    oracle.change = len(oracle.charges)
    oracle.charges.append((event.card.token, due))
    oracle.offer, oracle.choice = event.offer, None
    _pay_with(oracle, event)
    oracle.live = None
    # A month that was planned keeps its number, although it never begins.
    oracle.number += 2 if oracle.is_planned else 1
    oracle.begin(oracle.really_began(oracle.number), cost=due)


def _is_changeable(oracle: "Oracle") -> bool:
    is_running = oracle.state == "active" and oracle.at < oracle.end
    return is_running and not oracle.is_cancelled and not oracle.is_parked


def _choose(oracle: "Oracle", event: Event) -> None:
    """Let a plan that is not dearer follow the running month, paid by another card."""
    assert event.offer
    chosen = oracle.choice.offer if oracle.choice else None
    is_new = event.offer not in (oracle.offer, chosen)
    if _is_changeable(oracle) and is_new and event.offer.price <= oracle.offer.price:
        # What is undone later is the first choice, so the first consent holds again.
        tries = (oracle.last_try, oracle.advised)
        kept = oracle.choice or Choice(event.offer, oracle.card, oracle.is_dead, *tries)
        oracle.choice = replace(kept, offer=event.offer)
        _pay_with(oracle, event)


def _undo_choice(oracle: "Oracle", _event: Event) -> None:
    choice = oracle.choice
    is_open = oracle.state == "active" and oracle.at < oracle.end and not oracle.is_cancelled
    if choice and is_open:
        oracle.choice, oracle.consent = None, oracle.consent + 1
        oracle.card, oracle.is_dead = choice.card, choice.is_dead
        oracle.last_try, oracle.advised = choice.last_try, choice.advised


def _is_approved(oracle: "Oracle", card: BankCard) -> bool:
    """Return whether an order with this card is paid. It does not outlast an outage."""
    return oracle.is_up() and not card.refuses(oracle.at)


def data_left(oracle: "Oracle") -> Fraction:
    """Return the share of the running month's data that is unused. Unlimited data is never used."""
    total = oracle.offer.data
    if total is None:
        return Fraction(1)
    used = oracle.used_since(oracle.paid[-1].starts_at)
    return Fraction(max(total - used, 0), total)


def may_use(oracle: "Oracle") -> bool:
    """Return whether there is data left to use: of the month, or of the allowance in grace."""
    total, since = oracle.offer.data, oracle.paid[-1].starts_at
    if oracle.at >= oracle.end:
        since = oracle.end
        total = MOST_IN_GRACE if total is None else min(MOST_IN_GRACE, total // 10)
    return total is None or oracle.used_since(since) < total


def _use(oracle: "Oracle", event: Event) -> None:
    oracle.uses.append((event.at, event.amount))


def _lose_time(oracle: "Oracle", event: Event) -> None:
    if oracle.lost is None:
        oracle.lost, oracle.is_owed = timedelta(seconds=event.amount), True


def _refund(oracle: "Oracle", event: Event) -> None:
    """Give back a part of the newest charge. The plan goes on, whatever the refund is called."""
    if oracle.charges and oracle.disputed != len(oracle.charges) - 1:
        oracle.give_back(len(oracle.charges) - 1, at_most=event.amount)


def _attach(oracle: "Oracle", event: Event) -> None:
    """Let another device share the plan. One may."""
    assert event.card
    is_free = len(oracle.devices) == 1
    if _is_usable(oracle) and is_free and _is_approved(oracle, event.card):
        oracle.devices.append(event.at)
        oracle.fees.add(len(oracle.charges))
        oracle.charges.append((event.card.token, DEVICE_FEE))


def _is_usable(oracle: "Oracle") -> bool:
    return oracle.state == "active" and oracle.at < oracle.end and not oracle.is_parked


def _move(oracle: "Oracle", event: Event) -> None:
    """Let a new device take the place of the oldest one. It costs nothing."""
    if _is_usable(oracle):
        oracle.devices = [*oracle.devices[1:], event.at]


def _change_nothing(_oracle: "Oracle", _event: Event) -> None:
    pass


def _dispute(oracle: "Oracle", event: Event) -> None:
    """Take back what is left of the newest charge. Nothing of the plan can be used meanwhile."""
    newest = len(oracle.charges) - 1
    if newest < 0 or oracle.disputed is not None or not oracle.left(newest) or not oracle.is_up():
        return
    oracle.disputed = newest
    if event.act == Act.REPORT_FRAUD:
        token, _cost = oracle.charges[newest]
        oracle.is_dead |= oracle.card.token == token
        if oracle.choice and oracle.choice.card.token == token:
            oracle.choice = replace(oracle.choice, is_dead=True)


def _win_dispute(oracle: "Oracle", _event: Event) -> None:
    if oracle.is_up():
        oracle.disputed = None


def _lose_dispute(oracle: "Oracle", _event: Event) -> None:
    """End the plan, unless the charge was the fee of a device."""
    if oracle.disputed is None or not oracle.is_up():
        return
    oracle.lost_charges.add(oracle.disputed)
    if oracle.is_parked:
        oracle.state, oracle.live = "ended", None
    oracle.disputed = None


def _remove_device(oracle: "Oracle", _event: Event) -> None:
    """Remove the newest device. The only one stays."""
    oracle.devices = oracle.devices[:-1] or oracle.devices


def _take_back(oracle: "Oracle", _event: Event) -> None:
    """End the plan at once, and give back what is left of its newest change's charge."""
    if oracle.change is not None and oracle.disputed is None:
        oracle.state, oracle.live = "ended", None
        oracle.give_back(oracle.change, at_most=oracle.charges[oracle.change][1])


DECISIONS: dict[Act, Callable[["Oracle", Event], None]] = {
    Act.CANCEL: _cancel,
    Act.UNDO: _undo,
    Act.REMOVE_CARD: _remove_card,
    Act.NEW_CARD: _pay_with,
    Act.CHANGE: _change,
    Act.USE: _use,
    Act.LOSE_TIME: _lose_time,
    Act.REFUND: _refund,
    Act.ATTACH: _attach,
    Act.REMOVE_DEVICE: _remove_device,
    Act.TAKE_BACK: _take_back,
    Act.CHOOSE: _choose,
    Act.UNDO_CHOICE: _undo_choice,
    Act.MOVE: _move,
    Act.MOVE_AND_BACK: _change_nothing,
    Act.DISPUTE: _dispute,
    Act.REPORT_FRAUD: _dispute,
    Act.WIN_DISPUTE: _win_dispute,
    Act.LOSE_DISPUTE: _lose_dispute,
}
