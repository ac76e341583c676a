"""Cards. Only the brand, the last four digits, the expiry and the behaviour are kept."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

APPROVE, CUSTOMER_STEP, CHARGE = "approve", "customer_step", "charge"
SLOW_REFUND, NO_REFUND = "slow_refund", "no_refund"
DISPUTED, DISPUTED_AS_FRAUD = "disputed", "disputed_as_fraud"
INQUIRED, WARNED_OF = "inquired", "warned_of"
# Approved while the customer is there. While they are away, the bank refuses.
STEP_WHEN_AWAY, POOR_WHEN_AWAY = "step_when_away", "poor_when_away"
STOLEN_WHEN_AWAY, LATER_WHEN_AWAY = "stolen_when_away", "later_when_away"
# Providers' test systems decline these numbers, or ask the customer to confirm at the
# bank. Every other valid number is approved.
BEHAVIOUR = {
    "4000000000000002": "card_declined",
    "4000000000009995": "insufficient_funds",
    "4000000000000069": "expired_card",
    "4000000000000119": "processing_error",
    "4000000000000127": "incorrect_csc",
    "4000000000009979": "stolen_card",
    "4000002760003184": CUSTOMER_STEP,
    # Charged with the authorisation, as by a provider whose manual capture is switched off.
    "4000000000000077": CHARGE,
    # Approved. The bank takes its time for a refund, or the account is closed by then.
    "4000000000007726": SLOW_REFUND,
    "4000000000005126": NO_REFUND,
    # Approved. As soon as it is charged, the customer's bank disputes it or asks about it.
    "4000000000002685": DISPUTED,
    "4000000000000259": DISPUTED_AS_FRAUD,
    "4000000000001976": INQUIRED,
    "4000000000005423": WARNED_OF,
    "4000002500003155": STEP_WHEN_AWAY,
    "4000000000000341": POOR_WHEN_AWAY,
    "4000000000007312": STOLEN_WHEN_AWAY,
    "4000000000007320": LATER_WHEN_AWAY,
}
# Why the bank refuses such a card off session.
REASON_WHEN_AWAY = {
    CUSTOMER_STEP: "authentication_required",
    STEP_WHEN_AWAY: "authentication_required",
    POOR_WHEN_AWAY: "insufficient_funds",
    STOLEN_WHEN_AWAY: "stolen_card",
    LATER_WHEN_AWAY: "try_again_later",
}
# What a refusal means for the card: never again, or not before the customer acts. After any
# other refusal a later try may succeed.
FINAL_REASONS = frozenset({"expired_card", "stolen_card"})
REASONS_FOR_THE_CUSTOMER = frozenset(
    {"incorrect_csc", "authentication_failed", "authentication_required"}
)
# After these the provider advises how many seconds to wait.
RETRY_AFTER = {"try_again_later": 3 * 24 * 3600}
# The card page refuses these at once: a bank reports them without a payment.
REFUSED_AT_SIGHT = frozenset(BEHAVIOUR.values()) - {
    "insufficient_funds",
    "stolen_card",
    CUSTOMER_STEP,
    CHARGE,
    SLOW_REFUND,
    NO_REFUND,
    DISPUTED,
    DISPUTED_AS_FRAUD,
    INQUIRED,
    WARNED_OF,
    *REASON_WHEN_AWAY,
}
BRANDS = (
    ("visa", re.compile(r"4")),
    ("mastercard", re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720")),
    ("amex", re.compile(r"3[47]")),
    ("discover", re.compile(r"6011|65")),
    ("jcb", re.compile(r"35(2[89]|[3-8])")),
)
NUMBER = re.compile(r"[0-9]{12,19}")
YEARS_AHEAD = 50
MONTHS = 12


class InvalidCard(Exception):
    """The message is the error code of the answer. It never quotes the card."""


@dataclass(frozen=True)
class Card:
    """The details of a card that may be stored."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    behaviour: str


def parse_card(body: dict[str, Any]) -> Card:
    """Return the card without its number and security code; raises `InvalidCard`."""
    number = digits(body.get("number"))
    if not NUMBER.fullmatch(number) or not _has_right_check_digit(number):
        raise InvalidCard("invalid_number")
    month, year = (
        _parse_whole_number(body.get("exp_month")),
        _parse_whole_number(body.get("exp_year")),
    )
    if not 1 <= month <= MONTHS or is_past(month, year):
        raise InvalidCard("invalid_expiry")
    if year > datetime.now(UTC).year + YEARS_AHEAD:
        raise InvalidCard("invalid_expiry")
    brand = next((name for name, start in BRANDS if start.match(number)), "card")
    csc = body.get("csc")
    if not isinstance(csc, str) or not re.fullmatch(
        r"[0-9]{4}" if brand == "amex" else r"[0-9]{3}", csc
    ):
        raise InvalidCard("invalid_csc")
    return Card(brand, number[-4:], month, year, BEHAVIOUR.get(number, APPROVE))


def digits(number: object) -> str:
    """Return the number without spaces and hyphens."""
    return re.sub(r"[ -]", "", number) if isinstance(number, str) else ""


def is_past(month: int, year: int) -> bool:
    """Return whether a card has expired. It is valid until the end of its month."""
    today = datetime.now(UTC)
    return (year, month) < (today.year, today.month)


def _parse_whole_number(value: object) -> int:
    """Return a whole number, or -1, which is neither a month nor a year."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _has_right_check_digit(number: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
