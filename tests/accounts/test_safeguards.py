"""`accounts.domain.safeguards`: what waits after a recovery or another change of access."""

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.access import events
from accounts.domain import safeguards
from accounts.models import User

Kind = events.Kind


@pytest.mark.parametrize("kind", sorted(safeguards.RECOVERIES))
def test_for_a_day_after_a_recovery_the_account_is_restrained(alice: User, kind: Kind) -> None:
    assert safeguards.restrained_until(alice) is None
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        events.record(alice, kind)
        clock.shift(timedelta(hours=23, minutes=59))
        until = safeguards.restrained_until(alice)
        assert until == now() + timedelta(minutes=1)
        clock.shift(timedelta(minutes=1))
        assert safeguards.restrained_until(alice) is None


@pytest.mark.parametrize("kind", sorted(safeguards.CHANGES))
def test_a_move_waits_for_a_week_after_a_change(
    alice: User, settings: Settings, kind: Kind
) -> None:
    settings.MOVE_WAIT_HOURS = 30
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        events.record(alice, kind)
        clock.shift(timedelta(days=6, hours=23))
        assert safeguards.delay_of_move(alice) == timedelta(hours=30)
        clock.shift(timedelta(hours=2))
        assert safeguards.delay_of_move(alice) == timedelta()


def test_a_sim_that_changed_lately_makes_a_move_wait(alice: User) -> None:
    assert safeguards.delay_of_move(alice) == timedelta()
    long_ago, lately = now() - timedelta(days=8), now() - timedelta(days=6)

    assert not safeguards.has_changed_lately(alice, sim_changed_at=long_ago)
    assert safeguards.has_changed_lately(alice, sim_changed_at=lately)


def test_a_sign_in_makes_nothing_wait(alice: User) -> None:
    events.record(alice, Kind.SIGNED_IN)

    assert safeguards.restrained_until(alice) is None
    assert safeguards.delay_of_move(alice) == timedelta()
