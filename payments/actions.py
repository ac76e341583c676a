"""What staff can do with a payment (`moportal.actions`)."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.access.limiter import Locked
from moportal.actions import Action, ActionForm, Refusals
from moportal.money import MINOR_UNIT_DIGITS, Money
from payments.domain import refunds
from payments.domain.reasons import LONGEST_REASON
from payments.domain.staff_limit import REACHED
from payments.gateways.base import NotOffered
from payments.models import Payment
from payments.states import RefundKind

# What staff read when a refund is not possible.
NOT_REFUNDED: Refusals = {
    refunds.NothingToRefund: "Nothing, or less than this, is left to refund.",
    refunds.RefundUnderWay: "A refund of this kind is already in progress.",
    refunds.DisputeOpen: "A dispute about this charge is open. Nothing is refunded before it ends.",
    NotOffered: "This gateway refunds whole charges only.",
    Locked: REACHED,
}


class PartForm(ActionForm):
    """What is given back to the customer, and why."""

    amount = forms.DecimalField(min_value=0, max_digits=19, label="Amount to refund")
    because = forms.CharField(label="Reason", max_length=LONGEST_REASON)
    field_order = ("amount", "because")

    def __init__(self, payment: Payment, *given: Any) -> None:
        super().__init__(payment, *given)
        self.currency = payment.currency
        help_text = f"In {payment.currency}. Can still be refunded: {payment.left}."
        self.fields["amount"].help_text = help_text

    def clean_amount(self) -> Money:
        """Return the amount in minor units of the payment's currency."""
        units = self.cleaned_data["amount"].scaleb(MINOR_UNIT_DIGITS[self.currency])
        if units != int(units):
            raise ValidationError(f"{self.currency} has fewer decimals.", code="decimals")
        return Money(int(units), self.currency)


def _payments(account: int) -> QuerySet[Payment]:
    return Payment.objects.filter(method__account=account).select_related("method")


REFUND_PART = Action(
    name="refund-part",
    title="Refund a part",
    permission="payments.refund_charge",
    rows=_payments,
    is_possible=lambda payment: payment.left.minor_units > 0,
    label=lambda payment: f"payment {payment.reference}, {payment.amount}",
    consequence=(
        "The customer gets this amount back by the same payment method, with a credit note, and "
        "keeps the plan."
    ),
    say=(
        "I am giving you this amount back. Your plan stays as it is. The bank may need some days "
        "to show the amount, and you get a credit note."
    ),
    run=lambda payment, actor, values: refunds.request_refund(
        payment,
        values["amount"],
        kind=RefundKind.GOODWILL,
        reason=values["because"],
        actor=actor,
    ),
    refusals=NOT_REFUNDED,
    form=PartForm,
)
ACTIONS = (REFUND_PART,)
