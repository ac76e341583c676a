"""Mandates: customers agree to charges while they are away, and mandates end.

A mandate belongs to one method and ends with it. Charges under a mandate are in
`payments.domain.off_session`.
"""

from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import User
from moportal.database.statements import compare_and_set
from moportal.money import Money
from payments.gateways import offers
from payments.gateways.base import Ability, NotOffered
from payments.models import Mandate, PaymentMethod
from payments.signals import mandate_ended
from payments.states import MandateEnd, MethodKind

log = structlog.get_logger(__name__)


class MethodGone(Exception):
    """The method is removed, stopped or not kept by the gateway, so it cannot be charged."""


def agree(
    method: PaymentMethod,
    *,
    purpose: str,
    text: str,
    language: str,
    transaction_id: str = "",
    limit: Money | None = None,
    at: datetime | None = None,
) -> Mandate:
    """Store what the customer agreed to, just now or `at` that time.

    A second call returns the same mandate. Another text or limit for the same purpose replaces the
    earlier mandate of this method.

    Raises `NotOffered` if the method's gateway takes no charges without the customer, or
    `MethodGone`.
    """
    if not offers(method.gateway, Ability.OFF_SESSION):
        raise NotOffered(Ability.OFF_SESSION)
    agreed = {
        "text": text,
        "highest_minor_units": limit.minor_units if limit else None,
        "currency": limit.currency if limit else "",
    }
    with transaction.atomic():
        kept = _lock_usable(method)
        earlier = kept.mandates.filter(purpose=purpose, ended_at=None).first()
        if earlier is not None:
            if all(getattr(earlier, name) == value for name, value in agreed.items()):
                return earlier
            end(earlier, reason=MandateEnd.REPLACED)
        return Mandate.objects.create(
            method=kept,
            purpose=purpose,
            language=language,
            transaction_id=transaction_id,
            agreed_at=at or now(),
            **agreed,
        )


def _lock_usable(method: PaymentMethod) -> PaymentMethod:
    """Lock the method and return it. A removal of it, or a second consent, waits for the lock."""
    kept = PaymentMethod.objects.select_for_update().get(pk=method.pk)
    # A choice of the payment page is no card before the customer has paid there.
    is_card_missing = kept.kind == MethodKind.PAGE
    if kept.removed_at or kept.stopped_at or not kept.is_kept or is_card_missing:
        raise MethodGone(str(kept))
    return kept


def end(mandate: Mandate, *, reason: MandateEnd, note: str = "") -> None:
    """End a mandate, so that nothing more is charged under it. A second call does nothing.

    Only staff give a note, and they must. The end is announced in the transaction that stores it.
    """
    with transaction.atomic():
        ended = {"ended_at": now(), "end_reason": reason, "note": note}
        if compare_and_set(Mandate, mandate.pk, {"ended_at": None}, **ended):
            mandate.refresh_from_db()
            mandate_ended.send(Mandate, mandate=mandate)
            log.info("mandate ended", mandate=mandate.pk, reason=reason)


def end_all(method: PaymentMethod, *, reason: MandateEnd) -> None:
    """End all mandates of a method, whatever they are for."""
    for mandate in method.mandates.filter(ended_at=None):
        end(mandate, reason=reason)


def live_mandates(account: User) -> QuerySet[Mandate]:
    """Return the mandates of this customer that have not ended."""
    return Mandate.objects.filter(method__account=account, ended_at=None)
