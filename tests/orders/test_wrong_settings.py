"""A wrong setting is corrected: what waits for it goes on, and nothing was given up."""

import pytest

from esim.models import Es2Call, Profile
from esim.states import ProfileState
from orders.domain import repairing
from orders.models import Order
from orders.states import OrderState, RepairState
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
