"""Callers of the notification API: each SM-DP+ is identified by its client certificate alone.

What a message says about its sender does not count (SGP.22 v2.2, 6.1 and 6.4).
"""

from django.http import HttpRequest
from django.utils.timezone import now

from esim.es2plus.addresses import trust_of
from esim.models import SmdpProvider
from moportal.trust.certificates import NotTrusted, Verdict
from moportal.trust.client_certificates import forwarded_certificate

# If no provider trusts the certificate, the most informative verdict is reported. The
# further down in this list, the closer the certificate came to being trusted.
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
    """Return the provider that the request's client certificate belongs to.

    Raises `NotTrusted`, `moportal.trust.trust_files.InvalidTrust` and
    `moportal.trust.client_certificates.NotFromProxy`.
    """
    certificate, at = forwarded_certificate(request), now()
    if not certificate:
        raise NotTrusted(Verdict.MISSING)
    verdicts = []
    for provider in SmdpProvider.objects.order_by("pk"):
        trust = trust_of(provider)
        verdicts.append(trust.verify(certificate, at=at) if trust else Verdict.UNKNOWN_ISSUER)
        if verdicts[-1] is Verdict.TRUSTED:
            return provider
    raise NotTrusted(max(verdicts, key=_NEARNESS.index, default=Verdict.UNKNOWN_ISSUER))
