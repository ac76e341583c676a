"""How long to wait before what gave no useful answer is asked again."""

import random
from datetime import timedelta

# Seconds between the first tries: a customer is looking on.
PAUSES = (0.5, 2, 4, 8, 12)
MAX_PAUSE = timedelta(minutes=10)


def pause_after(tries: int, *, at_least: timedelta = timedelta()) -> timedelta:
    """Return the pause after so many tries before this one: soon at first, then ever less often.

    `at_least` is what the other side has asked for.
    """
    if tries >= len(PAUSES):
        return max(at_least, backoff(tries))
    jitter = random.uniform(0.8, 1.2)  # noqa: S311 -- jitter is no secret
    return max(at_least, timedelta(seconds=PAUSES[tries] * jitter))


def backoff(attempts: int) -> timedelta:
    """Return a pause that doubles with each attempt, with jitter, up to ten minutes."""
    seconds = min(2.0 ** min(attempts, 12), MAX_PAUSE.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.5, 1))  # noqa: S311 -- the same
