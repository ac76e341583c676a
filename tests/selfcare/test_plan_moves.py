"""The plan's page while the plan moves, and `/account/plans/<reference>/move/undo/`."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from selfcare import texts
from subscriptions.domain import moves, sharing
from subscriptions.models import PlanMove, SimOnLine, Subscription
from subscriptions.states import MoveState
from tests.builders import make_card
from tests.selfcare.test_plans import words
from tests.subscriptions.test_sharing import sell, stay_of

PAGE = "/account/plans/R1/"
UNDO = f"{PAGE}move/undo/"


@pytest.fixture
def phone(db: None) -> Sim:
    return make_card()


@pytest.fixture
def move(alice: User, phone: Sim, network: str) -> PlanMove:
    """Return a move that waits for the new device."""
    sold = sell(alice, phone)
    moves.prepare(
        sold, make_card(), old=stay_of(phone), reference="M1", proof=SimOnLine.Proof.ISSUED
    )
    moves.begin("M1", waits_for_download=True)
    return PlanMove.objects.get()


@pytest.fixture
def live(move: PlanMove) -> PlanMove:
    """Return the move when the plan works on both devices."""
    move.state, move.retires_at = MoveState.LIVE, now() + moves.UNDO_TIME
    move.save()
    return move


def test_the_page_says_that_the_plan_waits_for_the_new_device(
    as_alice: Client, move: PlanMove, phone: Sim
) -> None:
    page = words(as_alice, PAGE)

    assert "This plan is moving to another device" in page
    assert f"SIM ending in {phone.iccid[-4:]}</bdi> works as before" in page
    assert "Stop the move" in page
    assert "Devices that share this plan" not in page
    assert "Stop the move?" in words(as_alice, UNDO)


def test_the_page_says_how_long_the_move_can_be_undone(as_alice: Client, live: PlanMove) -> None:
    page = words(as_alice, PAGE)

    assert "(30 minutes)" in page
    assert f'href="{UNDO}"' in page
    assert "Undo the move?" in words(as_alice, UNDO)


def test_the_customer_undoes_the_move(as_alice: Client, live: PlanMove, phone: Sim) -> None:
    assert as_alice.post(UNDO).headers["location"] == PAGE

    assert f"The plan stays on SIM ending in {phone.iccid[-4:]}" in words(as_alice, PAGE)
    live.refresh_from_db()
    assert live.state == MoveState.UNDONE
    # A second press changes nothing.
    assert as_alice.post(UNDO).headers["location"] == PAGE
    assert "There is no move to undo any more." in words(as_alice, PAGE)


def test_an_old_device_that_left_meanwhile_is_too_late(
    as_alice: Client, live: PlanMove, phone: Sim
) -> None:
    SimOnLine.objects.filter(sim=phone).update(until=now())

    as_alice.post(UNDO)

    assert "There is no move to undo any more." in words(as_alice, PAGE)


def test_a_move_whose_order_is_not_complete_is_cancelled_on_the_order_page(
    as_alice: Client, move: PlanMove
) -> None:
    PlanMove.objects.update(state=MoveState.PREPARED)

    assert f'href="{UNDO}"' not in words(as_alice, PAGE)
    assert as_alice.get(UNDO).headers["location"] == PAGE


def test_a_device_that_is_part_of_the_move_is_not_removed(
    as_alice: Client, live: PlanMove, phone: Sim
) -> None:
    as_alice.post(f"{PAGE}devices/{stay_of(phone)}/remove/")

    assert "Undo the move, or wait" in words(as_alice, PAGE)
    assert sharing.devices_of(Subscription.objects.get()).count() == 2


def test_somebody_with_the_old_device_who_is_signed_in_there_undoes_nothing(
    as_alice: Client, live: PlanMove, settings: Settings
) -> None:
    settings.REENTRY_MINUTES = 0

    answer = as_alice.post(UNDO)

    assert answer.headers["location"].startswith("/account/confirm/?next=")


def test_nobody_undoes_a_move_of_another_customer(
    client: Client, bob: User, live: PlanMove
) -> None:
    client.force_login(bob)

    assert client.post(UNDO).status_code == 404


def test_more_than_an_hour_is_told_in_hours() -> None:
    assert texts.time_left(now() + timedelta(hours=47, minutes=30)) == "48 hours"
