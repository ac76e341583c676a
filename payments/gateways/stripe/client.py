"""Stripe's official library over the portal's own HTTP client, and what its errors mean.

The library repeats no request, so each request is one row in *Gateway calls*. It sends no telemetry
and nothing about this machine.
"""

import json
import logging
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import httpx
import stripe
from django.conf import settings

from moportal.http_client import (
    CALLER_REFUSED,
    WRONG_ADDRESS,
    check_address,
    exchange,
    refuses_certificate,
    was_never_read,
)
from payments.gateways.base import GatewayRefused, GatewayUnavailable

# The version of Stripe's API whose answers the portal parses. An account may have another default.
API_VERSION = "2026-10-28.endive"
# Headers in which the library describes this machine and its earlier requests.
UNSENT = frozenset({"x-stripe-client-user-agent", "x-stripe-client-telemetry"})
# Stripe refuses a request by one of these statuses together with one of these types.
REQUEST_REFUSED = frozenset({httpx.codes.BAD_REQUEST, httpx.codes.PAYMENT_REQUIRED})
REFUSALS = frozenset({"invalid_request_error", "idempotency_error", "card_error"})
NOT_THERE = "resource_missing"

stripe.enable_telemetry = False
# The library logs each request. The portal has a row for each.
logging.getLogger("stripe").setLevel(logging.WARNING)

Answer = dict[str, Any]


class PortalHttpClient(stripe.HTTPClient):
    """Sends the library's requests with the portal's own certificates, time limits and pools."""

    name = "moportal"

    def request(  # type: ignore[override]  # the library's own subclasses leave out `_usage` too
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[str, int, Mapping[str, str]]:
        """Make one request, and return the answer.

        Raises `stripe.APIConnectionError` if there is no answer. Raises `stripe.APIError` if the
        answer is not from Stripe, because the library itself would fail on some of these.
        """
        sent = {name: text for name, text in (headers or {}).items() if name.lower() not in UNSENT}
        content = post_data.encode() if isinstance(post_data, str) else post_data
        limit = settings.OUTSIDE_CALL_TIMEOUT
        try:
            reply = exchange(method.upper(), url, within=limit, headers=sent, content=content)
        except httpx.HTTPError as error:
            problem = stripe.APIConnectionError(type(error).__name__)  # type: ignore[no-untyped-call]  # the library leaves out its types
            raise problem from error
        text = reply.body.decode(errors="replace")
        if not _is_from_stripe(text):
            raise stripe.APIError("no answer of Stripe", http_status=reply.status)
        return text, reply.status, reply.headers


def _is_from_stripe(text: str) -> bool:
    """Return whether this is a JSON object. If it has an error, that must be an object too."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and isinstance(answer.get("error", {}), dict)


def client() -> stripe.StripeClient:
    """Return Stripe's client. Raises `GatewayUnavailable` without an API key."""
    if not settings.STRIPE_API_KEY:
        raise GatewayUnavailable("STRIPE_API_KEY is not set", was_sent=False, is_setting=True)
    return _make_client(
        settings.STRIPE_API_KEY, check_address(settings.STRIPE_URL, name="STRIPE_URL")
    )


@cache
def _make_client(api_key: str, address: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": address},
        http_client=PortalHttpClient(),
        max_network_retries=0,
        stripe_version=API_VERSION,
    )


def send(operation: str, request: Callable[[], stripe.StripeObject]) -> Answer:
    """Make a request that changes something, and return the object in the answer.

    Raises `GatewayRefused` if Stripe refuses the request, and `GatewayUnavailable`.
    """
    try:
        return request().to_dict()
    except stripe.StripeError as error:
        raise _as_outcome(operation, error) from error


def ask(operation: str, request: Callable[[], stripe.StripeObject]) -> Answer:
    """Make a request that changes nothing. A refusal to answer is `GatewayUnavailable`."""
    try:
        return send(operation, request)
    except GatewayRefused as error:
        raise GatewayUnavailable(str(error), was_sent=True) from error


def error_body(error: BaseException | None) -> Answer:
    """Return the object `error` in the answer that caused this error, or an empty one."""
    body = error.json_body if isinstance(error, stripe.StripeError) else None
    found = body.get("error") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def _as_outcome(operation: str, error: stripe.StripeError) -> GatewayRefused | GatewayUnavailable:
    cause = error.__cause__
    if isinstance(cause, httpx.HTTPError):
        return GatewayUnavailable(
            f"{operation}: {type(cause).__name__}",
            was_sent=not was_never_read(cause),
            is_setting=refuses_certificate(cause),
        )
    status, body = error.http_status or 0, error_body(error)
    code = body.get("code") or body.get("type") or "no error of Stripe"
    detail = f"{operation}: HTTP {status}, {str(code)[:40]}"
    if isinstance(error, stripe.RateLimitError):
        return GatewayUnavailable(detail, was_sent=True)
    is_refused = status in REQUEST_REFUSED or body.get("code") == NOT_THERE
    if is_refused and body.get("type") in REFUSALS:
        return GatewayRefused(detail)
    is_setting = status in CALLER_REFUSED or status in WRONG_ADDRESS
    return GatewayUnavailable(detail, was_sent=True, is_setting=is_setting)
