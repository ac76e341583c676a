"""`outbox.retries`: short delays while a customer is watching, growing ones afterwards."""

from outbox.retries import RETRY_DELAYS, backoff, retry_delay


def seconds(tries: int) -> float:
    return retry_delay(tries).total_seconds()


def test_three_attempts_fit_into_ten_seconds() -> None:
    for _ in range(100):
        assert 0 < seconds(0) <= 1
        assert seconds(0) + seconds(1) <= 10


def test_jitter_spreads_the_retries_of_different_orders() -> None:
    assert len({seconds(2) for _ in range(20)}) > 1


def test_later_delays_double_up_to_ten_minutes() -> None:
    for tries in range(len(RETRY_DELAYS), 40):
        longest = min(2.0**tries, 600)
        assert longest / 2 <= seconds(tries) <= longest


def test_backoff_doubles_from_the_first_attempt() -> None:
    for attempts in range(40):
        longest = min(2.0**attempts, 600)
        assert longest / 2 <= backoff(attempts).total_seconds() <= longest
