"""Deployment checks: every active SM-DP+ can be called, and every variable belongs to one."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 -- Django's name
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from esim.es2plus.addresses import VARIABLES, address_of, tls_files_of, variables_of
from esim.models import SmdpProvider
from esim.models.providers import NO_HOST_NAME
from moportal.identifiers import HOST_NAME


@register(deploy=True)
def providers_can_be_called(**_options: Any) -> list[CheckMessage]:
    """Return an error for each provider without an address, certificates or a usable host."""
    try:
        providers = list(SmdpProvider.objects.filter(is_active=True).order_by("code"))
    except DatabaseError:
        # Without a database, or before the first migration, there are no providers.
        return []
    found: list[CheckMessage] = []
    for provider in providers:
        try:
            address_of(provider)
            tls_files_of(provider).context()
        except ImproperlyConfigured as error:
            found.append(Error(str(error), obj=provider, id="esim.E001"))
        if not re.fullmatch(HOST_NAME, provider.smdp_host) or "." not in provider.smdp_host:
            text = f"{provider.smdp_host!r} is no host that devices could find. {NO_HOST_NAME}"
            found.append(Error(text, obj=provider, id="esim.E002"))
    return found


@register(deploy=True)
def provider_variables_are_used(**_options: Any) -> list[CheckMessage]:
    """Return a warning for each SMDP_… variable that belongs to no provider."""
    try:
        providers = list(SmdpProvider.objects.all())
    except DatabaseError:
        return []
    used = set(VARIABLES).union(*(variables_of(provider) for provider in providers))
    return [
        Warning(f"{name} belongs to no provider, so it is not used.", id="esim.W001")
        for name in sorted(settings.SMDP_BY_PROVIDER.keys() - used)
    ]
