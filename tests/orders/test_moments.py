"""The promise, with one mishap at every single moment of a short story.

`test_promise` plays at random. Here a worker dies, stalls, or loses its database or its connection
at the first opportunity of a story, then at the second, and so on until none is left.

`make test` tells a few stories, `make test-long` each story with one of the mishaps, and
`make promise` all stories with all mishaps.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import count, cycle, product

import pytest
from _pytest.mark.structures import ParameterSet

from orders.models import Order
from orders.states import TRIES_BEFORE_STAFF
from tests.orders.conftest import APPROVED, CUSTOMER_STEP
from tests.orders.machine import Happens, Meanwhile, Mishap
from tests.orders.play import Play
from tests.speeds import sampled

# Set by `make promise`.
IS_WHOLE = bool(os.environ.get("PROMISE_EXAMPLES"))
Story = Callable[[Play, Mishap], object]
MISHAPS = {
    "dies": Mishap(Happens.DIES, calls=0, at=0),
    "stalls, cancelled and taken over": Mishap(
        Happens.STALLS, calls=0, at=0, meanwhile=[Meanwhile.CANCEL], is_taken_over=True
    ),
    "write fails": Mishap(Happens.WRITE_FAILS, calls=0, at=0),
    "write is not confirmed": Mishap(Happens.WRITE_IS_NOT_CONFIRMED, calls=0, at=0),
    "no connection": Mishap(Happens.NO_CONNECTION, calls=0, at=0),
    "no answer": Mishap(Happens.NO_ANSWER, calls=0, at=0),
    "stalls, cancelled": Mishap(Happens.STALLS, calls=0, at=0, meanwhile=[Meanwhile.CANCEL]),
    "stalls, taken over": Mishap(Happens.STALLS, calls=0, at=0, is_taken_over=True),
}


def a_plan_is_bought_with_a_new_esim(play: Play, mishap: Mishap) -> None:
    play.buy(APPROVED, [mishap])


def a_plan_is_bought_for_a_sim_card(play: Play, mishap: Mishap) -> None:
    play.buy(APPROVED, [mishap], has_sim=True)


def a_customer_cancels_after_something_went_wrong(play: Play, mishap: Mishap) -> None:
    play.cancel(play.buy(APPROVED, [mishap]))


def a_customer_cancels_while_the_card_is_asked(play: Play, mishap: Mishap) -> None:
    play.fail("authorise", "drop_after")
    play.cancel(play.buy(APPROVED, [None]))
    play.process([mishap])


def a_customer_cancels_while_the_profile_is_made(play: Play, mishap: Mishap) -> None:
    play.fail("confirmOrder", "drop_after")
    play.cancel(play.buy(APPROVED, [None]))
    play.process([mishap])


def a_customer_cancels_at_the_bank(play: Play, mishap: Mishap) -> None:
    play.cancel(play.buy(CUSTOMER_STEP, [None]))
    play.process([mishap])


def a_customer_says_yes_at_the_bank(play: Play, mishap: Mishap) -> None:
    play.answer_the_bank(play.buy(CUSTOMER_STEP, [None]), "approve")
    play.process([mishap])


def the_pool_is_empty(play: Play, mishap: Mishap) -> None:
    play.use_up_the_pool()
    play.buy(APPROVED, [mishap])


def an_older_form_is_sent_from_another_tab(play: Play, mishap: Mishap) -> None:
    older = play.choose(0, 0, APPROVED, has_sim=False)
    newer = play.choose(0, 1, APPROVED, has_sim=False)
    for form in (older, newer, older, newer):
        play.send(form)
    play.process([mishap])


def a_held_order_is_tried_again(play: Play, mishap: Mishap) -> None:
    play.try_again(_held(play))
    play.process([mishap])


def a_held_order_is_given_up(play: Play, mishap: Mishap) -> None:
    play.give_up(_held(play))
    play.process([mishap])


def _held(play: Play) -> Order:
    play.fail("capture", "drop_after", times=1000)
    order = play.buy(APPROVED, [None])
    Order.objects.update(tries=TRIES_BEFORE_STAFF)
    play.process([None])
    play.mend()
    return order


def a_plan_is_taken_back(play: Play, mishap: Mishap) -> None:
    play.take_back(play.buy(APPROVED, [None]))
    play.process([mishap])


def a_service_stays_away(play: Play, mishap: Mishap) -> None:
    play.fail("confirmOrder", "drop_after", times=6)
    play.buy(APPROVED, [*[None] * 5, mishap, None])


STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        an_older_form_is_sent_from_another_tab,
        a_plan_is_bought_for_a_sim_card,
        a_customer_cancels_while_the_card_is_asked,
        a_customer_cancels_at_the_bank,
        a_plan_is_taken_back,
        a_held_order_is_tried_again,
        a_held_order_is_given_up,
        a_plan_is_bought_with_a_new_esim,
        a_customer_cancels_after_something_went_wrong,
        a_customer_cancels_while_the_profile_is_made,
        a_customer_says_yes_at_the_bank,
        the_pool_is_empty,
        a_service_stays_away,
    )
}
SHORT = [
    ("a_plan_is_bought_for_a_sim_card", "stalls, cancelled and taken over"),
    ("a_customer_cancels_while_the_card_is_asked", "dies"),
    ("a_customer_cancels_at_the_bank", "stalls, cancelled and taken over"),
    ("a_plan_is_taken_back", "dies"),
]


def cases() -> list[ParameterSet]:
    """Return the cases of this run: the short ones, and one mishap for each story when long."""
    if IS_WHOLE:
        return [pytest.param(*case) for case in product(STORIES, MISHAPS)]
    turns = cycle(MISHAPS)
    longer = [(story, next(turns)) for story in STORIES]
    return sampled(dict.fromkeys([*SHORT, *longer]), in_short=SHORT)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(0 if IS_WHOLE else 600)
@pytest.mark.parametrize(("story", "mishap"), cases())
def test_the_promise_holds_at_whatever_moment_one_thing_goes_wrong(
    begin_play: Callable[[], Play], story: str, mishap: str
) -> None:
    losses = _losses(begin_play, STORIES[story], MISHAPS[mishap])

    assert not losses, "\n".join(losses)


def _losses(begin_play: Callable[[], Play], story: Story, mishap: Mishap) -> list[str]:
    """Tell the story until no opportunity for this mishap is left, and return what is wrong."""
    off: list[str] = []
    for at in count(1):
        play, this = begin_play(), replace(mishap, at=at)
        try:
            _tell(play, story, this)
        except AssertionError as error:
            off.append(f"{this}: {error}")
        if not play.has_met_a_mishap:
            break
    return off


def _tell(play: Play, story: Story, mishap: Mishap) -> None:
    try:
        story(play, mishap)
        play.check()
    finally:
        play.end()
