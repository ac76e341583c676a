"""Who notifies: an SM-DP+ is known by its client certificate, never by what it says of itself.

SGP.22 v2.2, 6.1 and 6.4: identity rests on TLS alone, and is exchanged beforehand.
"""

from django.http import HttpRequest
from django.utils.timezone import now

from esim.es2plus.addresses import trust_of
from esim.models import SmdpProvider
from moportal.certificates import NotTrusted, Verdict
from moportal.client_certificates import forwarded_certificate

# Of several verdicts the one that says most: the further down, the nearer it came to being known.
_NEARNESS = [
    Verdict.UNREADABLE,
    Verdict.UNKNOWN_ISSUER,
    Verdict.NOT_FOR_CLIENTS,
    Verdict.REVOKED,
    Verdict.UNEXPECTED_CALLER,
    Verdict.NOT_YET_VALID,
    Verdict.EXPIRED,
]


def provider_of(request: HttpRequest) -> SmdpProvider:
    """Return the provider whose certificate this is.

    Raises `NotTrusted`, `moportal.trust_files.InvalidTrust` and
    `moportal.client_certificates.NotFromProxy`.
    """
    shown, at = forwarded_certificate(request), now()
    if not shown:
        raise NotTrusted(Verdict.MISSING)
    verdicts = []
    for provider in SmdpProvider.objects.order_by("pk"):
        trust = trust_of(provider)
        verdicts.append(trust.verdict(shown, at=at) if trust else Verdict.UNKNOWN_ISSUER)
        if verdicts[-1] is Verdict.TRUSTED:
            return provider
    raise NotTrusted(max(verdicts, key=_NEARNESS.index, default=Verdict.UNKNOWN_ISSUER))
