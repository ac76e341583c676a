"""A worker fetches what the provider publishes, so that no request has to wait for it."""

from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from accounts.models import OidcProvider
from accounts.oidc.http import ProviderUnavailable, call, json_of
from accounts.oidc.provider import ALGORITHMS
from moportal.http_client import check_address
from outbox.domain import Lease, RetryAfter
from outbox.retries import count_failure

log = structlog.get_logger(__name__)
# Where the metadata is. Source: OpenID Connect Discovery 1.0, 4.
PATH = "/.well-known/openid-configuration"


def fetch(subject: str, lease: Lease) -> RetryAfter | None:
    """Fetch metadata and keys; the outbox's handler for the provider.

    After a failure the old ones stay in use, until they are too old.
    """
    row = OidcProvider.objects.get(pk=subject)
    if row.issuer != settings.OIDC_ISSUER:
        return None
    try:
        document = _get(f"{row.issuer.rstrip('/')}{PATH}", lease)
        metadata = parse_metadata(document, row.issuer)
        keys = _public_keys(_get(_address(document, "jwks_uri"), lease))
    except ProviderUnavailable as error:
        return RetryAfter(count_failure(row, error))
    OidcProvider.objects.filter(pk=row.pk).update(
        metadata=metadata, keys=keys, fetched_at=now(), tries=0, last_error=""
    )
    log.info("provider fetched", issuer=row.issuer, keys=len(keys["keys"]))
    return None


def parse_metadata(document: dict[str, Any], issuer: str) -> dict[str, Any]:
    """Return the part of the metadata that the portal uses. Raises `ProviderUnavailable`."""
    if document.get("issuer") != issuer:
        raise ProviderUnavailable(f"metadata of another issuer: {document.get('issuer')!r:.100}")
    offered = _texts(document, "id_token_signing_alg_values_supported") or ["RS256"]
    algorithms = [name for name in ALGORITHMS if name in offered]
    if not algorithms:
        raise ProviderUnavailable("no signature that the portal accepts")
    has_end = "end_session_endpoint" in document
    return {
        "authorization_endpoint": _address(document, "authorization_endpoint"),
        "token_endpoint": _address(document, "token_endpoint"),
        "end_session_endpoint": _address(document, "end_session_endpoint") if has_end else "",
        "names_issuer": document.get("authorization_response_iss_parameter_supported") is True,
        "auth_method": _auth_method(document),
        "algorithms": algorithms,
    }


def _get(url: str, lease: Lease) -> dict[str, Any]:
    lease.cover_call()
    reply = call("GET", url, within=settings.OUTSIDE_CALL_TIMEOUT)
    if reply.status != 200:  # noqa: PLR2004 -- OK
        raise ProviderUnavailable(f"HTTP {reply.status}")
    return json_of(reply)


def _address(document: dict[str, Any], name: str) -> str:
    """Return an endpoint, which must be encrypted."""
    try:
        return check_address(str(document.get(name, "")), name=name)
    except ImproperlyConfigured as error:
        raise ProviderUnavailable(str(error)) from error


def _auth_method(document: dict[str, Any]) -> str:
    if not settings.OIDC_CLIENT_SECRET:
        return "none"
    offered = _texts(document, "token_endpoint_auth_methods_supported")
    is_post_only = "client_secret_post" in offered and "client_secret_basic" not in offered
    return "client_secret_post" if is_post_only else "client_secret_basic"


def _texts(document: dict[str, Any], name: str) -> list[str]:
    values = document.get(name)
    return [str(value) for value in values] if isinstance(values, list) else []


def _public_keys(document: dict[str, Any]) -> dict[str, Any]:
    """Return the keys, if the portal can read them. Secret parts are dropped."""
    try:
        found = KeySet.import_key_set(document)  # type: ignore[arg-type]  # untyped JSON
        return dict(found.as_dict(private=False))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProviderUnavailable(f"unreadable keys: {type(error).__name__}") from error
