"""A customer with a row in every table that knows one, and the look for what is left of them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import DataError, IntegrityError, models, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.access import events
from accounts.domain.erasing import person_of
from accounts.domain.telling import tell
from accounts.models import (
    AttemptCount,
    Authenticator,
    CodeRequest,
    Export,
    ExportPart,
    NumberCheck,
    RecoveryCode,
    User,
)
from esim.models import DownloadProgress
from messages.models import Message
from messages.states import Occasion
from mobileplans.models import Handoff, HostReport
from moportal import personal
from orders.domain.drafts import open_draft
from orders.models import Order, Return
from payments.domain.receipts import issue_credit_note
from payments.models import CardPage, Payment
from payments.states import RefundKind
from subscriptions.models import (
    Line,
    LineLink,
    OperatorLine,
    Period,
    PriceChange,
    SimOnLine,
    Subscription,
    Takeover,
    UsageRecord,
)
from tests.builders import make_card, payment_of

DAY = timedelta(days=1)
# Short enough for every column.
MARK = "Noor"
NUMBER = "+12025550142"
# The test finds rows by these columns, and a new password ends the session.
FOUND_BY = {
    "password",
    "language",
    "page_language",
    "address",
    "value",
    "username",
    "number",
    "subject",
    "object_id",
}


def fill(account: User, order: Order, *, staff: User, number: str = NUMBER) -> None:
    """Give the customer of this order a row in every other table. All that is open has ended."""
    account.addresses.create(value=number, proven_at=now())
    _fill_access(account, staff, number)
    _fill_visit(order)
    _fill_books(account, order, staff)
    _fill_lines(account, order, number)


def mark(account: User) -> list[str]:
    """Write the mark into every column that is to be erased, and return those that refuse it."""
    refused = []
    person = person_of(account)
    for entry in personal.personal():
        keys = list(entry.rows(person).values_list("pk", flat=True))
        assert keys, f"{entry.model._meta.label} has no row"
        kept = {name for keep in entry.keeps for name in keep.columns}
        for name in sorted(telling(entry.model) - kept - FOUND_BY):
            is_json = isinstance(entry.model._meta.get_field(name), models.JSONField)
            value = [MARK] if is_json else MARK
            try:
                with transaction.atomic():
                    QuerySet(entry.model).filter(pk__in=keys).update(**{name: value})
            except (IntegrityError, DataError):
                refused.append(f"{entry.model._meta.label}.{name}")
    return refused


def telling(model: type[models.Model]) -> set[str]:
    """Return the columns with texts that are no names from a fixed list."""
    texts = (models.CharField, models.TextField, models.JSONField)
    return {
        column.name
        for column in model._meta.concrete_fields
        if isinstance(column, texts) and not column.choices
    }


def found(*words: str) -> Iterator[str]:
    """Yield each column of any table in which one of these words stands."""
    for model in apps.get_models():
        for row in model._default_manager.all():  # noqa: SLF001 -- documented
            for name in sorted(telling(model)):
                if any(word in str(getattr(row, name)) for word in words):
                    yield f"{model._meta.label}.{name}"


def rows_of(account: User) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the customer with all columns, by table."""
    person = person_of(account)
    return {
        entry.model._meta.label: list(entry.rows(person).order_by("pk").values())
        for entry in personal.personal()
    }


def _fill_access(account: User, staff: User, number: str) -> None:
    at = now()
    ended = {"ended_at": at}
    tell(account, Occasion.NEW_SIGN_IN, key=f"x{account.pk}", context={"at": at})
    for message in Message.objects.filter(ended_at=None):
        Message.objects.filter(pk=message.pk).update(state="sent", **ended)
        message.calls.create(sender="Mail")
    events.record(account, events.Kind.SIGNED_UP)
    RecoveryCode.objects.create(account=account, hash="x", mark="x", created_at=at)
    account.sign_ins.create(session_key=f"k{account.pk}", **ended)
    account.oidc_identities.create(issuer="https://id.example", subject=str(account.pk))
    account.proofs.create(kind="code_to_line", subject=number, made_at=at, **ended)
    account.password_links.create(
        issued_by=staff, digest=str(account.pk), state="used", expires_at=at, **ended
    )
    Authenticator.objects.create(user=account, key=number)
    account.staff_recoveries.create(
        asked_by=staff, reason="x", state="refused", expires_at=at, **ended
    )
    account.openings.create(
        opened_by=staff, passed_check=False, reason="x", opened_at=at, closes_at=at + DAY
    )
    account.cases.create(kind="lpa-errors", row=account.pk)
    account.case_notes.create(kind="lpa-errors", row=1, text=number, written_by=staff)
    account.staff_actions.create(
        action="x", row=1, label=number, reason="x", state="done", asked_by=staff, decided_at=at
    )
    account.deletions.create(language="en", asked_at=at, due_at=at + DAY, state="undone", **ended)
    ready = Export.objects.create(account=account, ready_at=at, expires_at=at + DAY)
    ExportPart.objects.create(export=ready, number=0, text=account.username)
    asked = CodeRequest.objects.create(
        account=account, purpose="prove", address=number, state="lapsed", expires_at=at, **ended
    )
    typed = asked.typed_codes.create(verdict="wrong")
    asked.service_calls.create(operation="check", typed=typed)
    NumberCheck.objects.create(number=number, question="sim_swap", since=at)
    subject = f"account:{account.pk}"
    AttemptCount.objects.create(limit="x", subject=subject, began_at=at, ends_at=at)
    LogEntry.objects.create(
        user=staff,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(account.pk),
        object_repr=account.username,
        action_flag=CHANGE,
        change_message=f"Changed {account.name}",
    )


def _fill_visit(order: Order) -> None:
    handoff = Handoff.objects.create(
        visit=order.visit,
        account=order.account,
        token_hash=order.number,
        language="en",
        expires_at=now(),
        success=False,
    )
    HostReport.objects.create(handoff=handoff, kind="activation", result="success")
    order.visit.lpa_reports.create(code="Other", code_as_sent="x", decides=True)
    open_draft(order.account, order.visit)


def _fill_books(account: User, order: Order, staff: User) -> None:
    at, key = now(), order.number
    ended = {"ended_at": at}
    payment, profile = payment_of(order), order.profile
    assert profile
    order.repairs.create(
        kind="reissue", state="refused", because="x", asked_by=account, old_profile=profile, **ended
    )
    order.paying_codes.create(code="x", code_digest=key, expires_at=at)
    Return.objects.create(order=order, because="x", asked_by=staff, state="refused", **ended)
    order.declarations.create(
        kind="cancel",
        name=account.name,
        address=account.username,
        contract=key,
        account=account,
        language="en",
        market="US",
        declared_at=at,
        due_at=at,
        state="done",
        done_at=at,
    )
    refund = payment.refunds.create(
        minor_units=1, kind=RefundKind.GOODWILL, reason="x", state="failed", settled_at=at, **ended
    )
    issue_credit_note(refund, payment.receipt, at=at)
    payment.typed_codes.create(verdict="wrong")
    CardPage.objects.create(account=account, gateway="simulator", state="lapsed", return_url="x")
    payment.events.create(identifier=key, gateway_id="x", status="authorised")
    dispute = payment.disputes.create(
        gateway="x", gateway_id=key, kind="inquiry", minor_units=1, state="won", **ended
    )
    dispute.answers.create(kind="accept", because="x", asked_by=staff, state="done", **ended)
    payment.fraud_warnings.create(gateway="x", gateway_id=key)
    payment.stopped_devices.create(kind="eid", digest=key, ending="0000", ends_at=at)
    payment.book_differences.create(gateway="x", day=at.date(), kind="doubled", subject=key)
    payment.method.mandates.create(purpose="plan", text="I agree.", language="en")
    DownloadProgress.objects.create(
        iccid=profile.sim.iccid, profile=profile, provider=profile.provider, call_identifier=key
    )


def _fill_lines(account: User, order: Order, number: str) -> None:
    at = now()
    assert order.profile
    sim = order.profile.sim
    line = Line.objects.get(account=account)
    refused = {"state": "declined", "refusal_kind": "final", "declined_at": at}
    method = payment_of(order).method
    mandate = method.mandates.create(purpose="charge", text="I agree.", language="en")
    by = {"initiator": "operator", "mandate": mandate}
    charge = Payment.objects.create(method=method, minor_units=1, currency="USD", **by, **refused)
    subscription = Subscription.objects.get(line=line)
    assert subscription.plan
    change = PriceChange.objects.create(
        plan=subscription.plan,
        market="US",
        minor_units=1,
        currency="USD",
        starts_on=at.date(),
        notice_days=31,
        exit_days=0,
    )
    change.notices.create(subscription=subscription, old_minor_units=2, text="x", language="en")
    subscription.plan_changes.create(
        plan=subscription.plan,
        after_number=1,
        state="undone",
        mandate=mandate,
        chosen_at=at,
        settled_at=at,
        **order.price_columns,
    )
    Period.objects.get(line=line).attempts.create(payment=charge, is_live=False)
    Line.objects.filter(pk=line.pk).update(msisdn=number.lstrip("+"))
    type(sim).objects.filter(pk=sim.pk).update(msisdn=number.lstrip("+"))
    UsageRecord.objects.create(
        source="x",
        record_id=order.number,
        day=at,
        line=line,
        iccid=sim.iccid,
        bytes=1,
        country="US",
        used_at=at,
        received_at=at,
    )
    OperatorLine.objects.create(line=line, reference=order.number, balances_at=at)
    link = LineLink.objects.create(
        account=account, number=number, state="refused", refusal="unknown", ended_at=at
    )
    link.calls.create(operation="find", key="x")
    way = sim.ways_out.create(minutes=1, megabytes=1, state="closed", closed_at=at)
    way.calls.create(operation="open")
    card = make_card()
    old = SimOnLine.objects.create(line=line, sim=card, since=at, until=at)
    new = SimOnLine.objects.create(line=line, sim=card, since=at)
    Takeover.objects.create(old=old, new=new, decided_at=at)
    moved = {"state": "done", "retires_at": at, "ended_at": at}
    subscription.moves.create(line=line, old=old, new=new, reference=order.number, **moved)
