"""A week of traffic with the clock moved: each table stops growing where docs/retention.md says so.

Strangers launch the portal, fail to sign in and leave. A customer buys, downloads and uses an eSIM
every day, and pays by card or with a voucher. Staff work at the desk. After each day the hourly
tasks run, and every time in the database becomes a day older. All retentions are two days, so that
the week is longer than each.
"""

import json
from datetime import timedelta

import httpx
import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import DateField, F, QuerySet
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import (
    AttemptCount,
    CodeRequest,
    Export,
    NumberCheck,
    OidcLogout,
    Proof,
    StaffRecovery,
    User,
)
from brand.models import Notice
from mobileplans.domain import handoffs
from mobileplans.models import Handoff, Visit
from mobileplans.tasks import forget
from moportal import retention
from orders.models import Declaration, Order, SalesPause
from orders.states import OrderState
from orders.tasks import expire
from outbox.domain import due_tasks, process
from outbox.tasks import request_purge
from payments.domain import differences
from payments.domain.vouchers import add_voucher
from payments.models import BookDifference, CardPage, Mandate, Payment, PaymentMethod
from payments.tasks import request_books
from plans.models import Plan
from simulators.payment.server import SIGNATURE_HEADER, signed
from subscriptions.domain import linking
from subscriptions.models import SimOnLine, Subscription, WayOut
from subscriptions.states import WayOutState
from subscriptions.tasks import request_pull
from support.models import CaseWork
from tests.builders import EID, make_card, make_draft, make_plan, make_pool, payment_of
from tests.conftest import PASSWORD
from tests.orders.conftest import new_card
from tests.payments.vouchers import issue
from tests.subscriptions.operator_lines.steps import BILL_CODE
from tests.subscriptions.usages import said, tell

pytestmark = [pytest.mark.long, pytest.mark.processes]

DAYS, RETENTION = 7, 2
DAY = timedelta(days=1)
SECRET = "the gateway's and ours"
# What the customer has and was told, and the stock of ICCIDs: docs/retention.md says that these are
# kept.
GROW_WITH_SALES = {
    *("esim.Sim", "esim.Profile", "subscriptions.Line", "subscriptions.SimOnLine"),
    "subscriptions.LiveSim",
    *(
        "subscriptions.Subscription",
        "subscriptions.Period",
        "subscriptions.Bucket",
        "accounts.AccountMessage",
    ),
}
SETTINGS = (
    *("STRANGER_DAYS", "SUPPORT_DAYS", "TASK_DAYS", "DESK_LOG_DAYS", "USAGE_DAYS"),
    *("MESSAGE_DAYS", "DECLARATION_DAYS"),
)


@pytest.fixture
def shop(gateway: str, smdp: str, network: str, customers: str, settings: Settings) -> None:
    """Let the portal use the simulators, and keep rows for two days."""
    for name in SETTINGS:
        setattr(settings, name, RETENTION)
    settings.BOOKS_YEARS = RETENTION / 366
    settings.BALANCE_REPLAY_HOURS = 24
    settings.PAYMENT_WEBHOOK_SECRET = SECRET
    settings.CHARGING, settings.CHARGING_URL = "subscriptions.charging.http.HttpCharging", network


def test_in_a_week_every_table_stops_growing(
    shop: None, gateway: str, vouchers: str, alice: User, clara: User
) -> None:
    plan, card = make_plan(validity_days=1), new_card(alice)
    sizes: list[dict[str, int]] = []

    for day in range(DAYS):
        strangers_come_and_go()
        is_by_card = day % 2 == 0
        method = card if is_by_card else add_voucher(alice, issue(vouchers), market="US")
        buy_and_use(alice, plan, method, day)
        agree_and_end(card, day)
        others_call(clara, day)
        declare_and_settle()
        access_is_lost_and_proven(alice, clara, day)
        run_the_hourly_tasks()
        settle_differences()
        sizes.append(sizes_of_tables())
        make_everything_older(gateway, vouchers)

    never_used = [label for label in retention.purged() if not any(size[label] for size in sizes)]
    assert never_used == []
    # A message goes a day after its attempts, and on the first day nobody is told of a new browser.
    before, after = sizes[RETENTION + 2], sizes[-1]
    assert {label for label in after if after[label] > before[label]} == GROW_WITH_SALES


def test_the_tables_that_grow_with_sales_are_kept_on_purpose() -> None:
    kept = {label for label, rule in retention.registered() if isinstance(rule, retention.Kept)}

    assert kept >= GROW_WITH_SALES


def declare_and_settle() -> None:
    """Cancel a contract that nobody finds, and let staff answer."""
    times = {"declared_at": now(), "due_at": now(), "done_at": now()}
    Declaration.objects.create(
        kind="cancel", contract="x", state="done", outcome="no_order", **times
    )


def strangers_come_and_go() -> None:
    """Launch the portal, with an error too, fail to sign in, change the language, and leave."""
    lpa_error = {"X-MP-LPAError-Codes": "CardBusy"}
    for headers in ({}, lpa_error, lpa_error):
        browser = Client(headers=headers)
        browser.get(f"/?market=US&location=US&eid={EID}")
        browser.get("/esim-problem/")
        browser.post("/language/", {"language": "de"})
        browser.post("/sign-in/", {"username": "x@example.com", "password": "wrong"})
    browser.post("/leave/")
    token = handoffs.report_token(Handoff.objects.latest("pk"))
    sent = json.dumps({"activationResult": "success"})
    browser.post("/handoff/report/", {"token": token, "kind": "activation", "report": sent})


def buy_and_use(alice: User, plan: Plan, method: PaymentMethod, day: int) -> None:
    """Sign in, buy an eSIM, download it and use some data; a second session stays open."""
    make_pool(1)
    Client().post("/sign-in/", {"username": alice.username, "password": PASSWORD})
    browser = Client()
    browser.get(f"/?market=US&location=US&eid={EID}&transactionId=T{day}")
    browser.post("/sign-in/", {"username": alice.username, "password": PASSWORD})
    visit = Visit.objects.filter(account=alice).latest("pk")
    draft = make_draft(alice, visit=visit, plan=plan, method=method)
    browser.post("/review/", {"draft": draft.pk, "version": draft.version})
    process_until_idle()
    order = Order.objects.latest("pk")
    assert order.state == OrderState.COMPLETED
    browser.post(f"/orders/{order.number}/continue/")

    assert order.profile
    assert order.subscription
    iccid = order.profile.sim.iccid
    move_to_a_card(order.subscription)
    pay_from_elsewhere(order, day)
    dispute_and_end(payment_of(order), day)
    refuse_a_renewal(order)
    report_download(iccid, day)
    tell(said(f"{iccid}-{day}", iccid, now(), 1000))
    get = Client().get(
        f"/v1/sims/{iccid}/balances", headers={"X-MS-DM-TransactionId": f"balance-{day}"}
    )
    assert get.status_code == 200


def move_to_a_card(plan: Subscription) -> None:
    """Let the plan have been moved to a SIM card and back to its eSIM."""
    at = now()
    away = SimOnLine.objects.create(line=plan.line, sim=make_card(), since=at, until=at)
    old = SimOnLine.objects.get(line=plan.line, until=None)
    moved = {"state": "undone", "ended_at": at}
    plan.moves.create(line=plan.line, old=old, new=away, reference=plan.reference, **moved)


def pay_from_elsewhere(order: Order, day: int) -> None:
    """Make a code for another device, and a way out of the walled garden that is over."""
    at = now()
    order.paying_codes.create(code_digest=str(day), expires_at=at, ended_at=at)
    assert order.profile
    over = {"state": WayOutState.CLOSED, "closed_at": at}
    way = WayOut.objects.create(sim=order.profile.sim, minutes=1, megabytes=1, **over)
    way.calls.create(operation="open")


def refuse_a_renewal(order: Order) -> None:
    """Try to charge the plan once more, which the bank refuses."""
    assert order.subscription
    refused = {"state": "declined", "refusal_kind": "later", "declined_at": now()}
    method, at = payment_of(order).method, now()
    agreed = {"purpose": order.number, "text": "I agree.", "language": "en", "agreed_at": at}
    mandate = method.mandates.create(**agreed, ended_at=at, end_reason="over")
    by = {"initiator": "operator", "mandate": mandate}
    charge = Payment.objects.create(method=method, minor_units=1, currency="USD", **by, **refused)
    order.subscription.periods.get().attempts.create(payment=charge, is_live=False)


def dispute_and_end(payment: Payment, day: int) -> None:
    """Win a dispute of the payment, and stop a device for an hour."""
    at = now()
    disputed = {"kind": "dispute", "minor_units": 1, "currency": "USD", "evidence": {"at": "now"}}
    payment.disputes.create(gateway_id=str(day), **disputed, state="won", ended_at=at)
    device = {"kind": "eid", "digest": str(day), "ending": "0000"}
    payment.stopped_devices.create(**device, ends_at=at + timedelta(hours=1))


def agree_and_end(method: PaymentMethod, day: int) -> None:
    """Agree to a mandate, and end it."""
    at = now()
    agreed = {"purpose": f"plan {day}", "text": "I agree.", "language": "en", "agreed_at": at}
    Mandate.objects.create(method=method, **agreed, ended_at=at, end_reason="staff", note="x")


def report_download(iccid: str, day: int) -> None:
    """Send the notices of a download, and a webhook about the payment."""
    for point in (3, 4):
        notice = {
            "header": {"functionRequesterIdentifier": "2.999.10", "functionCallIdentifier": "x"},
            "iccid": iccid,
            "profileType": "consumer",
            "timestamp": f"2026-01-0{day + 1}T00:00:00Z",
            "notificationPointId": point,
            "notificationPointStatus": {"status": "Executed-Success"},
        }
        answer = Client().post(reverse("progress"), notice, content_type="application/json")
        assert answer.status_code == 204
    payment = payment_of(Order.objects.latest("pk"))
    reported = {"id": payment.gateway_id, "reference": payment.reference, "status": "captured"}
    body = json.dumps({"id": f"event-{day}", "payment": reported})
    signature = {SIGNATURE_HEADER: signed(body, SECRET, at=int(now().timestamp()))}
    answer = Client().post(
        "/payments/webhook", body, content_type="application/json", headers=signature
    )
    assert answer.status_code == 204


def others_call(clara: User, day: int) -> None:
    """Work at the desk, count an attempt, leave a card page and a line unfinished, fetch usage.

    Sales were paused for a minute, with a notice.
    """
    LogEntry.objects.create(
        user=clara, object_id=str(day), object_repr="x", action_flag=CHANGE, change_message=""
    )
    AttemptCount.objects.create(limit="x", subject=str(day), began_at=now(), ends_at=now() + DAY)
    CardPage.objects.create(
        account=clara, gateway="simulator", state="lapsed", return_url="https://portal.example/"
    )
    linking.begin(clara, number="", bill_code=BILL_CODE)
    request_pull()
    over = {"text": "x", "starts_at": now() - timedelta(minutes=1), "ends_at": now()}
    SalesPause.objects.create(asked_by=clara, because="x", **over)
    Notice.objects.create(**over)


def access_is_lost_and_proven(alice: User, clara: User, day: int) -> None:
    """Ask for a code and type a wrong one, prove a number and lose it, call support, sign out."""
    number = "+12025550142"
    asked = CodeRequest.objects.create(
        account=alice, purpose="recover", address=number, expires_at=now() + DAY
    )
    typed = asked.typed_codes.create(verdict="wrong")
    asked.service_calls.create(operation="check", typed=typed)
    NumberCheck.objects.create(number=number, question="sim_swap", since=now())
    ended = {"made_at": now(), "ended_at": now()}
    OidcLogout.objects.create(issuer="x", token_id=str(day), ends_at=now() + DAY)
    Proof.objects.create(account=alice, kind="code_to_line", subject=number, **ended)
    own_data_is_wanted(alice)
    StaffRecovery.objects.create(
        account=alice, asked_by=clara, reason="x", state="refused", expires_at=now(), ended_at=now()
    )
    alice.openings.create(
        opened_by=clara, passed_check=True, opened_at=now(), closes_at=now() + DAY
    )
    CaseWork.objects.create(kind="lpa-errors", row=int(now().timestamp()), owner=clara)
    alice.case_notes.create(kind="lpa-errors", row=1, text="x", written_by=clara)
    alice.staff_actions.create(
        action="x", row=1, label="x", reason="x", state="done", asked_by=clara, decided_at=now()
    )


def own_data_is_wanted(alice: User) -> None:
    """Get a file of the own data, and undo a deletion of the account."""
    at = now()
    Export.objects.filter(account=alice).delete()
    made = Export.objects.create(account=alice, ready_at=at, expires_at=at + DAY)
    made.parts.create(number=0, text="{}")
    week = {"asked_at": at, "due_at": at + 7 * DAY}
    alice.deletions.create(language="en", state="undone", ended_at=at, **week)


def run_the_hourly_tasks() -> None:
    forget()
    expire()
    request_purge()
    request_books()
    process_until_idle()


def process_until_idle() -> None:
    for _ in range(20):
        due = due_tasks()
        for task in due:
            process(task)
        if not due:
            return


def sizes_of_tables() -> dict[str, int]:
    return {model._meta.label: QuerySet(model).count() for model in apps.get_models()}


def settle_differences() -> None:
    """Settle what differs: orders are deleted here before the gateway's books are compared."""
    # At some hours of the day, the deletion comes too late to make a difference.
    BookDifference.objects.create(gateway="x", day=now().date(), kind="doubled", subject="x")
    differences.open_differences().update(settled_at=now(), reason="The order is deleted.")


def make_everything_older(*simulators: str) -> None:
    """Move the clock: all times here and in the gateways' books become a day older."""
    for address in simulators:
        httpx.post(f"{address}/entries/older", json={"days": 1}, trust_env=False)
    for model in apps.get_models():
        columns = {
            field.name: F(field.name) - DAY
            for field in model._meta.concrete_fields
            if isinstance(field, DateField)
        }
        if columns:
            QuerySet(model).update(**columns)
