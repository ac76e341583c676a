"""How long `make run` waits before it starts a part again."""

from demo.restarts import HEALTHY_AFTER, LONGEST_DELAY, Restarts


def test_each_delay_is_longer_until_the_longest() -> None:
    restarts = Restarts()

    delays = [restarts.next_delay(now=0) for _ in range(8)]

    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_part_that_stayed_up_begins_with_the_first_delay() -> None:
    restarts = Restarts()
    for _ in range(8):
        restarts.next_delay(now=0)
    restarts.note_start(now=100)

    assert restarts.next_delay(now=100 + HEALTHY_AFTER) == 1


def test_a_part_that_stayed_up_only_briefly_keeps_the_long_delay() -> None:
    restarts = Restarts()
    for _ in range(8):
        restarts.next_delay(now=0)
    restarts.note_start(now=100)

    assert restarts.next_delay(now=100 + HEALTHY_AFTER - 1) == LONGEST_DELAY
