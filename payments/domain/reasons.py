"""The reasons that staff give for their decisions, as their columns hold them."""

LONGEST_REASON = 200


def cut_reason(reason: str) -> str:
    """Return as much of a reason as its column holds."""
    return reason[:LONGEST_REASON]
