"""Each SM-DP+'s address and TLS files, from the environment and never from the database.

A variable that ends in the provider's code overrides the one for all providers:
`SMDP_URL_KESTREL` overrides `SMDP_URL`.
"""

from django.conf import settings

from esim.models import SmdpProvider
from moportal.http_client import TlsFiles, check_address
from moportal.trust.trust_files import TrustFiles, trust_files

# The variables for all providers. Each may be set for a single provider too.
VARIABLES = (
    *("SMDP_URL", "SMDP_CA", "SMDP_CLIENT_CERTIFICATE", "SMDP_CLIENT_KEY"),
    *("SMDP_CALLBACK_CA", "SMDP_CALLBACK_INTERMEDIATES", "SMDP_CALLBACK_REVOKED"),
)


def variables_of(provider: SmdpProvider) -> set[str]:
    """Return the names of the variables for this provider alone."""
    return {_own_name(name, provider) for name in VARIABLES}


def address_of(provider: SmdpProvider) -> str:
    """Return the base address, or raise `ImproperlyConfigured` with the name of the variable."""
    own = _own_name("SMDP_URL", provider)
    name = own if own in settings.SMDP_BY_PROVIDER else f"{own} (or SMDP_URL)"
    return check_address(_value("SMDP_URL", provider), name=name)


def tls_files_of(provider: SmdpProvider) -> TlsFiles:
    """Return the files for mutual TLS.

    A certificate for one provider is never combined with the key for all providers.
    """
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
    """Return how to verify this provider's client certificate, or None if that is not set."""
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
