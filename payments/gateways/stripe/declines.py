"""What Stripe's decline codes mean for a card.

An unknown code counts as *perhaps later*, so that it does not stop a card.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from payments.gateways.answers import LONGEST_TEXT
from payments.gateways.values import Declined
from payments.states import RefusalKind

# The bank will never accept this card again.
FINAL = frozenset(
    {
        "card_not_supported",
        "expired_card",
        "fraudulent",
        "invalid_account",
        "invalid_number",
        "lost_card",
        "new_account_information_available",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
        "testmode_decline",
    }
)
# The customer must act first: type something again, confirm at the bank, or choose another card.
CUSTOMER = frozenset(
    {
        "authentication_required",
        "card_velocity_exceeded",
        "currency_not_supported",
        "incorrect_address",
        "incorrect_cvc",
        "incorrect_number",
        "incorrect_pin",
        "incorrect_zip",
        "invalid_amount",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "mobile_device_authentication_required",
        "offline_pin_required",
        "online_or_offline_pin_required",
        "payment_intent_authentication_failure",
        "pin_try_exceeded",
    }
)
# Codes for which the portal has a text under another name.
REASONS = {"incorrect_cvc": "incorrect_csc", "invalid_cvc": "incorrect_csc"}
# Stripe's advice about this refusal. Advice "for good" always decides. Any other advice decides
# only if the code means "perhaps later".
ADVICE = {
    "do_not_try_again": RefusalKind.FINAL,
    "try_again_later": RefusalKind.LATER,
    "confirm_card_data": RefusalKind.CUSTOMER,
}
# The advice of Mastercard: 03 is "do not try again", 21 is "payment cancelled", and 01 asks for new
# account data.
NETWORK_ADVICE = {"03": RefusalKind.FINAL, "21": RefusalKind.FINAL, "01": RefusalKind.CUSTOMER}
# Its advice to wait before another try.
WAITS = {
    "24": timedelta(hours=1),
    "25": timedelta(days=1),
    "26": timedelta(days=2),
    "27": timedelta(days=4),
    "28": timedelta(days=6),
    "29": timedelta(days=8),
    "30": timedelta(days=10),
}


def parse_decline(gateway_id: str, error: Mapping[str, Any]) -> Declined:
    """Parse a payment's last error."""
    # The decline code says more than the code, which is only card_declined for most refusals.
    reason = error.get("decline_code") or error.get("code") or "unknown"
    kind = _kind_of(str(reason), error)
    reason = REASONS.get(str(reason), reason)
    wait = WAITS.get(str(error.get("network_advice_code")))
    return Declined(gateway_id, str(reason)[:LONGEST_TEXT], kind, wait)


def _kind_of(reason: str, error: Mapping[str, Any]) -> RefusalKind:
    """Return what a refusal means for the card. If the code or any advice is FINAL, it is FINAL."""
    by_code = RefusalKind.FINAL if reason in FINAL else RefusalKind.LATER
    if reason in CUSTOMER:
        by_code = RefusalKind.CUSTOMER
    advised = ADVICE.get(str(error.get("advice_code")))
    by_network = NETWORK_ADVICE.get(str(error.get("network_advice_code")))
    given = [kind for kind in (advised, by_network) if kind is not None]
    if RefusalKind.FINAL in (*given, by_code):
        return RefusalKind.FINAL
    return given[0] if given and by_code == RefusalKind.LATER else by_code
