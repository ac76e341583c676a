"""The operator's OpenID Connect provider, as the settings name it and as a worker last saw it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.timezone import now
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from accounts.models import OidcProvider
from brand.queries import operator
from outbox.domain import enqueue

KIND = "oidc_provider"
# Older metadata and keys are not used. A worker fetches them every few minutes.
OLDEST = timedelta(days=1)
# A request asks the worker for newer keys at most this often.
FETCH_INTERVAL = timedelta(seconds=10)
# Signatures that only the provider can make. "none" and the ones with a shared secret are not here.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


class ProviderAway(Exception):
    """Nobody can sign in with the provider for the moment."""


@dataclass(frozen=True)
class Provider:
    """What the portal must know of the provider to send a customer there and to read its answer."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    # Empty if the provider does not offer to sign out there.
    end_session_endpoint: str
    # Whether each answer names its issuer (RFC 9207).
    names_issuer: bool
    # How the portal identifies itself at the token endpoint.
    auth_method: str
    algorithms: list[str]
    key_set: dict[str, Any] = field(repr=False)

    def keys(self) -> KeySet:
        """Return the keys of its signatures. Raises `ProviderAway` if there is none to use."""
        try:
            return KeySet.import_key_set(self.key_set)  # type: ignore[arg-type]  # untyped JSON
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderAway(type(error).__name__) from error


def is_offered() -> bool:
    """Return whether customers may sign in with a provider."""
    return bool(settings.OIDC_ISSUER)


def customers_name() -> str:
    """Return what customers call the provider: as set, or the operator's name. "" without one."""
    return (settings.OIDC_NAME or operator().name) if is_offered() else ""


def load_provider() -> Provider:
    """Return the provider as a worker last saw it. Raises `ProviderAway` if that is too old."""
    row = OidcProvider.objects.filter(issuer=settings.OIDC_ISSUER).first()
    if row is None or row.fetched_at is None or now() - row.fetched_at > OLDEST:
        request_fetch()
        raise ProviderAway("no recent metadata")
    return Provider(issuer=row.issuer, key_set=row.keys, **row.metadata)


def is_answering() -> bool:
    """Return whether the provider answered when a worker last asked."""
    answering = OidcProvider.objects.filter(issuer=settings.OIDC_ISSUER, tries=0)
    return answering.filter(fetched_at__isnull=False).exists()


def request_fetch() -> None:
    """Let a worker fetch what the provider publishes, if there is a provider."""
    if not is_offered():
        return
    row, _is_new = OidcProvider.objects.get_or_create(issuer=settings.OIDC_ISSUER)
    # A worker that waits after a failure is not hurried by every customer.
    if not row.tries:
        enqueue(KIND, row.pk)


def request_newer_keys() -> None:
    """Let a worker fetch the keys again, unless it has just done so.

    The provider may have begun to sign with a key that it did not publish before.
    """
    fresh = OidcProvider.objects.filter(fetched_at__gt=now() - FETCH_INTERVAL)
    if not fresh.filter(issuer=settings.OIDC_ISSUER).exists():
        request_fetch()
