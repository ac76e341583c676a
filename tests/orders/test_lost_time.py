"""From the first failure until the download is confirmed, a plan's time does not run."""

from datetime import datetime, timedelta

import pytest
from django.utils.timezone import now

from accounts.models import User
from mobileplans.models import LpaReport, Visit
from mobileplans.words import LpaCode
from orders.domain import repairing
from orders.models import Order
from orders.states import OrderKind
from subscriptions.models import Period, Subscription
from tests.builders import make_visit
from tests.orders.conftest import settled
from tests.orders.test_failed_downloads import told
from tests.processing import process_task

DAY = timedelta(days=1)
REFUSED = "8.8.5/3.8"


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's order that was completed ten days ago. Its eSIM is not downloaded."""
    settled(placed)
    begun_at, ends_at = now() - 10 * DAY, now() + 20 * DAY
    Order.objects.update(completed_at=begun_at)
    Period.objects.update(starts_at=begun_at, ends_at=ends_at, usable_until=ends_at)
    return Order.objects.get()


def fail(visit: Visit, iccid: str, *, days_ago: int, code: LpaCode = LpaCode.OTHER) -> None:
    report = LpaReport.objects.create(visit=visit, code=code, code_as_sent=code, iccid=iccid)
    LpaReport.objects.filter(pk=report.pk).update(received_at=report.received_at - days_ago * DAY)


def iccid_of(order: Order) -> str:
    assert order.profile
    return order.profile.sim.iccid


def given_back() -> int:
    """Return the whole days that were given back."""
    given = Period.objects.get().given_back
    return round(given / DAY) if given else 0


def ends_at() -> datetime:
    end = Period.objects.get().ends_at
    assert end
    return end


def test_a_failure_that_the_host_reported_counts_until_the_download(sold: Order) -> None:
    before = ends_at()
    fail(make_visit(account=sold.account), iccid_of(sold), days_ago=4)
    fail(make_visit(account=sold.account), iccid_of(sold), days_ago=3)
    told(sold)

    assert given_back() == 4
    assert abs(ends_at() - before - 4 * DAY) < timedelta(minutes=1)


def test_a_failure_that_the_smdp_reported_counts(sold: Order) -> None:
    told(sold, REFUSED)
    received = LpaReport.objects.get().received_at
    LpaReport.objects.update(received_at=received - 2 * DAY)
    told(sold, at=30)

    assert given_back() == 2


def test_a_new_esim_counts_from_its_request(sold: Order) -> None:
    repair = repairing.reissue(sold, actor=sold.account, because="x", eid=sold.eid)
    process_task(repairing.KIND, repair.pk)
    sold.repairs.update(asked_at=repair.asked_at - 5 * DAY)
    told(Order.objects.get())

    assert given_back() == 5


def test_an_error_of_the_replaced_esim_counts(sold: Order) -> None:
    fail(make_visit(account=sold.account), iccid_of(sold), days_ago=6)
    repair = repairing.reissue(sold, actor=sold.account, because="x", eid=sold.eid)
    process_task(repairing.KIND, repair.pk)
    told(Order.objects.get())

    assert given_back() == 6


def test_no_time_is_given_back_from_before_the_plan_began(sold: Order) -> None:
    fail(make_visit(account=sold.account), iccid_of(sold), days_ago=12)
    told(sold)

    assert given_back() == 10


@pytest.mark.parametrize("what", ["a stranger", "another customer", "a success", "nothing"])
def test_what_is_no_failure_of_this_customer_gives_nothing(
    sold: Order, bob: User, what: str
) -> None:
    if what == "a stranger":
        fail(make_visit(), iccid_of(sold), days_ago=4)
    elif what == "another customer":
        fail(make_visit(account=bob), iccid_of(sold), days_ago=4)
    elif what == "a success":
        visit = make_visit(account=sold.account)
        fail(visit, iccid_of(sold), days_ago=4, code=LpaCode.SUCCESS)
    before = ends_at()
    told(sold)

    assert (given_back(), ends_at()) == (0, before)


def test_the_second_download_of_an_order_gives_nothing_more(sold: Order) -> None:
    """A new eSIM after the first one was downloaded and deleted."""
    fail(make_visit(account=sold.account), iccid_of(sold), days_ago=4)
    told(sold)
    Subscription.objects.get()
    before = ends_at()
    Order.objects.get().profile.progress.all().update(applied_at=None)  # type: ignore[union-attr]  # it has one
    told(sold, call="TX-7", at=40)

    assert ends_at() == before


def test_a_download_of_an_order_that_is_not_completed_gives_nothing(placed: Order) -> None:
    order = settled(placed)
    fail(make_visit(account=order.account), iccid_of(order), days_ago=4)
    Order.objects.update(state="in_progress")
    told(order)

    assert given_back() == 0


def test_a_further_device_of_a_running_plan_has_lost_no_time(sold: Order) -> None:
    fail(make_visit(account=sold.account), iccid_of(sold), days_ago=4)
    running = Subscription.objects.get()
    Order.objects.update(kind=OrderKind.ATTACH, subscription=None, running_plan=running)
    told(sold)

    assert sold.profile
    sold.profile.refresh_from_db()
    assert (sold.profile.state, given_back()) == ("downloaded", 0)
