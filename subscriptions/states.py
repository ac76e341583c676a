"""The states of subscriptions, periods, moves, requests to link a line, and ways out."""

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy


class SubscriptionState(TextChoices):
    """How a subscription stands (docs/contract.md#subscriptions).

    A plan that does not renew stays active: its period says when its time is over.
    """

    # It cannot be used before its order completes.
    PREPARED = "prepared", pgettext_lazy("subscription state", "Prepared")
    ACTIVE = "active", pgettext_lazy("subscription state", "Active")
    # The next period is not paid yet, and a small allowance can be used meanwhile.
    GRACE = "grace", pgettext_lazy("subscription state", "Payment overdue")
    # The service is off until somebody pays.
    ON_HOLD = "on_hold", pgettext_lazy("subscription state", "On hold")
    ENDED = "ended", pgettext_lazy("subscription state", "Ended")


NEXT_SUBSCRIPTION_STATES: dict[SubscriptionState, frozenset[SubscriptionState]] = {
    SubscriptionState.PREPARED: frozenset({SubscriptionState.ACTIVE, SubscriptionState.ENDED}),
    SubscriptionState.ACTIVE: frozenset(
        {SubscriptionState.GRACE, SubscriptionState.ON_HOLD, SubscriptionState.ENDED}
    ),
    SubscriptionState.GRACE: frozenset(
        {SubscriptionState.ACTIVE, SubscriptionState.ON_HOLD, SubscriptionState.ENDED}
    ),
    SubscriptionState.ON_HOLD: frozenset({SubscriptionState.ACTIVE, SubscriptionState.ENDED}),
    SubscriptionState.ENDED: frozenset(),
}


# A subscription in these states has begun and has not ended.
RUNNING = frozenset({SubscriptionState.ACTIVE, SubscriptionState.GRACE, SubscriptionState.ON_HOLD})


class ParkReason(TextChoices):
    """Why nothing of a subscription is charged until staff have acted. It is not a state."""

    # A fault of the operator or the portal. The service stays on.
    FAULT = "fault", "A fault of the operator"
    # The customer's bank takes the money back. The service is off.
    DISPUTE = "dispute", "A dispute"


class PeriodState(TextChoices):
    """How a period stands. Nothing but its payment, or a price of zero, makes it paid."""

    PLANNED = "planned", "Planned"
    PAID = "paid", "Paid"
    # It was never paid, and it never will be.
    LAPSED = "lapsed", "Lapsed"


NEXT_PERIOD_STATES: dict[PeriodState, frozenset[PeriodState]] = {
    PeriodState.PLANNED: frozenset({PeriodState.PAID, PeriodState.LAPSED}),
    PeriodState.PAID: frozenset(),
    PeriodState.LAPSED: frozenset(),
}


class MoveState(TextChoices):
    """How far a plan has moved from one device to another."""

    # The order of the move is in progress.
    PREPARED = "prepared", "Being prepared"
    # The new eSIM is on no device yet.
    BEGUN = "begun", "Waiting for the new device"
    # The plan works on both devices, and the customer can undo the move.
    LIVE = "live", "Live on both devices"
    # The old SIM has left the line.
    DONE = "done", "Done"
    # The customer has taken it back. The new SIM has left the line.
    UNDONE = "undone", "Undone by the customer"
    # The order came to nothing, or nobody downloaded the new eSIM. The old SIM stays.
    DROPPED = "dropped", "Dropped"


OPEN_MOVE = frozenset({MoveState.PREPARED, MoveState.BEGUN, MoveState.LIVE})
NEXT_MOVE_STATES: dict[MoveState, frozenset[MoveState]] = {
    MoveState.PREPARED: frozenset({MoveState.BEGUN, MoveState.LIVE, MoveState.DROPPED}),
    MoveState.BEGUN: frozenset(
        {MoveState.LIVE, MoveState.DONE, MoveState.UNDONE, MoveState.DROPPED}
    ),
    MoveState.LIVE: frozenset({MoveState.DONE, MoveState.UNDONE, MoveState.DROPPED}),
    MoveState.DONE: frozenset(),
    MoveState.UNDONE: frozenset(),
    MoveState.DROPPED: frozenset(),
}


class ChangeState(TextChoices):
    """How far a customer's choice of another plan for the next month has come."""

    # It can be undone.
    CHOSEN = "chosen", "Chosen"
    BEGUN = "begun", "Begun"
    UNDONE = "undone", "Undone"
    # The customer chose another plan in its place, or the old plan ended first.
    LAPSED = "lapsed", "Lapsed"


NEXT_CHANGE_STATES: dict[ChangeState, frozenset[ChangeState]] = {
    ChangeState.CHOSEN: frozenset({ChangeState.BEGUN, ChangeState.UNDONE, ChangeState.LAPSED}),
    ChangeState.BEGUN: frozenset(),
    ChangeState.UNDONE: frozenset(),
    ChangeState.LAPSED: frozenset(),
}


class LinkState(TextChoices):
    """How far a request to link a line has come."""

    # The customer system looks for the line of the bill's code.
    FINDING = "finding", "Finding the line"
    # The customer must type the code that goes to the number.
    PROVING = "proving", "Waiting for the customer's code"
    # The customer system is asked what is on the line.
    ASKING = "asking", "Reading the line"
    LINKED = "linked", "Linked"
    REFUSED = "refused", "Refused"
    # The customer began again.
    LAPSED = "lapsed", "Lapsed"


NEXT_STATES: dict[LinkState, frozenset[LinkState]] = {
    LinkState.FINDING: frozenset({LinkState.PROVING, LinkState.REFUSED, LinkState.LAPSED}),
    LinkState.PROVING: frozenset({LinkState.ASKING, LinkState.LAPSED}),
    LinkState.ASKING: frozenset({LinkState.LINKED, LinkState.REFUSED}),
    LinkState.LINKED: frozenset(),
    LinkState.REFUSED: frozenset(),
    LinkState.LAPSED: frozenset(),
}
OPEN_LINKS = frozenset({LinkState.FINDING, LinkState.PROVING, LinkState.ASKING})


class Refusal(TextChoices):
    """Why a line was not linked."""

    UNKNOWN = "unknown_line", "The operator has no such line"
    # Somebody else has proven the number meanwhile, or it has changed hands.
    NOT_PROVEN = "not_proven", "The number is no longer proven"
    UNANSWERED = "unanswered", "The customer system did not answer for a day"
    REFUSED = "refused", "The customer system refused"


class WayOutState(TextChoices):
    """How far a way out of the walled garden has come."""

    # A worker still has to ask the network.
    ASKED = "asked", "Being opened"
    OPEN = "open", "Open"
    # The network may still have it open.
    CLOSING = "closing", "Being closed"
    CLOSED = "closed", "Closed"
    # It was never open.
    REFUSED = "refused", "Refused"


NEXT_WAY_STATES: dict[WayOutState, frozenset[WayOutState]] = {
    WayOutState.ASKED: frozenset({WayOutState.OPEN, WayOutState.CLOSING, WayOutState.REFUSED}),
    WayOutState.OPEN: frozenset({WayOutState.CLOSING}),
    WayOutState.CLOSING: frozenset({WayOutState.CLOSED}),
    WayOutState.CLOSED: frozenset(),
    WayOutState.REFUSED: frozenset(),
}
WAY_UNDER_WAY = frozenset({WayOutState.ASKED, WayOutState.OPEN})


class WayRefusal(TextChoices):
    """Why a customer got no way out."""

    LIMIT = "limit", "Too many for this SIM today"
    NETWORK = "network", "The network refused"
    # It may be open there all the same, so it is closed.
    NO_ANSWER = "no_answer", "The network did not answer in time"
