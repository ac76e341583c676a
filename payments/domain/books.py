"""The deletion of payments that the operator's books need no longer."""

from payments.models import Payment, Receipt


def delete_payment(payment: Payment) -> None:
    """Delete the payment with its receipt, refunds, calls and events."""
    Receipt.objects.filter(payment=payment).delete()
    for rows in (payment.refunds, payment.calls, payment.events):
        rows.all().delete()
    payment.delete()
