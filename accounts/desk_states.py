"""The states of recoveries that staff start, and of links by which staff set their password."""

from django.db.models import TextChoices


class RecoveryState(TextChoices):
    """How far a recovery has come that staff started (`accounts.domain.staff_recovery`)."""

    CHECKING = "checking", "The caller is being asked"
    CHECKED = "checked", "The caller has answered"
    ASKED = "asked", "Waits for a second person"
    APPROVED = "approved", "A second person agreed"
    CODE_MADE = "code_made", "The code was given out"
    USED = "used", "The customer is back"
    REFUSED = "refused", "The caller gave wrong answers"
    DECLINED = "declined", "A second person declined"
    WITHDRAWN = "withdrawn", "Stopped by staff"
    SPENT = "spent", "Too many wrong codes"
    LAPSED = "lapsed", "Its time is over"


class LinkState(TextChoices):
    """What became of a link by which staff set their password."""

    OPEN = "open", "Open"
    USED = "used", "Used"
    WITHDRAWN = "withdrawn", "Replaced by a newer link"


_GIVEN_UP = frozenset({RecoveryState.WITHDRAWN, RecoveryState.LAPSED})
NEXT_RECOVERY_STATES: dict[RecoveryState, frozenset[RecoveryState]] = {
    RecoveryState.CHECKING: _GIVEN_UP | {RecoveryState.CHECKED, RecoveryState.REFUSED},
    RecoveryState.CHECKED: _GIVEN_UP | {RecoveryState.ASKED, RecoveryState.CODE_MADE},
    RecoveryState.ASKED: _GIVEN_UP | {RecoveryState.APPROVED, RecoveryState.DECLINED},
    RecoveryState.APPROVED: _GIVEN_UP | {RecoveryState.CODE_MADE},
    RecoveryState.CODE_MADE: _GIVEN_UP | {RecoveryState.USED, RecoveryState.SPENT},
    RecoveryState.USED: frozenset(),
    RecoveryState.REFUSED: frozenset(),
    RecoveryState.DECLINED: frozenset(),
    RecoveryState.WITHDRAWN: frozenset(),
    RecoveryState.SPENT: frozenset(),
    RecoveryState.LAPSED: frozenset(),
}
OPEN_RECOVERY = frozenset(state for state, following in NEXT_RECOVERY_STATES.items() if following)
NEXT_LINK_STATES: dict[LinkState, frozenset[LinkState]] = {
    LinkState.OPEN: frozenset({LinkState.USED, LinkState.WITHDRAWN}),
    LinkState.USED: frozenset(),
    LinkState.WITHDRAWN: frozenset(),
}
