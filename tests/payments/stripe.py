"""Cards of the stand-in for Stripe."""

from typing import Any

import httpx
from django.utils.timezone import now

from payments.gateways.stripe.answers import make_token

SECRET = "whsec_of_the_tests"


def keep_card(address: str, name: str = "pm_card_visa") -> str:
    """Let Stripe keep one of its test cards for a new customer, and return the card's token."""
    customer = _post(f"{address}/v1/customers")["id"]
    method = _post(f"{address}/v1/payment_methods/{name}/attach", customer=customer)["id"]
    return make_token(method, customer)


def pay_on_page(url: str, number: str = "4242424242424242") -> httpx.Response:
    """Pay on the stand-in's page, and return its answer."""
    expiry = f"12/{(now().year + 4) % 100}"
    form = {"decision": "pay", "number": number, "csc": "123", "expiry": expiry}
    return httpx.post(url, data=form, trust_env=False)


def keep_on_page(url: str, number: str = "4242424242424242") -> httpx.Response:
    """Type a card on the stand-in's page that keeps it, and return the page's answer."""
    expiry = f"12/{(now().year + 4) % 100}"
    form = {"decision": "keep", "number": number, "csc": "123", "expiry": expiry}
    return httpx.post(url, data=form, trust_env=False)


def _post(url: str, **form: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(url, data=form, trust_env=False).raise_for_status().json()
    return answer
