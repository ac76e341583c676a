"""The events of payments: calls, the gateway's reports, refunds, and what banks did."""

from django.db.models import QuerySet

from moportal.money import Money
from moportal.timeline import Facts, Kind, Source, Subject, in_brackets
from payments.models import (
    Dispute,
    DisputeAnswer,
    FraudWarning,
    GatewayCall,
    Payment,
    PaymentMethod,
    Refund,
    WebhookEvent,
)


def _calls(subject: Subject) -> QuerySet[GatewayCall]:
    return GatewayCall.objects.filter(payment__in=subject.payments)


def _events(subject: Subject) -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(payment__in=subject.payments)


def _refunds(subject: Subject) -> QuerySet[Refund]:
    return Refund.objects.filter(payment__in=subject.payments)


def _disputes(subject: Subject) -> QuerySet[Dispute]:
    return Dispute.objects.filter(payment__in=subject.payments)


def _answers(subject: Subject) -> QuerySet[DisputeAnswer]:
    return DisputeAnswer.objects.filter(dispute__payment__in=subject.payments)


def _warnings(subject: Subject) -> QuerySet[FraudWarning]:
    return FraudWarning.objects.filter(payment__in=subject.payments)


def _methods(subject: Subject) -> QuerySet[PaymentMethod]:
    if not subject.is_customer:
        return PaymentMethod.objects.none()
    return PaymentMethod.objects.filter(account=subject.account)


def _amount(facts: Facts) -> str:
    return str(Money(facts["minor_units"], facts["currency"]))


def _refund_asked(facts: Facts) -> str:
    return f"refund of {_amount(facts)} requested{in_brackets(facts['reason'])}"


def _refund_ended(facts: Facts) -> str:
    return f"refund of {_amount(facts)} {facts['state']}{in_brackets(facts['error'])}"


def _opened(facts: Facts) -> str:
    return f"{facts['about']} opened ({facts['reason']}), {_amount(facts)}"


def _method(facts: Facts) -> str:
    return f"{facts['about']} {facts['brand']} {facts['last4']}".replace("  ", " ").strip()


OF_REFUND = {
    "payment": "payment",
    "minor_units": "minor_units",
    "currency": "payment__currency",
}
OF_METHOD = {"about": "kind", "brand": "brand", "last4": "last4"}

TIMELINE = (
    Source(
        name="gateway call",
        kind=Kind.PAYMENTS,
        where="gateway",
        rows=_calls,
        at="sent_at",
        facts={
            "payment": "payment",
            "operation": "operation",
            "outcome": "outcome",
            "detail": "detail",
        },
        words=lambda facts: f"{facts['operation']}: {facts['outcome']} {facts['detail']}",
        page=(Payment, "payment"),
    ),
    Source(
        name="gateway event",
        kind=Kind.PAYMENTS,
        where="gateway",
        rows=_events,
        at="received_at",
        facts={"payment": "payment", "status": "status"},
        words=lambda facts: f"reported: {facts['status']}",
        page=(Payment, "payment"),
    ),
    Source(
        name="refund",
        kind=Kind.PAYMENTS,
        where="refund",
        rows=_refunds,
        at="asked_at",
        facts={**OF_REFUND, "reason": "reason", "actor": "asked_by__username"},
        words=_refund_asked,
        page=(Payment, "payment"),
    ),
    Source(
        name="refund ended",
        kind=Kind.PAYMENTS,
        where="refund",
        rows=_refunds,
        at="ended_at",
        facts={**OF_REFUND, "state": "state", "error": "last_error"},
        words=_refund_ended,
        page=(Payment, "payment"),
    ),
    Source(
        name="dispute",
        kind=Kind.PAYMENTS,
        where="bank",
        rows=_disputes,
        at="opened_at",
        facts={
            "row": "pk",
            "about": "kind",
            "reason": "reason",
            "minor_units": "minor_units",
            "currency": "currency",
        },
        words=_opened,
        page=(Dispute, "row"),
    ),
    Source(
        name="dispute answer",
        kind=Kind.PAYMENTS,
        where="dispute",
        rows=_answers,
        at="asked_at",
        facts={
            "dispute": "dispute",
            "answer": "kind",
            "because": "because",
            "actor": "asked_by__username",
        },
        words=lambda facts: f"{facts['answer']} ({facts['because']})",
        page=(Dispute, "dispute"),
    ),
    Source(
        name="dispute ended",
        kind=Kind.PAYMENTS,
        where="bank",
        rows=_disputes,
        at="ended_at",
        facts={"row": "pk", "about": "kind", "state": "state"},
        words=lambda facts: f"{facts['about']} {facts['state']}",
        page=(Dispute, "row"),
    ),
    Source(
        name="fraud warning",
        kind=Kind.PAYMENTS,
        where="bank",
        rows=_warnings,
        at="received_at",
        facts={"payment": "payment", "reason": "reason"},
        words=lambda facts: f"fraud warning ({facts['reason']})",
        page=(Payment, "payment"),
    ),
    Source(
        name="payment method",
        kind=Kind.PAYMENTS,
        where="method",
        rows=_methods,
        at="created_at",
        facts=OF_METHOD,
        words=lambda facts: f"{_method(facts)} added",
    ),
    Source(
        name="payment method removed",
        kind=Kind.PAYMENTS,
        where="method",
        rows=_methods,
        at="removed_at",
        facts=OF_METHOD,
        words=lambda facts: f"{_method(facts)} removed",
    ),
)
