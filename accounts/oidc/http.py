"""Calls to the OpenID Connect provider. They trust what OIDC_CA names, and nothing else."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from moportal.http_client import (
    Reply,
    ServiceUnavailable,
    TlsFiles,
    asks_to_retry,
    exchange,
    was_never_read,
)


class ProviderUnavailable(ServiceUnavailable):
    """The OpenID Connect provider gave no usable answer."""


def call(
    method: str,
    url: str,
    *,
    within: float,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> Reply:
    """Make one call and return its answer. Raises `ProviderUnavailable`."""
    tls = TlsFiles(authorities=settings.OIDC_CA)
    try:
        reply = exchange(method, url, within=within, headers=headers, content=content, tls=tls)
    except httpx.HTTPError as error:
        raise ProviderUnavailable(type(error).__name__, was_sent=not was_never_read(error)) from (
            error
        )
    except ImproperlyConfigured as error:
        raise ProviderUnavailable(str(error), was_sent=False) from error
    if asks_to_retry(reply.status):
        raise ProviderUnavailable(f"HTTP {reply.status}")
    return reply


def json_of(reply: Reply) -> dict[str, Any]:
    """Return the answer's JSON object. Raises `ProviderUnavailable` if it holds none."""
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        # Deeply nested JSON raises RecursionError.
        raise ProviderUnavailable(type(error).__name__) from error
    if not isinstance(found, dict):
        raise ProviderUnavailable("no JSON object")
    return found
