"""`orders.domain.expiring`: cancel an eSIM that nobody downloaded, long after its plan ended."""

from datetime import timedelta

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Profile
from esim.states import ProfileState, SimState
from orders.domain import expiring, repairing, returning
from orders.models import Order
from orders.tasks import expire
from outbox.domain import RetryAfter
from outbox.models import Task
from subscriptions.models import Period, SimOnLine
from tests.orders.conftest import settled
from tests.processing import process_task
from tests.providers import break_it, states
from tests.subscriptions.usages import give


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's completed order, whose eSIM is not downloaded."""
    return settled(placed)


def ended(*orders: Order, days: int) -> None:
    """Move the end of every plan to this many days ago."""
    at = now() - timedelta(days=days)
    periods = Period.objects.filter(subscription__order__in=orders)
    periods.update(starts_at=at - timedelta(days=30), ends_at=at, usable_until=at)


def worked_on(order: Order) -> RetryAfter | None:
    return process_task(expiring.KIND, order.pk)


def test_an_esim_that_nobody_downloaded_is_cancelled(sold: Order, smdp: str) -> None:
    ended(sold, days=91)
    expire()

    assert worked_on(sold) is None
    assert states(smdp) == ["Unavailable"]
    profile = Profile.objects.select_related("sim").get()
    assert (profile.state, profile.sim.state) == (ProfileState.CANCELLED, SimState.RETIRED)
    assert not SimOnLine.objects.filter(until=None).exists()
    assert not expiring.expired_orders().exists()


@pytest.mark.parametrize("days", [-1, 0, 89])
def test_the_code_works_until_then(sold: Order, days: int) -> None:
    ended(sold, days=days)

    assert expiring.enqueue_expired_orders() == 0


def test_expiry_can_be_switched_off(sold: Order, settings: Settings) -> None:
    settings.ESIM_EXPIRY_DAYS = 0
    ended(sold, days=900)

    assert expiring.enqueue_expired_orders() == 0


def test_an_esim_on_a_device_is_kept(sold: Order) -> None:
    ended(sold, days=91)
    Profile.objects.update(state=ProfileState.DOWNLOADED, downloaded_at=now())

    assert expiring.enqueue_expired_orders() == 0


def test_an_esim_with_another_running_plan_is_kept(sold: Order) -> None:
    ended(sold, days=91)
    assert sold.subscription
    give(sold.subscription.line, now(), now() + timedelta(days=1))

    assert expiring.enqueue_expired_orders() == 0


def test_an_esim_under_repair_or_return_does_not_expire(sold: Order, clara: User) -> None:
    ended(sold, days=91)
    repair = repairing.reissue(sold, actor=clara, because="staff")
    assert not expiring.expired_orders().exists()
    repair.delete()
    returning.request_return(sold, actor=clara, because="goodwill")

    assert not expiring.expired_orders().exists()


def test_a_download_at_the_last_moment_wins(sold: Order, smdp: str) -> None:
    ended(sold, days=91)
    expire()
    Profile.objects.update(state=ProfileState.DOWNLOADED, downloaded_at=now())

    assert worked_on(sold) is None
    assert states(smdp) == ["Released"]


def test_an_smdp_that_does_not_answer_is_called_again(sold: Order, smdp: str) -> None:
    ended(sold, days=91)
    expire()
    break_it(smdp, "cancelOrder", "drop_after")

    assert worked_on(sold) is not None
    assert worked_on(sold) is None
    assert states(smdp) == ["Unavailable"]
    assert Task.objects.filter(kind=expiring.KIND).count() == 1


def test_an_esim_downloaded_in_the_meantime_is_kept(sold: Order, smdp: str) -> None:
    """The eSIM is downloaded, but the notification has not come yet."""
    assert sold.profile
    asked = {"activationCode": str(sold.profile.activation_code), "eid": sold.eid}
    answer = httpx.post(f"{smdp}/device/download", json=asked, trust_env=False)
    assert answer.json()["result"] == "success"
    ended(sold, days=91)
    expire()

    assert worked_on(sold) is None
    assert Profile.objects.get().state == ProfileState.DOWNLOADED
    assert SimOnLine.objects.filter(until=None).exists()
