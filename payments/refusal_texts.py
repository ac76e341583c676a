"""What the customer reads about a refused payment: the gateway's reason, as a sentence."""

from django.utils.translation import gettext as _

from payments.domain import codes
from payments.models import Payment
from payments.states import MethodKind, RefusalKind


def why_refused(payment: Payment) -> str:
    """Return why the payment was refused, in the words for its kind of method."""
    texts = {MethodKind.VOUCHER: _voucher_refused, MethodKind.BILL: _bill_refused}
    return texts.get(MethodKind(payment.method.kind), _card_refused)(payment)


def _voucher_refused(payment: Payment) -> str:
    """Return why the voucher was refused. Without a known reason, the text says only that."""
    texts = {
        "unknown_code": _(
            "We don't know this voucher code. Check it and enter it again. "
            "You haven't been charged."
        ),
        "blocked": _("This voucher can't be used. You haven't been charged."),
        "expired": _("This voucher has expired. You haven't been charged."),
        "used_up": _("Nothing is left on this voucher. You haven't been charged."),
        "too_small": _(
            "This voucher is worth less than the price. Choose another way to pay. "
            "Nothing was taken from the voucher."
        ),
        "other_currency": _(
            "This voucher is in another currency. Choose another way to pay. "
            "Nothing was taken from the voucher."
        ),
        "in_use": _("This voucher is in use for another order. You haven't been charged."),
    }
    no_reason = _("We couldn't take the price from this voucher. You haven't been charged.")
    return texts.get(payment.decline_reason, no_reason)


def _bill_refused(payment: Payment) -> str:
    """Return why the amount did not go on the bill. Without a known reason, it says only that."""
    if payment.code_asked_at and not codes.tries_left(payment):
        return _(
            "Too many wrong codes were entered. Submit your order again to get a new code. "
            "You haven't been charged."
        )
    if payment.code_asked_at:
        return _(
            "The amount wasn't confirmed with the code. Submit your order again to get a new code. "
            "You haven't been charged."
        )
    over_limit = _(
        "This is over the limit that is set for your bill. Choose another way to pay. "
        "You haven't been charged."
    )
    texts = {
        "unauthorized_amount": _(
            "The price is above the limit for a single purchase on your bill. "
            "Choose another way to pay. "
            "You haven't been charged."
        ),
        "user_amount_threshold_overpassed": over_limit,
        "amount_threshold_overpassed": over_limit,
        "number_not_proven": _(
            "We can no longer be sure that this number is yours. Choose another way to pay. "
            "You haven't been charged."
        ),
    }
    by_kind = {
        RefusalKind.FINAL: _(
            "Nothing can be charged to this number's bill. Choose another way to pay. "
            "You haven't been charged."
        ),
    }
    no_reason = _(
        "The amount couldn't go on your bill. Choose another way to pay, or try again later. "
        "You haven't been charged."
    )
    return texts.get(payment.decline_reason) or by_kind.get(_kind(payment), no_reason)


def _card_refused(payment: Payment) -> str:
    """Return why the bank refused. Without a known reason, the text says only that it did.

    The customer does not read that a card was reported stolen, or that the bank suspects fraud.
    """
    not_sure = _("Your bank couldn't verify that it was you. You haven't been charged.")
    texts = {
        "insufficient_funds": _("There isn't enough money on this card. You haven't been charged."),
        "session_expired": _("The payment page was closed. You haven't been charged."),
        "expired_card": _("This card has expired. You haven't been charged."),
        "incorrect_csc": _("The card's security code is wrong. You haven't been charged."),
        "processing_error": _("Your bank couldn't process the payment. You haven't been charged."),
        "authentication_failed": not_sure,
        "authentication_required": _(
            "Your bank wants you to confirm this payment. Pay with this card yourself. "
            "You haven't been charged."
        ),
        "try_again_later": _(
            "Your bank can't approve this payment at the moment. Try again later. "
            "You haven't been charged."
        ),
        "card_velocity_exceeded": _(
            "This is over your card's limit. Choose another way to pay. You haven't been charged."
        ),
        "currency_not_supported": _(
            "This card can't pay in this currency. Choose another way to pay. "
            "You haven't been charged."
        ),
    }
    by_kind = {
        RefusalKind.FINAL: _(
            "Your bank no longer accepts this card. Choose another way to pay. "
            "You haven't been charged."
        ),
        RefusalKind.CUSTOMER: not_sure,
    }
    no_reason = _("Your bank declined this card. You haven't been charged.")
    return texts.get(payment.decline_reason) or by_kind.get(_kind(payment), no_reason)


def _kind(payment: Payment) -> RefusalKind:
    return RefusalKind(payment.refusal_kind or RefusalKind.LATER)
