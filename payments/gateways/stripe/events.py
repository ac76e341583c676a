"""Events that Stripe posts: the signature, the account and the mode are checked first."""

import json
from collections.abc import Mapping
from typing import Any

import stripe
from django.conf import settings

from moportal.trust.shared_secrets import accepted_values
from payments.gateways.answers import LONGEST_TEXT
from payments.gateways.base import WebhookForged
from payments.gateways.values import Event
from payments.states import EventSubject

SIGNATURE = "Stripe-Signature"
# The most seconds since the signature. Stripe signs each delivery again, so an older one is a
# recording that somebody else has sent.
TOLERANCE = 300
INTENT = "payment_intent"
SUBJECTS = {
    "dispute": EventSubject.DISPUTE,
    "radar.early_fraud_warning": EventSubject.FRAUD_WARNING,
}


def parse_event(body: bytes, headers: Mapping[str, str]) -> Event:
    """Parse an event. Raises `WebhookForged` if it is not from Stripe, or not for this account."""
    _check_signature(body, headers.get(SIGNATURE, ""))
    try:
        event = json.loads(body)
        identifier, kind, found = event["id"], event["type"], event["data"]["object"]
        texts = (identifier, *_parse_payment(found), kind, found["id"])
        subject = SUBJECTS.get(found["object"], EventSubject.PAYMENT)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WebhookForged(f"not an event: {type(error).__name__}") from error
    if event.get("livemode") is not (settings.STRIPE_MODE == "live"):
        raise WebhookForged("the event belongs to another mode than STRIPE_MODE")
    # Only a platform gets events of other accounts, and the portal is no platform.
    if event.get("account"):
        raise WebhookForged("the event belongs to another account")
    # PostgreSQL stores no NUL character in a text.
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise WebhookForged("not an event: a field is not text")
    identifier, payment, reference, kind, subject_id = (text[:LONGEST_TEXT] for text in texts)
    is_payment = subject == EventSubject.PAYMENT
    return Event(identifier, payment, reference, kind, subject, "" if is_payment else subject_id)


def _check_signature(body: bytes, header: str) -> None:
    """Raise `WebhookForged` unless one of the accepted secrets has signed the body just now."""
    try:
        text = body.decode()
        header.encode("ascii")
    except UnicodeError as error:
        raise WebhookForged("not an event: not text") from error
    for secret in accepted_values("STRIPE_WEBHOOK_SECRET"):
        try:
            stripe.WebhookSignature.verify_header(text, header, secret.decode(), TOLERANCE)
        except stripe.SignatureVerificationError:
            continue
        return
    raise WebhookForged("the signature does not match")


def _parse_payment(found: Mapping[str, Any]) -> tuple[str, str]:
    """Return Stripe's id and the portal's reference of the payment that an object is about.

    For an object without a payment it returns the object's own id, so that staff can see it.
    """
    payment = found.get("payment_intent")
    if found["object"] == INTENT or not payment:
        payment = found["id"]
    reference = (found.get("metadata") or {}).get("reference", "")
    return payment, reference
