"""A failed download that the SM-DP+ reports: staff see it, and the customer at the next visit."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from esim.domain import progress
from mobileplans.domain.lpa_advice import Remedy
from mobileplans.models import LpaReport, Visit
from mobileplans.words import LpaCode
from orders.domain import repairing
from orders.domain.problems import problem_of
from orders.models import Order
from orders.queries.timeline import timeline
from tests.builders import make_visit
from tests.esim.test_notices import STANDARD
from tests.orders.conftest import settled
from tests.processing import process_task

PATH = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's completed order, whose eSIM is not downloaded."""
    return settled(placed)


def told(order: Order, codes: str | None = None, *, call: str = "TX-1", at: int = 0) -> None:
    """Let the SM-DP+ report how the installation ended, and a worker process the report."""
    assert order.profile
    status: dict[str, object] = {"status": "Executed-Success"}
    if codes is not None:
        subject, _, reason = codes.partition("/")
        data = {"subjectCode": subject, "reasonCode": reason}
        status = {"status": "Failed", "statusCodeData": data}
    body = {
        **STANDARD,
        "header": {"functionRequesterIdentifier": "x", "functionCallIdentifier": call},
        "iccid": order.profile.sim.iccid,
        "timestamp": f"2026-11-21T10:00:{at:02}Z",
        "notificationPointStatus": status,
    }
    answer = Client().post(PATH, json.dumps(body), content_type="application/json")
    assert answer.status_code == 204
    process_task(progress.KIND, order.profile.pk)


def next_visit(order: Order) -> Visit:
    return make_visit(account=order.account)


@pytest.mark.parametrize(
    ("codes", "code", "remedy"),
    [
        ("8.8.5/3.8", LpaCode.TIMEOUT_WAITING_FOR_USER_CONSENT, Remedy.REISSUE),
        ("8.1/4.8", LpaCode.INSUFFICIENT_SPACE_ON_CARD, Remedy.REISSUE),
        ("8.1.1/3.8", LpaCode.EID_MISMATCH, Remedy.REISSUE),
        ("8.2.8/1.2", LpaCode.POLICY_VIOLATION, Remedy.REISSUE),
        ("8.8.5/4.10", LpaCode.INVALID_MATCHING_ID, Remedy.REISSUE),
        ("8.2.7/6.4", LpaCode.CONFIRMATION_CODE_MAX_RETRIES_EXCEEDED, Remedy.REISSUE),
        ("8/4.2", LpaCode.OTHER, Remedy.REISSUE),
        ("9.9/9.9", LpaCode.OTHER, Remedy.REISSUE),
        # A new profile of the same kind would not help.
        ("8.2.5/4.3", LpaCode.NO_ELIGIBLE_PROFILE_FOR_THIS_DEVICE, Remedy.SUPPORT),
        ("8.2.9/3.11", LpaCode.PROFILE_PROCESSING_ERROR, Remedy.SUPPORT),
        ("8.2.10/4.2", LpaCode.PROFILE_PROCESSING_ERROR, Remedy.SUPPORT),
        ("8.8.5/6.4", LpaCode.PROFILE_DOWNLOAD_MAX_RETRIES_EXCEEDED, Remedy.SUPPORT),
    ],
)
def test_the_next_visit_offers_the_remedy(
    sold: Order, codes: str, code: LpaCode, remedy: Remedy
) -> None:
    told(sold, codes)

    found = problem_of(next_visit(sold))
    assert found is not None
    assert (found.report.lpa_code, found.remedy, found.order) == (code, remedy, sold)


def test_staff_see_a_repeated_failure_once(sold: Order) -> None:
    for call in ("TX-1", "TX-1", "TX-2"):
        told(sold, "8.2.10/4.2", call=call)

    report = LpaReport.objects.get()
    assert (report.source, report.state, report.code_as_sent) == ("smdp", "new", "8.2.10/4.2")
    told(sold, "8.2.10/4.2", call="TX-3", at=30)
    assert LpaReport.objects.count() == 2


def test_a_failed_download_is_on_the_timeline(sold: Order) -> None:
    told(sold, "8.2.10/4.2")

    assert any("point 4: Failed 8.2.10/4.2" in entry.what for entry in timeline(sold))


def test_a_later_successful_download_resolves_the_failure(sold: Order) -> None:
    told(sold, "8.8.5/3.8")
    told(sold, at=30)

    assert LpaReport.objects.get().state == LpaReport.State.RESOLVED
    assert problem_of(next_visit(sold)) is None


def test_a_late_failure_of_a_working_esim_is_only_history(sold: Order) -> None:
    told(sold, at=30)
    told(sold, "8.8.5/3.8")

    assert not LpaReport.objects.exists()


def test_other_customers_do_not_see_the_failure(sold: Order) -> None:
    told(sold, "8.8.5/3.8")

    assert problem_of(make_visit()) is None


def test_a_failure_of_a_replaced_esim_is_not_shown(sold: Order) -> None:
    """The order has another eSIM by then. The old one's failure is only on the timeline."""
    told(sold, "8.8.5/3.8")
    visit = next_visit(sold)
    repair = repairing.reissue(sold, actor=sold.account, because="x", visit=visit, eid=sold.eid)
    process_task(repairing.KIND, repair.pk)

    old, sold = sold, Order.objects.get(pk=sold.pk)
    assert sold.profile != old.profile
    told(old, "8.8.5/3.8", call="TX-9", at=50)
    assert LpaReport.objects.count() == 1
    found = problem_of(next_visit(sold))
    assert found is not None
    assert found.remedy is Remedy.RETRY


def test_the_first_page_after_sign_in_leads_to_the_problem(as_alice: Client, sold: Order) -> None:
    assert "download failed" not in as_alice.get(reverse("options")).content.decode()
    told(sold, "8.8.5/3.8")

    account = as_alice.get(reverse("account")).content.decode()
    assert "Your eSIM download failed" in account
    page = as_alice.get(reverse("options")).content.decode()
    assert "The download failed" in page
    assert f'href="{reverse("problem")}"' in page
    problem = as_alice.get(reverse("problem")).content.decode()
    assert "give you a new eSIM for the same plan" in problem
    assert "Get a new eSIM" in problem
