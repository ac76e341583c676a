"""What a customer may do with a line of the operator, and what prevents it.

Attach, detach, move and the bill ask here first. Whoever has only taken over the SIM can prove the
number by a code, and that is not enough for any of them (docs/accounts.md#lines).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.domain import proofs, safeguards
from accounts.domain.proofs import Strength
from accounts.models import User
from subscriptions.models import Line, OperatorLine


@dataclass(frozen=True)
class Standing:
    """What is known about a customer and a line. Each part alone can forbid a change."""

    strength: Strength
    is_locked: bool
    # No attach, move or bill until then, because the account was recovered.
    restrained_until: datetime | None
    # How long an attach or a move waits, so that it can be stopped.
    delay: timedelta

    @property
    def may_use(self) -> bool:
        """Return whether the customer may see the line and top it up."""
        return self.strength >= Strength.USE

    @property
    def is_holder(self) -> bool:
        return self.strength == Strength.HOLDER

    @property
    def may_change(self) -> bool:
        """Return whether the customer may attach, move, or pay on the bill now."""
        return self.is_holder and not self.is_locked and self.restrained_until is None


def standing_of(account: User, kept: OperatorLine) -> Standing:
    """Return what the account may do with this line of its own."""
    return Standing(
        strength=proofs.strength_of(account, f"+{kept.line.msisdn}"),
        is_locked=kept.is_locked,
        restrained_until=safeguards.restrained_until(account),
        delay=safeguards.delay_of_move(account, sim_changed_at=kept.sim_changed_at),
    )


def may_change_line(account: User, line: Line) -> bool:
    """Return whether the customer may change which SIMs are on this line of theirs.

    A line that the portal opened has no other holder than its customer.
    """
    kept = OperatorLine.objects.select_related("line").filter(line=line).first()
    if kept is None:
        return True
    found = standing_of(account, kept)
    return found.may_change and not found.delay


def delay_of_move(account: User, line: Line) -> timedelta:
    """Return how long a move of this line waits, because something about its access changed."""
    kept = OperatorLine.objects.select_related("line").filter(line=line).first()
    return standing_of(account, kept).delay if kept else safeguards.delay_of_move(account)


def forbids_bill(account: User, number: str) -> bool:
    """Return whether the holder of the number's line has locked it against charges."""
    lines = OperatorLine.objects.filter(
        line__account=account, line__msisdn=number.removeprefix("+")
    )
    return lines.filter(is_locked=True).exists()


def lines_of(account: User) -> list[tuple[OperatorLine, Standing]]:
    """Return the account's lines of the operator, with what it may do with each."""
    kept = OperatorLine.objects.filter(line__account=account).select_related("line")
    return [(one, standing_of(account, one)) for one in kept.order_by("pk")]
