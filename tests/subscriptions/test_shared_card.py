"""Several plans on one card share its tries."""

from dataclasses import replace

import pytest

from accounts.models import User
from subscriptions.models import Subscription
from subscriptions.states import SubscriptionState
from tests.subscriptions.months.bank import BankCard
from tests.subscriptions.months.checks import check_end, check_refusals
from tests.subscriptions.months.play import living
from tests.subscriptions.months.stories import DAY
from tests.subscriptions.test_renewal_races import DEAD, FEBRUARY, SOLD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_process")]


def test_three_lines_on_one_dead_card_stay_within_its_tries(alice: User) -> None:
    others = [replace(DEAD, sold_at=SOLD + days * DAY) for days in (1, 3)]
    with living(alice, DEAD, *others) as life:
        life.pass_to(FEBRUARY + 40 * DAY)

        check_refusals(life.books)
        assert len(life.books.refusals) > 8
        for subscription in Subscription.objects.all():
            assert subscription.state == SubscriptionState.ENDED
            check_end(subscription, life.books)


def test_a_try_that_the_limit_forbids_is_made_up_for(alice: User) -> None:
    """The bank refuses the card for a fortnight. Then every line on it is paid."""
    card = BankCard("dead", bad=((SOLD, FEBRUARY + 14 * DAY),))
    dead = [replace(DEAD, card=card, sold_at=SOLD + days * DAY) for days in (0, 1, 3)]
    with living(alice, *dead) as life:
        life.pass_to(FEBRUARY + 29 * DAY)

        check_refusals(life.books)
        found = Subscription.objects.order_by("pk").values_list("state", flat=True)
        # The first line has made all its seven tries. The others still had some left.
        assert set(found[1:]) == {SubscriptionState.ACTIVE}
