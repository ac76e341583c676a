"""A whole purchase with an SM-DP+ that keeps the standard in the oddest ways.

Its answers carry v3, ConfirmOrder leaves out the address, and each notice comes in every
odd spelling (`simulators.smdp --odd`).
"""

import time

import httpx
import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from esim.domain import progress
from esim.models import DownloadProgress, Es2Call, Profile, SmdpProvider
from esim.states import ProfileState
from mobileplans.models import LpaReport
from orders.domain.problems import problem_of
from orders.models import Order
from orders.queries.timeline import timeline
from orders.states import OrderState
from tests.builders import EID, make_order, make_pool, make_visit
from tests.orders.conftest import new_card, settled
from tests.processing import process_task
from tests.providers import statuses
from tests.simulators.process import running

pytestmark = pytest.mark.processes
# Points 3 and 4, each in seven ways.
NOTICES = 14


@pytest.mark.usefixtures("network")
def test_an_odd_smdp_sells_and_downloads_and_nobody_hears_of_a_failure(
    live_server: LiveServer,
    alice: User,
    as_alice: Client,
    gateway: str,
    settings: Settings,
) -> None:
    make_pool(1)
    SmdpProvider.objects.update(smdp_host="smdp.kestrel.example")
    visit = make_visit(account=alice)
    with running("simulators.smdp", "--odd", "--notify", live_server.url) as smdp:
        settings.SMDP_URL = str(smdp.http.base_url).rstrip("/")
        sold = settled(make_order(alice, visit=visit, method=new_card(alice)))
        assert sold.profile is not None
        download(smdp.http, sold.profile)
        wait_for_notices(sold.profile)
    process_task(progress.KIND, sold.profile.pk)

    check_sale(sold, gateway)
    assert problem_of(make_visit(account=alice)) is None
    for page in ("account", "options"):
        assert "download failed" not in as_alice.get(reverse(page)).text


def download(smdp: httpx.Client, profile: Profile) -> None:
    device = {"activationCode": str(profile.activation_code), "eid": EID}
    answer = smdp.post("/device/download", json=device)
    assert answer.json()["result"] == "success"


def wait_for_notices(profile: Profile) -> None:
    deadline = time.monotonic() + 20
    while profile.progress.count() < NOTICES:
        assert time.monotonic() < deadline, profile.progress.count()
        time.sleep(0.05)


def check_sale(sold: Order, gateway: str) -> None:
    """Check that the eSIM is sold and downloaded, and that only what is known decided."""
    profile = Profile.objects.get()
    meanings = list(DownloadProgress.objects.values_list("meaning", flat=True))
    answers = set(Es2Call.objects.values_list("outcome", flat=True))

    assert (sold.state, statuses(gateway)) == (OrderState.COMPLETED, ["captured"])
    assert (profile.state, profile.staff_alert) == (ProfileState.DOWNLOADED, "")
    assert profile.smdp_host == ""
    assert answers == {Es2Call.Outcome.SUCCESS}
    assert sorted(meanings) == ["nothing"] * 10 + ["on_device"] * 2 + ["progress"] * 2
    assert not LpaReport.objects.exists()
    ignored = [entry for entry in timeline(sold) if "decides nothing" in entry.what]
    assert len(ignored) == 10
