"""Test cards: Stripe's own names for them, and numbers typed on the stand-in's page."""

from typing import Any

from simulators.payment import cards
from simulators.payment.cards import APPROVE, CUSTOMER_STEP, NO_REFUND, SLOW_REFUND, Card
from simulators.stripe.books import Books, Object

# How Stripe's test cards behave, by the end of their names.
BEHAVIOURS = {
    "pm_card_visa": APPROVE,
    "pm_card_mastercard": APPROVE,
    "pm_card_chargeDeclined": "card_declined",
    "pm_card_visa_chargeDeclined": "card_declined",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedStolenCard": "stolen_card",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
    "pm_card_chargeDeclinedIncorrectCvc": "incorrect_csc",
    "pm_card_chargeDeclinedProcessingError": "processing_error",
    "pm_card_authenticationRequired": CUSTOMER_STEP,
    "pm_card_pendingRefund": SLOW_REFUND,
    "pm_card_refundFail": NO_REFUND,
}
# The code and the decline code of each refusal, and the advice if there is any.
REFUSALS = {
    "card_declined": ("card_declined", "generic_decline", None),
    "insufficient_funds": ("card_declined", "insufficient_funds", "try_again_later"),
    "stolen_card": ("card_declined", "stolen_card", "do_not_try_again"),
    "expired_card": ("expired_card", "expired_card", "confirm_card_data"),
    "incorrect_csc": ("incorrect_cvc", "incorrect_cvc", "confirm_card_data"),
    "processing_error": ("processing_error", "processing_error", None),
}
TEST_CARD = Card("visa", "4242", 12, 2049, APPROVE)


def find_method(books: Books, identifier: str) -> Object | None:
    """Return a stored card. Each use of one of Stripe's test cards makes a new card."""
    if identifier in BEHAVIOURS:
        card = Card("visa", "4242", 12, TEST_CARD.exp_year, BEHAVIOURS[identifier])
        return add_method(books, card)
    return books.get(identifier)


def add_method(books: Books, card: Card, *, wallet: str = "") -> Object:
    """Store a card without a customer."""
    fields = {
        "type": "card",
        "customer": None,
        "card": card_details(card, wallet),
        "_behaviour": card.behaviour,
        "_detached": False,
    }
    return books.add("payment_method", "pm", fields)


def card_details(card: Card, wallet: str = "") -> Object:
    return {
        "brand": card.brand,
        "last4": card.last4,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "country": "US",
        "funding": "credit",
        "wallet": {"type": wallet, "dynamic_last4": None} if wallet else None,
    }


def parse_typed(typed: dict[str, str]) -> Card:
    """Return the card that was typed on the page; raises `cards.InvalidCard`."""
    month, _slash, year = typed.get("expiry", "").replace(" ", "").partition("/")
    body: dict[str, Any] = {
        "number": typed.get("number"),
        "csc": typed.get("csc"),
        "exp_month": int(month[:2]) if month.isdecimal() else None,
        "exp_year": 2000 + int(year[-2:]) if year.isdecimal() else None,
    }
    return cards.parse_card(body)


def refusal(behaviour: str) -> Object | None:
    """Return the error of a card that the bank refuses, or None."""
    if behaviour not in REFUSALS:
        return None
    code, decline_code, advice = REFUSALS[behaviour]
    error: Object = {
        "type": "card_error",
        "code": code,
        "decline_code": decline_code,
        "message": "Your card was declined.",
    }
    return {**error, "advice_code": advice} if advice else error
