"""`esim.callers`: a notification counts for the provider whose certificate it came with."""

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
from moportal import certificates
from outbox.models import Task
from tests.authority import SERVER, Authority, Issued
from tests.builders import EID, make_pool
from tests.esim.test_notices import STANDARD
from tests.processing import process_task

PATH = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"
SECRET = "between proxy and portal"
NAME = "notify.smdp.example"
Tell = Callable[..., Any]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Providers' authority")


@pytest.fixture
def provider(db: None, settings: Any, authority: Authority, tmp_path: Path) -> SmdpProvider:
    """Return a provider with a released profile that is known by its certificate's name."""
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
def tell(client: Client, profile: Profile) -> Tell:
    """Return how to tell of the profile's installation, with these headers."""

    def told(**headers: str) -> Any:
        body = json.dumps({**STANDARD, "iccid": profile.sim.iccid})
        return client.post(PATH, body, content_type="application/json", headers=headers)

    return told


def shown(issued: Issued, *, secret: str = SECRET) -> dict[str, str]:
    return {"X-Client-Certificate": quote(issued.pem), "X-Proxy-Secret": secret}


def test_the_right_certificate_makes_the_provider_known(
    tell: Tell, authority: Authority, provider: SmdpProvider
) -> None:
    assert tell(**shown(authority.issue(NAME))).status_code == 204
    assert DownloadProgress.objects.get().provider == provider


def test_so_does_its_pinned_key_in_the_header_of_the_standard(
    tell: Tell, authority: Authority, provider: SmdpProvider
) -> None:
    issued = authority.issue("whatever it is called")
    provider.certificate_names = [certificates.pin(issued.certificate).upper()]
    provider.save()
    der = base64.b64encode(issued.certificate.public_bytes(Encoding.DER)).decode()

    answer = tell(**{"Client-Cert": f":{der}:", "X-Proxy-Secret": SECRET})

    assert answer.status_code == 204


def test_who_it_is_not_is_said(tell: Tell, authority: Authority) -> None:
    refusals = {
        "no client certificate": (401, {}),
        "expired": (401, shown(authority.issue(NAME, days=(-9, -1)))),
        "not valid yet": (401, shown(authority.issue(NAME, days=(1, 9)))),
        "not among the expected": (403, shown(authority.issue("another.example"))),
        "no trusted authority": (403, shown(Authority("Another").issue(NAME))),
        "not for client": (403, shown(authority.issue(NAME, usages=[SERVER]))),
        "cannot be read": (403, {"X-Client-Certificate": "x", "X-Proxy-Secret": SECRET}),
        "only from the proxy": (403, shown(authority.issue(NAME), secret="guessed")),
    }
    for reason, (status, headers) in refusals.items():
        answer = tell(**headers)
        assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), reason
    assert not DownloadProgress.objects.exists()


@pytest.mark.parametrize("header", ["no colons", ":%%%:", ":QUJD:", "é"])
def test_a_standard_header_that_cannot_be_read_is_no_certificate(tell: Tell, header: str) -> None:
    answer = tell(**{"Client-Cert": header, "X-Proxy-Secret": SECRET})

    assert answer.status_code == 403


def test_without_a_secret_of_its_own_the_portal_believes_nobody(
    tell: Tell, authority: Authority, settings: Any
) -> None:
    settings.PROXY_SECRET = ""

    assert tell(**shown(authority.issue(NAME), secret="")).status_code == 403


def test_where_nobody_said_whom_to_believe_nobody_is(
    tell: Tell, authority: Authority, settings: Any
) -> None:
    settings.SMDP_CALLBACK_CA = ""

    assert tell(**shown(authority.issue(NAME))).status_code == 403


def test_one_provider_tells_nothing_of_another_s_profile(
    tell: Tell, authority: Authority, profile: Profile
) -> None:
    other = SmdpProvider.objects.create(code="two", certificate_names=["two.example"])

    assert tell(**shown(authority.issue("two.example"))).status_code == 204
    row = DownloadProgress.objects.get()
    assert (row.provider, row.profile) == (other, None)
    assert not Task.objects.exists()


def test_what_it_is_told_by_the_right_one_has_its_effect(
    tell: Tell, authority: Authority, profile: Profile
) -> None:
    tell(**shown(authority.issue(NAME)))
    process_task(progress.KIND, profile.pk)

    profile.refresh_from_db()
    assert profile.state == "downloaded"


def test_each_provider_may_have_an_authority_of_its_own(
    tell: Tell, authority: Authority, settings: Any, tmp_path: Path
) -> None:
    own = Authority("The other one's")
    roots, _ = own.own.write(tmp_path, "own")
    settings.SMDP_BY_PROVIDER = {"SMDP_CALLBACK_CA_ONE": str(roots)}

    assert tell(**shown(authority.issue(NAME))).status_code == 403
    assert tell(**shown(own.issue(NAME))).status_code == 204


def test_authorities_that_cannot_be_read_are_our_fault(
    tell: Tell, authority: Authority, settings: Any, tmp_path: Path
) -> None:
    settings.SMDP_CALLBACK_CA = str(tmp_path / "gone.pem")

    answer = tell(**shown(authority.issue(NAME)))
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert (answer["Retry-After"], answer.json()["title"]) == ("5", "Service unavailable")
