"""Every page of every face, opened by everybody and in each error: the same headers, and no 500."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils.timezone import now

from accounts.access import events
from accounts.domain.telling import tell
from accounts.models import CodeRequest, Export, NumberCheck, OidcIdentity, StaffRecovery, User
from accounts.roles import ADMINISTRATOR, AGENT, VIEWER
from brand.models import LegalText, MarketRules, Notice
from demo.parts import ROOT
from esim.domain import pool
from esim.models import DownloadProgress, Es2Call, IccidRange, PoolLevel, Profile, Source
from messages.states import Occasion
from mobileplans.models import LpaReport
from moportal.money import Money
from orders.models import Order, Repair, Return, SalesPause
from payments.models import (
    BookDay,
    BookDifference,
    BookEntry,
    CardPage,
    Dispute,
    GatewayCall,
    Mandate,
    Refund,
    WebhookEvent,
)
from payments.states import RefundKind
from subscriptions.domain import lifecycle, price_changes
from subscriptions.models import (
    ChargingCall,
    CustomerCall,
    Line,
    LineLink,
    LiveSim,
    NetworkCall,
    OperatorLine,
    SimOnLine,
    Subscription,
    Takeover,
    UsagePull,
    UsageRecord,
    WayOut,
)
from support.models import CaseWork
from tests.accounts.test_roles import make_staff
from tests.balance_api.test_views import give
from tests.builders import (
    EID,
    make_card,
    make_credit_note,
    make_order,
    make_pool,
    make_receipt,
    make_visit,
    payment_of,
)
from tests.moportal.test_headers import HEADERS, HSTS, POLICY
from tests.settings_for import production_environment
from tests.speeds import sampled

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]
FACES = ("portal", "desk", "api", "all")
STAFF = (VIEWER, AGENT, ADMINISTRATOR)


@pytest.fixture
def people(alice: User) -> dict[str, int | None]:
    """Return everybody's key. Every page has a row to show."""
    make_rows(alice)
    models: list[Any] = list(admin.site._registry)  # noqa: SLF001 -- no public list
    assert [model for model in models if not model.objects.exists()] == []
    staff = {role: make_staff(role).pk for role in STAFF}
    return {"anonymous": None, "customer": alice.pk, **staff}


def make_rows(alice: User) -> None:
    make_pool()
    order = make_order(alice)
    make_rows_of_profile(pool.intend(eid=EID, profile_type="consumer"), order, alice)
    make_rows_of_subscription(give(alice, make_card(), code="daily"))
    make_rows_of_payment(order, alice)
    tell(alice, Occasion.ORDER_CANCELLED, key=order.number, context={"number": order.number})
    events.record(alice, events.Kind.SIGNED_UP)
    OidcIdentity.objects.create(account=alice, issuer="https://id.example", subject="1")
    asker = User.objects.create_user("asker@staff.example", None, is_staff=True)
    of_alice = {"content_type": ContentType.objects.get_for_model(User), "object_id": alice.pk}
    LogEntry.objects.create(user=asker, action_flag=CHANGE, object_repr="Alice", **of_alice)
    StaffRecovery.objects.create(account=alice, asked_by=asker, reason="x", expires_at=now())
    half_an_hour = {"opened_at": now(), "closes_at": now() + timedelta(minutes=30)}
    alice.openings.create(opened_by=asker, passed_check=False, reason="x", **half_an_hour)
    CaseWork.objects.create(kind="lpa-errors", row=1, owner=asker)
    alice.case_notes.create(kind="lpa-errors", row=1, text="x", written_by=asker)
    alice.staff_actions.create(
        action="end-sign-ins", row=1, label="x", reason="x", state="asked", asked_by=asker
    )
    make_rows_of_numbers(alice)
    Export.objects.create(account=alice, ready_at=now(), expires_at=now() + timedelta(days=1))
    LpaReport.objects.create(visit=make_visit(), code="Other", code_as_sent="x")
    LegalText.objects.create(kind="terms", language="en", version="1", title="Terms", body="x")
    MarketRules.objects.create(market="DE")
    over = {"starts_at": now() - timedelta(hours=1), "ends_at": now()}
    SalesPause.objects.create(text="x", because="x", asked_by=asker, **over)
    Notice.objects.create(text="x", **over)


def make_rows_of_numbers(alice: User) -> None:
    NumberCheck.objects.create(number="+12025550142", question="sim_swap", since=now())
    asked = CodeRequest.objects.create(
        account=alice, purpose="prove", address="+12025550142", expires_at=now()
    )
    asked.service_calls.create(operation="send")


def make_rows_of_profile(profile: Profile, order: Order, alice: User) -> None:
    provider = profile.provider
    Es2Call.objects.create(
        profile=profile, function="DownloadOrder", call_identifier=uuid4(), request={}
    )
    DownloadProgress.objects.create(profile=profile, provider=provider, iccid=profile.sim.iccid)
    IccidRange.objects.create(first="8944999000000000012", last="8944999000000000020")
    PoolLevel.objects.create(profile_type="consumer", provider=provider, low_mark=1)
    Source.objects.create(profile_type="consumer", provider=provider)
    Repair.objects.create(
        order=order, kind="reissue", because="staff", asked_by=alice, old_profile=profile
    )
    Return.objects.create(order=order, because="x", withdraws_esim=True, asked_by=alice)


def make_rows_of_subscription(subscription: Subscription) -> None:
    NetworkCall.objects.create(subscription=subscription, operation="activate")
    LiveSim.objects.create(subscription=subscription, sim=SimOnLine.objects.get().sim, since=now())
    lifecycle.start(subscription, at=now())
    assert subscription.plan
    change = price_changes.announce(
        subscription.plan,
        market="US",
        price=Money(2100, "USD"),
        starts_on=now().date(),
        actor=subscription.line.account,
    )
    change.notices.create(subscription=subscription, old_minor_units=1, text="x", language="en")
    pull = UsagePull.objects.create(source="charging")
    ChargingCall.objects.create(pull=pull)
    at = now()
    line = Line.objects.get()
    OperatorLine.objects.create(line=line, reference="L-1", balances_at=at)
    LineLink.objects.create(account=line.account, number="+12025550142", state="asking")
    CustomerCall.objects.create(line=line, operation="balance", key="x")
    UsageRecord.objects.create(
        source="charging",
        record_id="1",
        day=at.date(),
        line=Line.objects.get(),
        country="US",
        bytes=1,
        used_at=at,
        received_at=at,
    )
    WayOut.objects.create(sim=SimOnLine.objects.get().sim, minutes=1, megabytes=1)
    old = SimOnLine.objects.get()
    SimOnLine.objects.update(until=at)
    new = SimOnLine.objects.create(line=old.line, sim=old.sim, since=at)
    Takeover.objects.create(old=old, new=new)
    moving = {"old": old, "new": new, "state": "begun", "begun_at": at}
    subscription.moves.create(line=old.line, reference="M1", **moving)


def make_rows_of_payment(order: Order, alice: User) -> None:
    order.paying_codes.create(code="x", code_digest="x", expires_at=now())
    order.declarations.create(kind="cancel", contract="x", declared_at=now(), due_at=now())
    GatewayCall.objects.create(payment=order.payment, operation="authorise", key="1")
    agreed = {"purpose": "plan 1", "text": "I agree.", "language": "en", "agreed_at": now()}
    ended = {"ended_at": now(), "end_reason": "staff", "note": "x"}
    Mandate.objects.create(method=payment_of(order).method, **agreed, **ended)
    payment_of(order).fraud_warnings.create(gateway="simulator", gateway_id="x")
    payment_of(order).stopped_devices.create(kind="eid", digest="x", ending="0000", ends_at=now())
    Refund.objects.create(
        payment=payment_of(order), minor_units=1, kind=RefundKind.GOODWILL, reason="x"
    )
    make_credit_note(make_receipt(order))
    Dispute.objects.create(
        payment=payment_of(order), gateway_id="1", kind="dispute", minor_units=1, currency="USD"
    )
    day = now().date()
    BookDay.objects.create(gateway="simulator", day=day)
    BookEntry.objects.create(
        entry_id="1", kind="fee", booked_on=day, minor_units=-1, currency="USD"
    )
    BookDifference.objects.create(gateway="simulator", day=day, kind="doubled", subject="1")
    WebhookEvent.objects.create(identifier="1", payment=order.payment, gateway_id="1", status="x")
    CardPage.objects.create(account=alice, gateway="simulator")


@pytest.fixture
def open_all(people: dict[str, int | None]) -> Callable[[str], dict[str, Any]]:
    """Return a function that opens every page of a face, in a process with production settings."""

    def open_face(face: str) -> dict[str, Any]:
        server = os.environ["DATABASE_URL"].rpartition("/")[0]
        environment = {
            **os.environ,
            **production_environment(),
            # The keys by which the rows are sealed.
            **{name: os.environ[name] for name in ("SECRET_KEY", "SEAL_KEYS")},
            "DEMO": "0",
            "SIMULATORS": "0",
            "SECOND_FACTOR": "0",
            "MOPORTAL_FACE": face,
            "LOG_LEVEL": "CRITICAL",
            "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
            "DJANGO_SETTINGS_MODULE": "moportal.settings",
        }
        openers = who_opens(face, people)
        environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        command = [sys.executable, "-W", "ignore", "-m", "tests.every_page", json.dumps(openers)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return open_face


def who_opens(face: str, people: dict[str, int | None]) -> dict[str, int | None]:
    """Return who opens the pages of a face. All pages of "all" are on another face, too."""
    if face == "all":
        return {person: people[person] for person in ("anonymous", ADMINISTRATOR)}
    return people


# The face "all" has the pages of the three others. `make run` has it. Whether staff can open every
# page of the desk is tested in `test_access` too.
@pytest.mark.parametrize("face", sampled(FACES, in_short=("portal", "api")))
def test_no_page_fails_and_all_have_the_same_headers(
    face: str, open_all: Callable[[str], dict[str, Any]], people: dict[str, int | None]
) -> None:
    opened = open_all(face)
    answers, errors = opened["answers"], opened["errors"]

    assert [describe(answer) for answer in answers if answer["status"] >= 500] == []
    assert [describe(answer) for answer in errors if answer["status"] != answer["expected"]] == []
    assert [describe(answer) for answer in [*answers, *errors] if lacks_headers(answer)] == []
    # API callers have certificates instead.
    seen = {answer["person"] for answer in answers if answer["status"] == 200}
    assert seen == (set(who_opens(face, people)) if face != "api" else set())


def describe(answer: dict[str, Any]) -> str:
    return " ".join(
        str(answer.get(name, "")) for name in ("person", "method", "address", "status", "expected")
    )


def policy_of(answer: dict[str, Any]) -> tuple[str, ...]:
    """Return the parts of the answer's policy. An uploaded picture has a stricter one."""
    is_logo = answer["address"].startswith("/logo/") and answer["status"] == 200
    return ("default-src 'none'", "sandbox") if is_logo else POLICY


def lacks_headers(answer: dict[str, Any]) -> bool:
    headers, status = answer["headers"], answer["status"]
    return not (
        {name: headers.get(name) for name in HEADERS} == HEADERS
        and all(part in headers["Content-Security-Policy"] for part in policy_of(answer))
        and headers["Strict-Transport-Security"] == HSTS
        and ("Allow" in headers) == (status == 405)
        and ("Retry-After" in headers or status != 503)
        and (answer["has_content"] or "expected" not in answer)
    )
