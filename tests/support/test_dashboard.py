"""The figures of the portal: right, cheap, and for everybody at the desk."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import PoolLevel
from mobileplans.models import LpaReport
from orders.models import Order
from outbox.models import Task
from support.queries import dashboard as figures
from support.queries.queue import KINDS
from tests.accounts.test_caller_facts import give_plan
from tests.builders import make_order, make_pool, make_provider, make_visit
from tests.support.searching import make_profile
from tests.support.test_customer import at_the_desk
from tests.support.test_indexes import nodes

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/"


@pytest.fixture
def viewer() -> Client:
    return at_the_desk("viewer")


def shown(client: Client) -> str:
    """Return the page's words."""
    page = client.get(PAGE).content.decode().split('id="content"')[1]
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_funnel_and_the_orders_of_a_day(viewer: Client, alice: User) -> None:
    give_plan(alice)
    make_visit()
    old = make_visit()
    type(old).objects.filter(pk=old.pk).update(launched_at=now() - timedelta(days=2))

    steps = {step.name: (step.number, step.share) for step in figures.funnel(now())}

    assert steps == {
        "Launched": (2, 100),
        "Signed in": (1, 50),
        "Ordered": (1, 50),
        "Order complete": (1, 50),
        "eSIM on the device": (0, 0),
    }
    assert dict(figures.orders_by_state(now()))["Completed"] == 1
    assert "Launched 2 100 %" in shown(viewer)


def test_the_time_to_the_esim(alice: User) -> None:
    order = give_plan(alice)
    placed = now() - timedelta(minutes=5)
    Order.objects.filter(pk=order.pk).update(
        created_at=placed, completed_at=placed + timedelta(seconds=40)
    )

    assert figures.times_to_profile(now()) == (timedelta(seconds=40), timedelta(seconds=40))
    assert figures.times_to_profile(now() + timedelta(days=2)) is None


def test_each_kind_of_case_is_counted_up_to_a_hundred(viewer: Client, alice: User) -> None:
    Order.objects.filter(pk=make_order(alice).pk).update(state="held", charge_decided_at=now())
    visit = make_visit()
    LpaReport.objects.bulk_create(
        LpaReport(visit=visit, code="Other", code_as_sent="x") for _ in range(120)
    )

    counts = {name: number for name, _title, number in figures.case_counts([*KINDS])}

    assert counts == {"held-orders": 1, "lpa-errors": 100}
    assert "LPA error 100 or more" in shown(viewer)


def test_lpa_errors_by_day_code_and_provider(viewer: Client) -> None:
    profile = make_profile(make_pool(1)[0], "MATCH")
    for code, iccid in (("Other", profile.sim.iccid), ("Other", ""), ("CardBusy", "")):
        LpaReport.objects.create(visit=make_visit(), code=code, code_as_sent=code, iccid=iccid)

    errors = figures.lpa_errors(now())

    assert errors.by_code == [("Other", 2), ("CardBusy", 1)]
    assert dict(errors.by_provider) == {"unknown": 2, profile.provider.code: 1}
    assert errors.by_day[-1] == (now().date(), 3)
    assert len(errors.by_day) == figures.ERROR_DAYS
    assert '<rect x="583" y="0"' in viewer.get(PAGE).content.decode()


def test_what_is_late_is_said_in_words(viewer: Client) -> None:
    at = now() - timedelta(hours=2)
    Task.objects.create(kind="order", subject="1", not_before=at)
    PoolLevel.objects.create(
        profile_type="consumer", provider=make_provider(), low_mark=50, low_since=at
    )

    words = shown(viewer)

    assert "Due: order 1, the oldest for 2 hours" in words
    assert "below 50 for 2 hours" in words
    assert "Last heartbeat none" in words


def test_when_a_certificate_ends(viewer: Client, settings: Settings, tmp_path: Path) -> None:
    settings.SMDP_CA = str(tmp_path / "nothing.pem")

    assert "Authority of the SM-DP+ not on this server" in shown(viewer)


def test_it_asks_fewer_than_twenty_questions_and_reads_no_table_whole(viewer: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        viewer.get(PAGE)
    assert len(asked) < 20

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in asked.captured_queries:
            if query["sql"].lstrip("(").startswith("SELECT"):
                cursor.execute(f"EXPLAIN (FORMAT JSON) {query['sql']}")
                plan = json.loads(json.dumps(cursor.fetchone()[0]))[0]["Plan"]
                whole = {node.get("Relation Name") for node in nodes(plan) if is_whole(node)}
                assert not whole & {"orders_order", "payments_payment", "mobileplans_visit"}


def is_whole(node: dict[str, object]) -> bool:
    return node["Node Type"] == "Seq Scan"
