"""The deployment check that every active SM-DP+ can be called with this environment."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from esim.es2plus.addresses import address_of, tls_files_of
from esim.models import SmdpProvider


@register(deploy=True)
def providers_can_be_called(**_options: Any) -> list[CheckMessage]:
    """Return an error for each provider without an address or with unreadable certificates."""
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
    return found
