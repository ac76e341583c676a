"""Each look-up of the desk reads an index, in tables of some thousand rows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.utils.timezone import now

from accounts.models import User
from mobileplans.models import LpaReport
from moportal.finding import Typed
from moportal.timeline import Source, Subject
from payments.states import PaymentState
from subscriptions.models import Line, SimOnLine, Subscription
from support.queries.finding import MOST
from support.queries.timeline import SOURCES
from support.views.finding import KINDS
from tests.builders import (
    EID,
    make_card,
    make_credit_note,
    make_iccid,
    make_order,
    make_pool,
    make_receipt,
    payment_of,
)
from tests.support.searching import MATCHING_ID, make_profile

pytestmark = pytest.mark.django_db
ROWS, FIRST = 3000, 1_000_000
SAME_ID = f"{FIRST} + n"
# A way, a text that it looks for, and the columns that it compares.
TRIED: tuple[tuple[str, str, set[str]], ...] = (
    ("accounts._by_identifier", "nobody@example.com", {"username", "value"}),
    ("accounts._by_name", "Nobody", {"lower"}),
    ("orders._by_number", "ABCDE-12345", {"number"}),
    ("orders._by_iccid", "ICCID", {"iccid", "profile_id", "old_profile_id", "sim_id"}),
    ("orders._by_eid", EID, {"eid"}),
    ("orders._by_code", MATCHING_ID, {"matching_id_digest", "profile_id", "old_profile_id"}),
    ("orders._by_transaction_id", "MSFT_x", {"transaction_id", "visit_id"}),
    ("subscriptions._by_number", "+14155550123", {"msisdn"}),
    ("subscriptions._by_iccid", "ICCID", {"iccid", "sim_id"}),
    ("subscriptions._by_reference", "L-17", {"reference"}),
    ("payments._by_receipt", "2026-000001", {"year", "number"}),
    ("payments._by_gateway_id", "pi_3Abc", {"gateway_id"}),
    ("payments._by_reference", "L-17", {"reference"}),
    ("payments._by_credit_note", "C2026-000001", {"year", "number"}),
    ("esim._profiles_by_code", MATCHING_ID, {"matching_id_digest"}),
    ("esim._sims_by_iccid", "ICCID", {"iccid"}),
    ("esim._sims_by_number", "+14155550123", {"msisdn"}),
    ("mobileplans._by_transaction_id", "MSFT_x", {"transaction_id"}),
    ("mobileplans._by_device", EID, {"eid"}),
    ("mobileplans._by_device", "ICCID", {"iccid"}),
    ("mobileplans._by_device", "490154203237518", {"imei"}),
    ("mobileplans._reports_by_iccid", "ICCID", {"iccid"}),
    ("mobileplans._reports_by_transaction_id", "MSFT_x", {"transaction_id", "visit_id"}),
)
WAYS = {
    f"{way.__module__.partition('.')[0]}.{way.__name__}": way
    for kind in KINDS
    for way in (*kind.ways, *kind.later_ways)
}


def test_every_way_is_tried() -> None:
    assert {way for way, _text, _columns in TRIED} == set(WAYS)


def test_each_look_up_reads_an_index_and_nothing_else(alice: User) -> None:
    fill_tables(alice)
    iccid = make_iccid()

    wrong = []
    for way, text, columns in TRIED:
        rows = WAYS[way](Typed(text.replace("ICCID", iccid), "US"))
        plan = json.loads(rows.order_by("-pk")[: MOST + 1].explain(format="json"))[0]["Plan"]
        scans = [node for node in nodes(plan) if node["Node Type"].endswith("Scan")]
        conditions = " ".join(scan.get("Index Cond", "") for scan in scans)
        wrong += [f"{way}: {column} has no index" for column in columns if column not in conditions]
        wrong += [f"{way}: {scan}" for scan in scans if not reads_by_index(scan)]

    assert not wrong, "\n".join(wrong)


# How PostgreSQL joins tables depends on their rows, so empty ones prove nothing.
JOINED = {"host report", "dispute answer", "period", "plan change", "price notice"} | {
    *("SIM on a line", "SIM off a line")
}
ALONE = [source for source in SOURCES if source.name not in JOINED]


@pytest.mark.parametrize("source", ALONE, ids=lambda source: source.name)
def test_each_event_of_a_customer_is_read_by_an_index(source: Source, db: None) -> None:
    """An empty table would be read whole, unless that is made dear."""
    rows = ("visits", "orders", "payments", "profiles", "plans")
    of_subject: dict[str, Any] = {name: [1, 2] for name in rows}
    of_subject |= {name: ["x", "y"] for name in ("addresses", "references", "iccids")}
    events = source.rows(Subject(account=1, is_customer=True, **of_subject)).order_by()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = json.loads(events.explain(format="json"))[0]["Plan"]

    scans = [node for node in nodes(plan) if node["Node Type"].endswith("Scan")]
    assert scans
    assert all(map(reads_by_index, scans)), scans


def reads_by_index(scan: dict[str, Any]) -> bool:
    """Return whether it reads only what an index's condition names. Its own part may be one."""
    if scan["Node Type"] in {"Bitmap Heap Scan", "Subquery Scan"}:
        return True
    return "Index Cond" in scan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def fill_tables(alice: User) -> None:
    """Give each table that is looked in some thousand rows."""
    order = make_order(alice)
    order.profile = make_profile(make_pool(1)[0], "OLD")
    order.save()
    payment = payment_of(order)
    payment.state, payment.gateway_id, payment.captured_at = PaymentState.CAPTURED, "pi_1", now()
    payment.save()
    receipt = make_receipt(order)
    note = make_credit_note(receipt)
    repair = order.repairs.create(
        kind="reissue", because="staff", asked_by=alice, old_profile=order.profile
    )
    line = Line.objects.create(account=alice)
    plan = Subscription.objects.create(line=line, reference="L-1")
    stay = SimOnLine.objects.create(line=line, sim=make_card(), since=now())
    error = LpaReport.objects.create(visit=order.visit, code="Other", code_as_sent="x")

    copy(alice, username="'u' || n", name="'Name ' || n")
    copy(alice.addresses.get(), account_id=SAME_ID, value="'a' || n")
    device = {"eid": "lpad(n::text, 32, '0')", "iccid": "lpad(n::text, 19, '0')"}
    copy(order.visit, transaction_id="'T' || n", imei="lpad(n::text, 15, '4')", **device)
    copy(order.profile.sim, iccid=device["iccid"], msisdn="lpad(n::text, 11, '1')")
    copy(order.profile, sim_id=SAME_ID, matching_id_digest="md5(n::text)")
    new_key = {"key": "gen_random_uuid()"}
    copy(order.draft, account_id=SAME_ID, visit_id=SAME_ID, **new_key)
    copy(payment, reference="'R' || n", gateway_id="'g' || n", **new_key)
    own = dict.fromkeys(["draft_id", "account_id", "visit_id", "payment_id", "profile_id"], SAME_ID)
    copy(order, number="lpad(n::text, 10, '0')", eid=device["eid"], **own)
    copy(repair, order_id=SAME_ID, old_profile_id=SAME_ID)
    copy(receipt, payment_id=SAME_ID, number=SAME_ID)
    copy(note.refund, payment_id=SAME_ID, **new_key)
    copy(note, refund_id=SAME_ID, receipt_id=SAME_ID, number=SAME_ID)
    copy(line, account_id=SAME_ID, msisdn="lpad(n::text, 11, '1')")
    copy(stay, line_id=SAME_ID, sim_id=SAME_ID)
    copy(plan, line_id=SAME_ID, reference="'L-0' || n")
    copy(error, visit_id=SAME_ID, iccid=device["iccid"])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def copy(row: Model, **changes: str) -> None:
    """Copy a row with these columns changed, as SQL in which n is the copy's number."""
    table = row._meta.db_table
    columns = {f"{field.column}": f'"{field.column}"' for field in row._meta.concrete_fields}
    columns |= {"id": SAME_ID, **changes}
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(columns.values())
    rows = f'"{table}", generate_series(1, {ROWS}) n WHERE "{table}".id = %s'
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {values} FROM {rows}', [row.pk])  # noqa: S608 -- names of our own
