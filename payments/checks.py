"""System checks of the payment gateways' names: in the settings, and in what is stored."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import DatabaseError

from payments.gateways import gateways
from payments.models import PaymentMethod


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
