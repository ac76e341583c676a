"""Evidence for a dispute: what the portal knows about the sale, frozen when the dispute opens.

Each room registers what it knows as a section, because this room cannot ask the rooms above it. The
texts are for a bank, so they are in English. About the customer they say only what proves the sale.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import override

from accounts.models import SignIn
from payments.models import Dispute, Payment
from payments.states import RefundState

log = structlog.get_logger(__name__)
Lines = list[tuple[str, str]]
UNREADABLE: Lines = [("Note", "This part could not be read when the dispute opened.")]
# Sign-ins this long before the purchase are shown, and at most this many.
SIGN_INS_FROM = timedelta(days=30)
MOST_SIGN_INS = 20
BATCH = 1000


@dataclass(frozen=True)
class Section:
    """A part of the evidence: `lines` returns labels and texts, none if there is nothing to say."""

    name: str
    title: str
    lines: Callable[[Payment], Lines]


_sections: dict[str, Section] = {}


def register(*sections: Section) -> None:
    """Add sections, in this order. Call it once, in the app config's `ready`."""
    _sections.update({section.name: section for section in sections})


def freeze(payment: Payment) -> dict[str, Any]:
    """Return all evidence about the payment as one JSON document."""
    with override("en"):
        sections = [
            {"name": one.name, "title": one.title, "lines": _read(one, payment)}
            for one in _sections.values()
        ]
    return {"at": shown(now()), "sections": [one for one in sections if one["lines"]]}


def _read(section: Section, payment: Payment) -> Lines:
    """Return the section's lines. A section with a fault must not hide the dispute from staff."""
    try:
        with transaction.atomic():
            return section.lines(payment)
    except Exception:
        log.exception("evidence cannot be read", section=section.name, payment=payment.pk)
        return UNREADABLE


def texts(document: dict[str, Any]) -> dict[str, str]:
    """Return the frozen evidence as one text for each section, by its name."""
    return {
        one["name"]: "\n".join(
            [one["title"], *(f"{label}: {text}" for label, text in one["lines"])]
        )
        for one in document.get("sections", [])
    }


def forget_old() -> int:
    """Empty the evidence of a batch of disputes that ended SUPPORT_DAYS ago. Return how many."""
    before = now() - timedelta(days=settings.SUPPORT_DAYS)
    old = Dispute.objects.filter(ended_at__lt=before).exclude(evidence={})
    batch = list(old.values_list("pk", flat=True)[:BATCH])
    return Dispute.objects.filter(pk__in=batch).update(evidence={})


def shown(at: datetime | None) -> str:
    """Return a time in UTC, as the evidence shows it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def _payment_lines(payment: Payment) -> Lines:
    method = payment.method
    lines = [
        ("Reference", payment.reference),
        ("Amount", str(payment.amount)),
        ("Paid with", f"{method.brand} ending in {method.last4}"),
        ("Method stored", shown(method.created_at)),
        ("Ordered", shown(payment.created_at)),
    ]
    lines += [
        ("Charged", shown(call.answered_at))
        for call in payment.calls.filter(operation="capture", outcome="answered")[:1]
    ]
    for refund in payment.refunds.filter(state=RefundState.DONE):
        text = f"{refund.amount} on {shown(refund.ended_at)}"
        lines.append(("Refunded", text))
    return lines


def _sign_in_lines(payment: Payment) -> Lines:
    since = payment.created_at - SIGN_INS_FROM
    rows = SignIn.objects.filter(account=payment.method.account, started_at__gt=since)
    latest = rows.order_by("-started_at")[:MOST_SIGN_INS]
    return [(shown(row.started_at), row.device or "unknown device") for row in latest]


PAYMENT = Section("payment", "The payment", _payment_lines)
SIGN_INS = Section("sign_ins", "Sign-ins of the account", _sign_in_lines)
