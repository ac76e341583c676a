"""System checks of the payment gateways: their names, their settings, and the prices they take."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 -- their name
from django.db import DatabaseError

from payments.domain.fees import unreadable_fees
from payments.gateways import gateways, offered_in
from payments.gateways.base import Ability
from payments.models import PaymentMethod
from plans.models import PlanPrice

STRIPE = "payments.gateways.stripe.StripeGateway"
# How the keys of each mode begin: a secret key, or one with restricted rights.
STRIPE_KEYS = {"live": ("sk_live_", "rk_live_"), "test": ("sk_test_", "rk_test_")}


@register
def names(**_options: Any) -> list[CheckMessage]:
    """Return an error for each name that no gateway has, or that two gateways have."""
    try:
        known = gateways()
    except ImportError:
        # moportal.E002 names the class.
        return []
    problems = []
    if len(known) < len(settings.PAYMENT_GATEWAY):
        problems.append("PAYMENT_GATEWAY lists two gateways with the same name.")
    lists = {"PAYMENT_OFFERED": settings.PAYMENT_OFFERED}
    for market, listed in settings.PAYMENT_OFFERED_BY_MARKET.items():
        lists[f"PAYMENT_OFFERED_{market}"] = listed
    problems += [
        f"{variable}: PAYMENT_GATEWAY lists no gateway with the name {name!r}."
        for variable, listed in lists.items()
        for name in listed
        if name not in known
    ]
    return [Error(problem, id="payments.E001") for problem in problems]


@register(deploy=True)
def stored_methods(**_options: Any) -> list[CheckMessage]:
    """Return an error for each gateway that stored methods need and that is not listed."""
    try:
        needed = PaymentMethod.objects.filter(forgotten_at=None).values_list("gateway", flat=True)
        missing = sorted(set(needed.distinct()) - set(gateways()))
    except (DatabaseError, ImportError):
        # Without a database, or before the first migration, nothing is stored.
        return []
    text = "PAYMENT_GATEWAY does not list {!r}, which stored payment methods belong to."
    hint = "List it until all its methods are removed. To stop new payments, use PAYMENT_OFFERED."
    return [Error(text.format(name), hint=hint, id="payments.E002") for name in missing]


@register
def voucher_format(**_options: Any) -> list[CheckMessage]:
    """Return an error if VOUCHER_FORMAT is no regular expression."""
    try:
        re.compile(settings.VOUCHER_FORMAT)
    except re.error as error:
        return [Error(f"VOUCHER_FORMAT is no regular expression: {error}.", id="payments.E003")]
    return []


@register
def agreed_fees(**_options: Any) -> list[CheckMessage]:
    """Return an error for each fee of PAYMENT_FEES that cannot be read."""
    return [
        Error(f"PAYMENT_FEES: {text!r} is not like simulator:USD=290+30.", id="payments.E004")
        for text in unreadable_fees()
    ]


@register(deploy=True)
def carrier_billing(**_options: Any) -> list[CheckMessage]:
    """Return a warning for each missing or unused setting of the operator's bill."""
    is_listed = _is_any_listed(Ability.BILL)
    if is_listed is None:
        return []
    wanted = {
        "CARRIER_BILLING_URL": settings.CARRIER_BILLING_URL,
        "CARRIER_BILLING_REFUND_URL": settings.CARRIER_BILLING_REFUND_URL,
    }
    if not is_listed:
        texts = [f"{name} is set and PAYMENT_GATEWAY lists no bill." for name in wanted]
        found = [text for text, value in zip(texts, wanted.values(), strict=True) if value]
    else:
        texts = [f"PAYMENT_GATEWAY lists the bill and {name} is not set." for name in wanted]
        found = [text for text, value in zip(texts, wanted.values(), strict=True) if not value]
    if settings.CARRIER_BILLING_TOKEN and settings.CARRIER_BILLING_TOKEN_FILE:
        found.append(
            "CARRIER_BILLING_TOKEN is not used, because CARRIER_BILLING_TOKEN_FILE is set."
        )
    return [Warning(text, id="payments.W002") for text in found]


def _is_any_listed(ability: Ability) -> bool | None:
    """Return whether a listed gateway has the ability, or None if a class cannot be imported."""
    try:
        return any(ability in one.abilities for one in gateways().values())
    except ImportError:
        # moportal.E002 names the class.
        return None


@register(deploy=True)
def voucher_server(**_options: Any) -> list[CheckMessage]:
    """Return a warning for a voucher server without its address, and for an unused address."""
    is_listed = _is_any_listed(Ability.VOUCHERS)
    if is_listed is None:
        return []
    if is_listed == bool(settings.VOUCHER_SERVER_URL):
        return []
    text = (
        "PAYMENT_GATEWAY lists the voucher server and VOUCHER_SERVER_URL is not set."
        if is_listed
        else "VOUCHER_SERVER_URL is set and PAYMENT_GATEWAY lists no voucher server."
    )
    return [Warning(text, id="payments.W001")]


@register(deploy=True)
def stripe(**_options: Any) -> list[CheckMessage]:
    """Return a warning for each of Stripe's settings that is missing, or of another mode."""
    if STRIPE not in settings.PAYMENT_GATEWAY:
        return []
    problems = []
    starts = STRIPE_KEYS[settings.STRIPE_MODE]
    if settings.STRIPE_API_KEY and not settings.STRIPE_API_KEY.startswith(starts):
        problems.append(f"STRIPE_API_KEY is no key of the mode {settings.STRIPE_MODE}.")
    # Where the faces are apart, only the worker has the key.
    if not settings.STRIPE_API_KEY and settings.FACE == "all":
        problems.append("STRIPE_API_KEY is not set: nobody can pay by Stripe.")
    if not settings.STRIPE_WEBHOOK_SECRET and settings.FACE in {"portal", "all"}:
        problems.append("STRIPE_WEBHOOK_SECRET is not set: all webhooks from Stripe are refused.")
    return [Warning(problem, id="payments.W003") for problem in problems]


@register(deploy=True)
def amounts(**_options: Any) -> list[CheckMessage]:
    """Return an error for each price that a gateway of its market can never charge."""
    try:
        prices = list(PlanPrice.objects.select_related("plan"))
        problems = [
            (price, name, gateways()[name].amount_problem(price.taxed.gross))
            for price in prices
            for name in offered_in(price.market)
        ]
    except (DatabaseError, ImportError):
        # Without a database, or before the first migration, nothing is sold.
        return []
    text = "{}: the gateway {!r} cannot charge it: {}."
    return [
        Error(text.format(price, name, problem), id="payments.E005")
        for price, name, problem in problems
        if problem
    ]
