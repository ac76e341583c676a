"""Where an SM-DP+ is and how we and it make each other known: from the environment, per provider.

A variable with the provider's code at its end goes before the one for all: `SMDP_URL_KESTREL`
before `SMDP_URL`. Nothing of it is in the database.
"""

from django.conf import settings

from esim.models import SmdpProvider
from moportal.http_client import TlsFiles, checked_address
from moportal.trust_files import TrustFiles, trust_files


def address_of(provider: SmdpProvider) -> str:
    """Return the base address; raises `ImproperlyConfigured`, naming the variable to set."""
    own = _own_name("SMDP_URL", provider)
    name = own if own in settings.SMDP_BY_PROVIDER else f"{own} (or SMDP_URL)"
    return checked_address(_value("SMDP_URL", provider), name=name)


def tls_files_of(provider: SmdpProvider) -> TlsFiles:
    """Return the files for mutual TLS; a certificate of its own never goes with another's key."""
    certificate = "SMDP_CLIENT_CERTIFICATE"
    key = _value("SMDP_CLIENT_KEY", provider)
    if _own_name(certificate, provider) in settings.SMDP_BY_PROVIDER:
        key = settings.SMDP_BY_PROVIDER.get(_own_name("SMDP_CLIENT_KEY", provider), "")
    return TlsFiles(
        authorities=_value("SMDP_CA", provider),
        certificate=_value(certificate, provider),
        key=key,
    )


def trust_of(provider: SmdpProvider) -> TrustFiles | None:
    """Return whom to believe that it is this provider, or None where nobody has said."""
    return trust_files(
        _value("SMDP_CALLBACK_CA", provider),
        _value("SMDP_CALLBACK_INTERMEDIATES", provider),
        _value("SMDP_CALLBACK_REVOKED", provider),
        frozenset(provider.certificate_names),
    )


def _value(name: str, provider: SmdpProvider) -> str:
    for_all: str = getattr(settings, name)
    own: str = settings.SMDP_BY_PROVIDER.get(_own_name(name, provider), for_all)
    return own


def _own_name(name: str, provider: SmdpProvider) -> str:
    return f"{name}_{provider.code.upper().replace('-', '_')}"
