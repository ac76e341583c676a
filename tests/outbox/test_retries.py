"""`outbox.retries`: a customer is looking on, then nobody is."""

from outbox.retries import RETRY_DELAYS, backoff, retry_delay


def seconds(tries: int) -> float:
    return retry_delay(tries).total_seconds()


def test_the_first_retry_comes_within_a_second_and_three_tries_within_ten() -> None:
    for _ in range(100):
        assert 0 < seconds(0) <= 1
        assert seconds(0) + seconds(1) <= 10


def test_no_two_orders_keep_step() -> None:
    assert len({seconds(2) for _ in range(20)}) > 1


def test_later_it_is_asked_ever_less_often_and_never_less_than_every_ten_minutes() -> None:
    for tries in range(len(RETRY_DELAYS), 40):
        longest = min(2.0**tries, 600)
        assert longest / 2 <= seconds(tries) <= longest


def test_what_nobody_looks_at_backs_off_from_the_start() -> None:
    for attempts in range(40):
        longest = min(2.0**attempts, 600)
        assert longest / 2 <= backoff(attempts).total_seconds() <= longest
