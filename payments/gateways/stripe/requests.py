"""The parameters of the requests to Stripe. The same payment always has the same parameters.

Stripe refuses a key that is repeated with other parameters. So nothing here depends on the time.
"""

from stripe.params import PaymentIntentCreateParams, RefundCreateParams
from stripe.params.checkout import SessionCreateParams, SessionCreateParamsPaymentIntentData

from moportal.money import Money
from payments.gateways.stripe.amounts import to_stripe
from payments.gateways.stripe.answers import part_token

# Only the charge says until when it can be captured, so each answer must contain it.
EXPANDED = ["latest_charge"]
EXPANDED_IN_SESSION = ["payment_intent.latest_charge"]
EXPANDED_IN_SETUP = ["setup_intent.payment_method"]


def intent_parameters(
    token: str,
    amount: Money,
    *,
    reference: str,
    return_url: str,
    key: str,
    is_off_session: bool,
) -> PaymentIntentCreateParams:
    """Return the parameters of a payment with a stored card.

    Off session nobody can confirm at the bank. A bank that wants a confirmation then refuses.
    """
    method, customer = part_token(token)
    parameters: PaymentIntentCreateParams = {
        "amount": to_stripe(amount),
        "currency": amount.currency.lower(),
        "payment_method": method,
        "allowed_payment_method_types": ["card"],
        "capture_method": "manual",
        "confirm": True,
        "return_url": return_url,
        "metadata": {"reference": reference, "key": key},
        "expand": EXPANDED,
    }
    if customer:
        parameters["customer"] = customer
    if is_off_session:
        parameters["off_session"] = True
    return parameters


def session_parameters(
    amount: Money, *, reference: str, return_url: str, key: str, keep: bool
) -> SessionCreateParams:
    """Return the parameters of a page that takes a card or a wallet and confirms the amount."""
    metadata = {"reference": reference, "key": key}
    intent: SessionCreateParamsPaymentIntentData = {
        "capture_method": "manual",
        "metadata": metadata,
    }
    if keep:
        intent["setup_future_usage"] = "off_session"
    currency, units = amount.currency.lower(), to_stripe(amount)
    return {
        "mode": "payment",
        "client_reference_id": reference,
        "metadata": metadata,
        # Wallets such as Apple Pay are cards for Stripe.
        "allowed_payment_method_types": ["card"],
        "payment_intent_data": intent,
        "customer_creation": "always" if keep else "if_required",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency,
                    "unit_amount": units,
                    "product_data": {"name": reference},
                },
            }
        ],
        # The customer pays in the currency that the review page showed.
        "adaptive_pricing": {"enabled": False},
        "success_url": return_url,
        "cancel_url": return_url,
        "expand": EXPANDED_IN_SESSION,
    }


def setup_parameters(*, return_url: str, key: str) -> SessionCreateParams:
    """Return the parameters of a page that keeps a card without a payment."""
    metadata = {"key": key}
    return {
        "mode": "setup",
        "metadata": metadata,
        "allowed_payment_method_types": ["card"],
        # Stripe lets only a card of a customer be charged again.
        "customer_creation": "always",
        "setup_intent_data": {"metadata": metadata},
        "success_url": return_url,
        "cancel_url": return_url,
    }


def refund_parameters(gateway_id: str, amount: Money, *, key: str) -> RefundCreateParams:
    """Return the parameters of a refund of this amount."""
    return {
        "payment_intent": gateway_id,
        "amount": to_stripe(amount),
        "metadata": {"key": key},
    }
