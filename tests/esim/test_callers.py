"""`esim.callers`: a notification counts for the provider whose certificate it is sent with."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import Client

from esim.domain import pool, progress
from esim.models import DownloadProgress, Profile, SmdpProvider
from moportal.trust import certificates
from outbox.models import Task
from tests.authority import SERVER, Authority, Issued
from tests.builders import EID, make_pool
from tests.esim.test_notices import STANDARD
from tests.processing import process_task

PATH = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"
SECRET = "between proxy and portal"
NAME = "notify.smdp.example"
Notify = Callable[..., Any]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Providers' authority")


@pytest.fixture
def provider(db: None, settings: Any, authority: Authority, tmp_path: Path) -> SmdpProvider:
    """Return a provider that is identified by its certificate's name."""
    (sim,) = make_pool(1)
    assert sim.provider
    sim.provider.certificate_names = [NAME]
    sim.provider.save()
    roots, _ = authority.own.write(tmp_path, "roots")
    settings.API_WITHOUT_CERTIFICATE = False
    settings.PROXY_SECRET = SECRET
    settings.SMDP_CALLBACK_CA = str(roots)
    return sim.provider


@pytest.fixture
def profile(provider: SmdpProvider) -> Profile:
    return pool.intend(eid=EID, profile_type="consumer")


@pytest.fixture
def notify(client: Client, profile: Profile) -> Notify:
    """Return a function that notifies of the profile's installation, with these headers."""

    def send(**headers: str) -> Any:
        body = json.dumps({**STANDARD, "iccid": profile.sim.iccid})
        return client.post(PATH, body, content_type="application/json", headers=headers)

    return send


def headers_with(issued: Issued, *, secret: str = SECRET) -> dict[str, str]:
    return {"X-Client-Certificate": quote(issued.pem), "X-Proxy-Secret": secret}


def test_the_provider_is_identified_by_its_certificate(
    notify: Notify, authority: Authority, provider: SmdpProvider
) -> None:
    assert notify(**headers_with(authority.issue(NAME))).status_code == 204
    assert DownloadProgress.objects.get().provider == provider


def test_a_pinned_key_in_the_standard_header_identifies_it_too(
    notify: Notify, authority: Authority, provider: SmdpProvider, settings: Any
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = "Client-Cert"
    issued = authority.issue("any name")
    provider.certificate_names = [certificates.pin(issued.certificate).upper()]
    provider.save()
    der = base64.b64encode(issued.certificate.public_bytes(Encoding.DER)).decode()

    answer = notify(**{"Client-Cert": f":{der}:", "X-Proxy-Secret": SECRET})

    assert answer.status_code == 204


def test_a_rejected_certificate_is_answered_with_the_reason(
    notify: Notify, authority: Authority
) -> None:
    refusals = {
        "no client certificate": (401, {}),
        "expired": (401, headers_with(authority.issue(NAME, days=(-9, -1)))),
        "not valid yet": (401, headers_with(authority.issue(NAME, days=(1, 9)))),
        "not on the list": (403, headers_with(authority.issue("another.example"))),
        "no trusted authority": (403, headers_with(Authority("Another").issue(NAME))),
        "not for client": (403, headers_with(authority.issue(NAME, usages=[SERVER]))),
        "cannot be read": (403, {"X-Client-Certificate": "x", "X-Proxy-Secret": SECRET}),
        "only if the proxy": (403, headers_with(authority.issue(NAME), secret="guessed")),
    }
    for reason, (status, headers) in refusals.items():
        answer = notify(**headers)
        assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), reason
    assert not DownloadProgress.objects.exists()


@pytest.mark.parametrize("header", ["no colons", ":%%%:", ":QUJD:", "é"])
def test_an_unreadable_standard_header_is_refused(
    notify: Notify, header: str, settings: Any
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = "Client-Cert"
    answer = notify(**{"Client-Cert": header, "X-Proxy-Secret": SECRET})

    assert answer.status_code == 403


def test_without_a_proxy_secret_every_certificate_is_refused(
    notify: Notify, authority: Authority, settings: Any
) -> None:
    settings.PROXY_SECRET = ""

    assert notify(**headers_with(authority.issue(NAME), secret="")).status_code == 403


def test_without_authorities_every_certificate_is_refused(
    notify: Notify, authority: Authority, settings: Any
) -> None:
    settings.SMDP_CALLBACK_CA = ""

    assert notify(**headers_with(authority.issue(NAME))).status_code == 403


def test_a_notice_about_another_providers_profile_has_no_effect(
    notify: Notify, authority: Authority, profile: Profile
) -> None:
    other = SmdpProvider.objects.create(
        code="two", smdp_host="two.example", certificate_names=["two.example"]
    )

    assert notify(**headers_with(authority.issue("two.example"))).status_code == 204
    row = DownloadProgress.objects.get()
    assert (row.provider, row.profile) == (other, None)
    assert not Task.objects.exists()


def test_a_notice_of_the_profiles_own_provider_is_applied(
    notify: Notify, authority: Authority, profile: Profile
) -> None:
    notify(**headers_with(authority.issue(NAME)))
    process_task(progress.KIND, profile.pk)

    profile.refresh_from_db()
    assert profile.state == "downloaded"


def test_a_provider_may_have_its_own_authorities(
    notify: Notify, authority: Authority, settings: Any, tmp_path: Path
) -> None:
    own = Authority("Its own")
    roots, _ = own.own.write(tmp_path, "own")
    settings.SMDP_BY_PROVIDER = {"SMDP_CALLBACK_CA_ONE": str(roots)}

    assert notify(**headers_with(authority.issue(NAME))).status_code == 403
    assert notify(**headers_with(own.issue(NAME))).status_code == 204


def test_unreadable_authorities_are_answered_as_service_unavailable(
    notify: Notify, authority: Authority, settings: Any, tmp_path: Path
) -> None:
    settings.SMDP_CALLBACK_CA = str(tmp_path / "gone.pem")

    answer = notify(**headers_with(authority.issue(NAME)))
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert (answer["Retry-After"], answer.json()["title"]) == ("5", "Service unavailable")
