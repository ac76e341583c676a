"""`moportal.trust.client_certificates`: only the proxy's own header identifies a caller."""

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from moportal.trust.client_certificates import NotFromProxy, forwarded_certificate
from tests.authority import Authority, Issued

SECRET = "between proxy and portal"
OWN, STANDARD, FREE = "X-Client-Certificate", "Client-Cert", "ClientCertificate"


@pytest.fixture(scope="module")
def issued() -> Issued:
    return Authority("An authority").issue("caller.example")


@pytest.fixture(autouse=True)
def proxy_secret(settings: Settings) -> None:
    settings.PROXY_SECRET = SECRET


def escaped(issued: Issued) -> str:
    return quote(issued.pem)


def encoded(issued: Issued) -> str:
    return f":{base64.b64encode(issued.certificate.public_bytes(Encoding.DER)).decode()}:"


def forward(**headers: str) -> bytes:
    sent = {"X-Proxy-Secret": SECRET, **headers}
    return forwarded_certificate(RequestFactory().get("/", headers=sent))


@pytest.mark.parametrize("header", [OWN, STANDARD, FREE, FREE.lower()])
@pytest.mark.parametrize("form", [escaped, encoded])
def test_the_certificate_comes_from_the_chosen_header_in_either_form(
    header: str, form: Callable[[Issued], str], issued: Issued, settings: Settings
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = header

    assert forward(**{header: form(issued)}).strip() == issued.pem.strip()
    assert forward() == b""


@pytest.mark.parametrize(
    ("chosen", "other"), [(OWN, STANDARD), (STANDARD, OWN), (FREE, OWN), (FREE, STANDARD)]
)
def test_a_usual_header_that_the_proxy_does_not_set_is_refused(
    chosen: str, other: str, issued: Issued, settings: Settings
) -> None:
    """A proxy that sets one of them lets the caller's own other header pass."""
    settings.CLIENT_CERTIFICATE_HEADER = chosen

    for own in ({chosen: encoded(issued)}, {}):
        with pytest.raises(NotFromProxy):
            forward(**own, **{other: escaped(issued)})


@pytest.mark.parametrize("form", [escaped, encoded])
def test_a_repeated_header_identifies_nobody(form: Callable[[Issued], str], issued: Issued) -> None:
    """The first of two certificates may be the caller's own."""
    twice = ",".join([form(issued), form(Authority("Another").issue("proxy.example"))])

    assert b"BEGIN CERTIFICATE" not in forward(**{OWN: twice})


@pytest.mark.parametrize("secret", ["", "guessed"])
def test_a_header_without_the_proxys_secret_is_refused(secret: str, issued: Issued) -> None:
    with pytest.raises(NotFromProxy):
        forward(**{OWN: escaped(issued), "X-Proxy-Secret": secret})
