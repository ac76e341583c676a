"""What of a customer's payments ends with the account, and what its deletion waits for."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.domain.endings import Ending, Obstacle, When
from accounts.models import User
from payments.domain import cards, mandates
from payments.domain.methods import stored_methods
from payments.models import Dispute, DisputeAnswer, Payment, PaymentMethod, Refund
from payments.states import AnswerState, MandateEnd, RefundState


def _mandate_texts(account: User) -> list[str]:
    live = mandates.live_mandates(account).select_related("method").order_by("method")
    labels = dict.fromkeys(mandate.method.label for mandate in live)
    return [_("We stop charging %(method)s.") % {"method": label} for label in labels]


def _end_mandates(account: User) -> None:
    for mandate in mandates.live_mandates(account):
        mandates.end(mandate, reason=MandateEnd.WITHDRAWN)


def _method_texts(account: User) -> list[str]:
    labels = [method.label for method in stored_methods(account)]
    return [_("%(method)s is removed.") % {"method": label} for label in labels]


def _remove_methods(account: User) -> None:
    for method in PaymentMethod.objects.filter(account=account, removed_at=None):
        cards.remove(method)


def _is_method_at_gateway(account: User) -> bool:
    """Return whether the gateway has yet to forget a removed method. Its token is needed there."""
    removed = PaymentMethod.objects.filter(account=account).exclude(removed_at=None)
    return removed.filter(forgotten_at=None).exists()


def _has_charge(account: User) -> bool:
    open_ones = Payment.objects.filter(state__in=cards.STATES_NEEDING_CARD)
    return open_ones.filter(method__account=account).exists()


def _has_dispute(account: User) -> bool:
    disputes = Dispute.objects.filter(payment__method__account=account)
    asked = DisputeAnswer.objects.filter(dispute__in=disputes, state=AnswerState.ASKED)
    return disputes.filter(ended_at=None).exists() or asked.exists()


def _has_refund(account: User) -> bool:
    asked = Refund.objects.filter(state=RefundState.ASKED)
    return asked.filter(payment__method__account=account).exists()


PARTS = (
    Ending("mandates", When.ASKED, _mandate_texts, _end_mandates),
    Ending("methods", When.DUE, _method_texts, _remove_methods),
    Obstacle("charge", gettext_lazy("A charge that isn't finished"), _has_charge),
    Obstacle("dispute", gettext_lazy("A dispute with your bank"), _has_dispute),
    Obstacle("refund", gettext_lazy("A refund on its way to you"), _has_refund),
    Obstacle(
        "method",
        gettext_lazy("The removal of a payment method at our payment provider"),
        _is_method_at_gateway,
    ),
)
