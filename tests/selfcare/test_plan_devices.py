"""`/account/plans/<reference>/devices/`: the devices that share a plan, and how one is removed."""

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from outbox.models import Task
from subscriptions.domain import sharing
from subscriptions.models import OperatorLine, SimOnLine, Subscription
from tests.builders import make_card
from tests.selfcare.test_plans import words
from tests.subscriptions.test_sharing import sell

PAGE = "/account/plans/R1/"


@pytest.fixture
def phone(db: None) -> Sim:
    return make_card()


@pytest.fixture
def sold(alice: User, phone: Sim, network: str) -> Subscription:
    return sell(alice, phone)


@pytest.fixture
def laptop(sold: Subscription) -> SimOnLine:
    """Return the laptop's stay on the line of the phone's plan."""
    return sharing.join(sold, make_card(), proof=SimOnLine.Proof.ISSUED)


def address(stay: SimOnLine) -> str:
    return f"{PAGE}devices/{stay.pk}/remove/"


def test_the_devices_that_share_a_plan_are_listed(
    as_alice: Client, phone: Sim, laptop: SimOnLine
) -> None:
    page = words(as_alice, PAGE)

    assert "Devices that share this plan" in page
    for sim in (phone, laptop.sim):
        assert f"SIM ending in {sim.iccid[-4:]}" in page
    assert f'href="{address(laptop)}"' in page


def test_a_single_device_is_not_listed(as_alice: Client, sold: Subscription) -> None:
    assert "Devices that share this plan" not in words(as_alice, PAGE)


def test_a_device_is_removed_after_its_page_said_what_that_means(
    as_alice: Client, laptop: SimOnLine
) -> None:
    page = words(as_alice, address(laptop))
    assert "Remove this device?" in page
    assert "The plan and its data stay with your other devices." in page

    assert as_alice.post(address(laptop)).headers["location"] == PAGE

    assert f"SIM ending in {laptop.sim.iccid[-4:]} is removed." in words(as_alice, PAGE)
    assert Task.objects.get(kind=sharing.KIND).subject == str(laptop.pk)
    # A second press, for example after Back, changes nothing.
    assert as_alice.get(address(laptop)).headers["location"] == PAGE
    as_alice.post(address(laptop))
    assert "doesn't share the plan any more" in words(as_alice, PAGE).replace("&#x27;", "'")


def test_the_last_device_is_not_removed_and_the_page_says_what_to_do(
    as_alice: Client, sold: Subscription, phone: Sim
) -> None:
    last = address(SimOnLine.objects.get(sim=phone))

    assert as_alice.post(last).headers["location"] == last

    page = words(as_alice, last)
    assert "cancel the plan instead" in page
    assert 'form="remove-device"' not in page
    assert sharing.devices_of(sold).count() == 1


def test_somebody_at_a_device_that_was_left_signed_in_removes_nothing(
    as_alice: Client, sold: Subscription, laptop: SimOnLine, settings: Settings
) -> None:
    settings.REENTRY_MINUTES = 0

    answer = as_alice.post(address(laptop))

    assert answer.headers["location"].startswith("/account/confirm/?next=")
    assert sharing.devices_of(sold).count() == 2


def test_nobody_removes_a_device_of_another_customer(
    client: Client, bob: User, sold: Subscription, laptop: SimOnLine
) -> None:
    client.force_login(bob)

    assert client.post(address(laptop)).status_code == 404
    assert sharing.devices_of(sold).count() == 2


def test_a_line_of_the_operator_is_changed_by_its_holder_alone(
    as_alice: Client, sold: Subscription, laptop: SimOnLine
) -> None:
    """The number is not proven, so the customer may not change the line."""
    OperatorLine.objects.create(line=sold.line, reference="L-1", balances_at=now())

    assert as_alice.post(address(laptop)).headers["location"] == PAGE

    assert "can't be changed here" in words(as_alice, PAGE).replace("&#x27;", "'")
    assert sharing.devices_of(sold).count() == 2
