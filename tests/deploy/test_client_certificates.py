"""Notifications of an SM-DP+, through a real nginx with real mutual TLS."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from esim.domain import pool
from esim.models import DownloadProgress, Profile, SmdpProvider
from tests.authority import CLIENT, SERVER, Authority, Issued
from tests.builders import EID, make_pool
from tests.deploy.conftest import HOST, SECRET, ApiProxy
from tests.esim.test_notices import STANDARD

PATH = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"
NAME = "notify.smdp.example"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@pytest.fixture(scope="module")
def smdp_authority() -> Authority:
    """Return the authority that issues the SM-DP+s' certificates."""
    return Authority("The providers' authority")


@pytest.fixture
def profile(
    proxy: ApiProxy, settings: Settings, smdp_authority: Authority, tmp_path: Path
) -> Profile:
    make_pool(1)
    SmdpProvider.objects.update(certificate_names=[NAME])
    roots, _ = smdp_authority.own.write(tmp_path, "roots")
    settings.SMDP_CALLBACK_CA = str(roots)
    return pool.intend(eid=EID, profile_type="consumer")


Notify = Callable[..., httpx.Response]


@pytest.fixture
def notify(proxy: ApiProxy, profile: Profile) -> Notify:
    """Return a function that notifies of an installation, with or without a certificate."""
    body = json.dumps({**STANDARD, "iccid": profile.sim.iccid, "filler": "x" * 20_000})

    def send(
        certificate: Issued | None = None,
        *,
        trusting: Authority | None = None,
        host: str = HOST,
        path: str = PATH,
        **headers: str,
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json", **headers}
        with proxy.client(certificate, trusting=trusting) as client:
            return client.post(
                path, content=body, headers=headers, extensions={"sni_hostname": host}
            )

    return send


def test_the_expected_certificate_is_accepted(
    notify: Notify, smdp_authority: Authority, profile: Profile
) -> None:
    answer = notify(smdp_authority.issue(NAME))

    assert (answer.status_code, answer.content) == (204, b"")
    assert DownloadProgress.objects.get().profile == profile


@pytest.mark.parametrize(
    ("which", "status", "reason"),
    [
        ("none", 401, "no client certificate"),
        ("expired", 401, "expired"),
        ("not valid yet", 401, "not valid yet"),
        ("foreign", 403, "no trusted authority"),
        ("foreign and expired", 403, "no trusted authority"),
        ("other name", 403, "not on the list"),
        ("for servers", 403, "not for client"),
        ("for servers and clients", 204, ""),
    ],
)
def test_the_portal_itself_refuses_every_other_certificate(
    notify: Notify, smdp_authority: Authority, which: str, status: int, reason: str
) -> None:
    certificate = {
        "none": None,
        "expired": smdp_authority.issue(NAME, days=(-9, -1)),
        "not valid yet": smdp_authority.issue(NAME, days=(1, 9)),
        "foreign": Authority("Another").issue(NAME),
        "foreign and expired": Authority("Another").issue(NAME, days=(-9, -1)),
        "other name": smdp_authority.issue("another.example"),
        "for servers": smdp_authority.issue(NAME, usages=[SERVER]),
        "for servers and clients": smdp_authority.issue(NAME, usages=[SERVER, CLIENT]),
    }[which]

    answer = notify(certificate)

    assert answer.status_code == status
    if reason:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert reason in answer.json()["detail"]
    assert DownloadProgress.objects.exists() == (status == 204)


def test_a_certificate_header_of_the_caller_is_overwritten(
    notify: Notify, smdp_authority: Authority
) -> None:
    written = quote(smdp_authority.issue(NAME).pem)
    smuggled = {
        "X-Client-Certificate": written,
        "X_Client_Certificate": written,
        "Client-Cert": f":{written}:",
        "X-Proxy-Secret": SECRET,
    }

    answer = notify(**smuggled)

    assert answer.status_code == 401


def test_a_caller_that_bypasses_the_proxy_is_refused(
    live_server: LiveServer, smdp_authority: Authority, profile: Profile
) -> None:
    headers = {
        "Host": HOST,
        "X-Client-Certificate": quote(smdp_authority.issue(NAME).pem),
        "X-Proxy-Secret": "guessed",
    }
    answer = httpx.post(f"{live_server.url}{PATH}", json={}, headers=headers, trust_env=False)

    assert answer.status_code == 403


def test_a_client_rejects_the_proxy_under_another_name_or_authority(
    notify: Notify, smdp_authority: Authority
) -> None:
    with pytest.raises(httpx.ConnectError, match="Hostname mismatch"):
        notify(smdp_authority.issue(NAME), host="other.example")
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        notify(smdp_authority.issue(NAME), trusting=Authority("Another"))


def test_the_proxy_forwards_only_the_api(notify: Notify, smdp_authority: Authority) -> None:
    certificate = smdp_authority.issue(NAME)

    assert notify(certificate, path="/admin/").status_code == 404
