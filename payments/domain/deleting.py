"""The deletion of payments that the operator's books need no longer."""

from payments.models import CreditNote, DisputeAnswer, Payment, Receipt


def delete_payment(payment: Payment) -> None:
    """Delete the payment with its receipt, refunds, credit notes, disputes, calls and events."""
    Receipt.objects.filter(payment=payment).delete()
    CreditNote.objects.filter(refund__payment=payment).delete()
    DisputeAnswer.objects.filter(dispute__payment=payment).delete()
    paid = (payment.disputes, payment.refunds, payment.calls, payment.events, payment.typed_codes)
    for rows in paid:
        rows.all().delete()
    payment.delete()
