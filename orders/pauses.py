"""How long to wait before a service that gave no useful answer is asked again."""

import random
from datetime import timedelta

from outbox.domain import backoff

# Seconds between the first tries: a customer is looking on.
PAUSES = (0.5, 2, 4, 8, 12)


def pause_after(tries: int) -> timedelta:
    """Return the pause after so many tries before this one: soon at first, then ever less often."""
    if tries >= len(PAUSES):
        return backoff(tries)
    return timedelta(seconds=PAUSES[tries] * random.uniform(0.8, 1.2))  # noqa: S311 -- jitter is no secret
