"""The entries of a gateway's books."""

from dataclasses import dataclass
from datetime import date

from moportal.money import Money
from payments.states import EntryKind


@dataclass(frozen=True)
class Entry:
    """One movement of money in the gateway's books.

    `amount` is what it adds to the operator's balance there, before the fee. It is negative where
    money leaves: for a refund, a dispute, a fee of its own or a payout. `fee` is what the gateway
    keeps of it, in minor units.
    """

    # It never changes, and no other entry of this gateway has it.
    entry_id: str
    kind: EntryKind
    # The day in the gateway's own time zone.
    booked_on: date
    amount: Money
    fee: int = 0
    # The gateway's id of the payment that it is about.
    gateway_id: str = ""
    # The gateway's id of the refund or the dispute.
    cause_id: str = ""
    reference: str = ""
    # The id of the payout that pays it, or empty. A payout has its own id here.
    payout_id: str = ""


@dataclass(frozen=True)
class EntryPage:
    """Some entries of a day. `after` is where the next page begins, or empty on the last page."""

    entries: tuple[Entry, ...]
    after: str = ""
