"""How long to wait before a part that has ended is started again."""

FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0
# A part that ran for this long is healthy: the next delay is the first one again.
HEALTHY_AFTER = 60.0


class Restarts:
    """The restarts of one part. Each delay is twice the one before it; all times are seconds."""

    def __init__(self) -> None:
        self._started_at = 0.0
        self._delay = FIRST_DELAY

    def note_start(self, now: float) -> None:
        self._started_at = now

    def next_delay(self, now: float) -> float:
        """Return how long to wait after the end at `now`, and double the delay after it."""
        if now - self._started_at >= HEALTHY_AFTER:
            self._delay = FIRST_DELAY
        delay = self._delay
        self._delay = min(2 * delay, LONGEST_DELAY)
        return delay
