"""Charges of a stored method that the customer starts outside of an order, while they are there.

The bank may ask the customer to confirm, so such a payment has a page to come back to. The rules of
tries are the same as for charges without the customer (`payments.domain.off_session`).
"""

from django.db import transaction

from moportal.money import Money
from payments.domain import methods, off_session
from payments.models import Payment, PaymentMethod
from payments.states import Initiator


@transaction.atomic
def request_charge(
    method: PaymentMethod, amount: Money, *, reference: str, return_url: str
) -> Payment:
    """Store a payment that the customer has asked for.

    Call it in the transaction that stores what the payment is for. Raises
    `off_session.NotChargeable`, and then stores nothing.
    """
    kept = methods.lock(method)
    off_session.check_method(kept)
    return Payment.objects.create(
        method=kept,
        initiator=Initiator.CUSTOMER,
        reference=reference,
        minor_units=amount.minor_units,
        currency=amount.currency,
        return_url=return_url,
    )
