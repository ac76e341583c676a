"""An SM-DP+ behind nginx that refuses the portal's client certificate: a setting is wrong.

nginx ends the handshake and answers 400 with a page, so it does not look like a TLS error.
"""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from demo.parts import LOOPBACK
from esim.es2plus import client as es2plus
from esim.es2plus.answers import Answer, Outcome
from esim.es2plus.functions import ReleaseProfile
from esim.models import SmdpProvider
from tests.authority import CLIENT, SERVER, Authority
from tests.deploy.conftest import run_nginx

SITE = """
server {
    ${LISTEN}
    ssl_certificate ${CERTIFICATE};
    ssl_certificate_key ${KEY};
    ssl_client_certificate ${CLIENTS};
    ssl_verify_client on;
    location / { return 503; }
}
"""


@pytest.fixture
def operators(settings: Settings, tmp_path: Path) -> Iterator[Authority]:
    """Run an SM-DP+'s nginx, and return the authority whose clients it accepts."""
    smdp, operators = Authority("The SM-DP+'s authority"), Authority("Its operators")
    certificate, key = smdp.issue("smdp", usages=[SERVER], hosts=[LOOPBACK]).write(tmp_path, "smdp")
    clients, _ = operators.own.write(tmp_path, "clients")
    site = tmp_path / "site.template"
    site.write_text(SITE, encoding="utf-8")
    files = {"CERTIFICATE": str(certificate), "KEY": str(key), "CLIENTS": str(clients)}

    settings.SMDP_CA = str(smdp.own.write(tmp_path, "smdp-roots")[0])
    with run_nginx(tmp_path, str(site), "LISTEN", **files) as address:
        settings.SMDP_URL = f"https://{address}"
        yield operators


def call() -> Answer[None]:
    return es2plus.call(
        ReleaseProfile("8949449999999990023"),
        provider=SmdpProvider(code="one", requester_identifier="2.999.10"),
        call_identifier=uuid4(),
        timeout=5,
    )


def use_certificate(authority: Authority, settings: Settings, folder: Path) -> None:
    files = authority.issue("kestrel", usages=[CLIENT]).write(folder, "client")
    settings.SMDP_CLIENT_CERTIFICATE, settings.SMDP_CLIENT_KEY = map(str, files)


def test_a_missing_certificate_is_a_setting(operators: Authority) -> None:
    assert call().outcome == Outcome.MISCONFIGURED


def test_a_certificate_of_another_authority_is_a_setting(
    operators: Authority, settings: Settings, tmp_path: Path
) -> None:
    use_certificate(Authority("Somebody else"), settings, tmp_path)

    answer = call()

    assert answer.outcome == Outcome.MISCONFIGURED
    assert "The SSL certificate error" in answer.detail


def test_an_accepted_certificate_reaches_the_smdp(
    operators: Authority, settings: Settings, tmp_path: Path
) -> None:
    use_certificate(operators, settings, tmp_path)

    assert call().outcome == Outcome.COME_BACK
