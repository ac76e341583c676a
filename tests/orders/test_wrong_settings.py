"""After a wrong setting is corrected, everything that waited continues. Nothing was given up."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Es2Call, Profile
from esim.states import ProfileState
from orders.domain import by_staff, moving, repairing
from orders.models import Order
from orders.queries.orders import needing_staff
from orders.states import TRIES_BEFORE_STAFF, Failure, OrderState, RepairState
from outbox import retries
from tests.orders.conftest import settled
from tests.processing import process_task
from tests.providers import break_it, statuses

MISCONFIGURED = Es2Call.Outcome.MISCONFIGURED


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_order_goes_on_once_the_smdp_accepts_the_portal(
    placed: Order, smdp: str, gateway: str, status: int
) -> None:
    break_it(smdp, "downloadOrder", "http", times=2, status=status)

    waiting = settled(placed, times=2)
    profile = Profile.objects.get()

    assert (waiting.state, waiting.tries) == (OrderState.IN_PROGRESS, 2)
    assert {call.outcome for call in profile.calls.all()} == {MISCONFIGURED}
    assert profile.state == ProfileState.INTENDED
    assert profile.staff_alert.startswith(f"downloadOrder: HTTP {status}")
    assert settled(placed).state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]


# After this many failed attempts an order fails, if a service is down and it is not charged.
SHORT_TRIES = retries.SHORT_TRIES + 1
ADDRESSES = ["PAYMENT_GATEWAY_URL", "NETWORK_URL", "SMDP_URL"]


@contextmanager
def wrong(settings: Settings, name: str) -> Iterator[None]:
    """Give a service an address whose server knows no such path, and correct it afterwards."""
    right = getattr(settings, name)
    setattr(settings, name, f"{right}/v2")
    yield
    setattr(settings, name, right)


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_order_waits_until_an_address_is_corrected(
    placed: Order, gateway: str, settings: Settings, name: str
) -> None:
    with wrong(settings, name):
        waiting = settled(placed, times=SHORT_TRIES + 1)

    assert (waiting.state, waiting.tries) == (OrderState.IN_PROGRESS, SHORT_TRIES + 1)
    assert list(needing_staff(Order.objects.all())) == [waiting]
    assert settled(placed).state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]
    assert not needing_staff(Order.objects.all())


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_order_whose_setting_is_never_corrected_fails_and_charges_nothing(
    placed: Order, gateway: str, settings: Settings, name: str
) -> None:
    with wrong(settings, name):
        assert settled(placed, times=TRIES_BEFORE_STAFF).state == OrderState.IN_PROGRESS
        failed = settled(placed)
    undone = settled(placed)

    assert (failed.state, failed.failure) == (OrderState.FAILED, Failure.SERVICE_DOWN)
    assert undone.undone_at is not None
    assert "captured" not in statuses(gateway)


def test_a_charge_waits_until_the_address_is_corrected(
    placed: Order, gateway: str, settings: Settings
) -> None:
    break_it(gateway, "capture", "http_500")
    settled(placed)
    with wrong(settings, "PAYMENT_GATEWAY_URL"):
        waiting = settled(placed)

    assert waiting.state == OrderState.IN_PROGRESS
    assert settled(placed).state == OrderState.COMPLETED


def test_a_service_that_is_down_is_not_waited_for_as_long(placed: Order, gateway: str) -> None:
    break_it(gateway, "authorise", "http_500", times=1000)

    assert settled(placed, times=SHORT_TRIES).failure == Failure.SERVICE_DOWN


def test_a_service_that_goes_down_after_a_wrong_setting_has_its_own_short_tries(
    placed: Order, gateway: str, settings: Settings
) -> None:
    with wrong(settings, "PAYMENT_GATEWAY_URL"):
        settled(placed, times=SHORT_TRIES + 1)
    break_it(gateway, "authorise", "http_500")

    assert settled(placed).state == OrderState.IN_PROGRESS
    assert settled(placed).state == OrderState.COMPLETED


def test_a_wrong_setting_is_logged_as_an_error(
    placed: Order, settings: Settings, caplog: Any
) -> None:
    with wrong(settings, "NETWORK_URL"):
        settled(placed)

    levels = [record.levelname for record in caplog.records if "setting" in str(record.msg)]
    assert levels == ["ERROR"]


def test_a_new_esim_is_not_given_up_while_the_smdp_refuses_the_portal(
    placed: Order, smdp: str
) -> None:
    sold = settled(placed)
    repair = repairing.reissue(sold, actor=sold.account, because="x", eid=sold.eid)
    break_it(smdp, "downloadOrder", "http", times=1, status=403)

    process_task(repairing.KIND, repair.pk)
    repair.refresh_from_db()
    states = [repair.state]
    process_task(repairing.KIND, repair.pk)
    repair.refresh_from_db()

    assert [*states, repair.state] == [RepairState.ASKED, RepairState.DONE]


def test_staff_retry_an_order_that_waits_for_a_setting(
    placed: Order, clara: User, settings: Settings
) -> None:
    with wrong(settings, "NETWORK_URL"):
        waiting = settled(placed, times=SHORT_TRIES)
        by_staff.resume(waiting, actor=clara)

    assert Order.objects.get().tries == 0
    sold = settled(placed)
    assert sold.state == OrderState.COMPLETED
    with pytest.raises(moving.IllegalTransition):
        by_staff.resume(sold, actor=clara)
