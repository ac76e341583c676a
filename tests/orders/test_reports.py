"""A stranger's report of a failed download is a claim, apart from the order's own history."""

from collections.abc import Sequence

import pytest
from django.test import Client

from accounts.models import User
from mobileplans.models import LpaReport, Visit
from moportal.timeline import Entry
from orders.models import Order
from orders.queries.reports import with_proof
from orders.queries.timeline import timeline, unproven_reports
from tests.builders import make_visit
from tests.orders.conftest import settled

pytestmark = [pytest.mark.django_db, pytest.mark.processes]


@pytest.fixture
def sold(placed: Order) -> Order:
    return settled(placed)


def report(order: Order, account: User | None, code: str, source: str = "header") -> LpaReport:
    """Store a report about the order's ICCID, from a launch of this customer or of nobody."""
    assert order.profile is not None
    visit = make_visit(account=account, transaction_id=f"T {code}")
    columns = {"visit": visit, "source": source, "iccid": order.profile.sim.iccid}
    return LpaReport.objects.create(code=code, code_as_sent=code, decides=True, **columns)


def proven() -> dict[str, bool]:
    reports = with_proof(LpaReport.objects.order_by("pk"))
    return {one.code: one.is_proven for one in reports}


def events(entries: Sequence[Entry]) -> list[str]:
    return [entry.what for entry in entries if entry.what.startswith("LPA error")]


def test_a_report_is_proven_by_the_owners_sign_in_or_by_the_smdp(
    sold: Order, alice: User, bob: User
) -> None:
    report(sold, None, "CardBusy")
    report(sold, bob, "Other")
    report(sold, alice, "CardRemoved")
    report(sold, None, "ServerFailure", source="smdp")

    assert proven() == {
        "CardBusy": False,
        "Other": False,
        "CardRemoved": True,
        "ServerFailure": True,
    }
    Visit.objects.filter(transaction_id="T CardBusy").update(account=alice)
    assert proven()["CardBusy"]


def test_a_report_about_an_unknown_iccid_is_unproven(alice: User) -> None:
    visit = make_visit(account=alice)
    LpaReport.objects.create(visit=visit, code="Other", code_as_sent="x", iccid="8944")

    assert proven() == {"Other": False}


def test_a_strangers_report_is_not_in_the_orders_history(
    sold: Order, alice: User, bob: User
) -> None:
    report(sold, bob, "Other")
    report(sold, alice, "CardRemoved")

    assert events(timeline(sold)) == ["LPA error CardRemoved"]
    assert events(unproven_reports(sold)) == ["LPA error Other"]


def test_staff_see_which_reports_are_unproven(
    client: Client, clara: User, sold: Order, alice: User, bob: User
) -> None:
    report(sold, bob, "Other")
    report(sold, alice, "CardRemoved")
    client.force_login(clara)

    queue = "/admin/mobileplans/lpareport/"
    unproven, own = client.get(f"{queue}?proven=0"), client.get(f"{queue}?proven=1")
    everything = client.get(queue)

    def shown(answer: object) -> list[str]:
        return sorted(one.code for one in answer.context["cl"].result_list)  # type: ignore[attr-defined]  # of the test client

    assert (shown(unproven), shown(own)) == (["Other"], ["CardRemoved"])
    assert shown(everything) == ["CardRemoved", "Other"]
    page = client.get(f"/admin/orders/order/{sold.pk}/change/").text
    history, claims = page.split("Reports that may be a stranger")
    assert ("CardRemoved" in history, "LPA error Other" in history) == (True, False)
    assert "LPA error Other" in claims
    one = LpaReport.objects.get(code="Other")
    assert client.get(f"{queue}{one.pk}/change/").status_code == 200
