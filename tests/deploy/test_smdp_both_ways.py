"""A profile is ordered, downloaded and reported, with mutual TLS in both directions.

The portal calls the SM-DP+ simulator over HTTPS with its client certificate. The
simulator reports the download over HTTPS with its own, through a real nginx.
"""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import QuerySet
from pytest_django.fixtures import Settings

from demo.parts import LOOPBACK
from esim.domain import pool, progress, provisioning
from esim.models import DownloadProgress, Profile, SmdpProvider
from esim.states import ProfileState
from tests.authority import CLIENT, SERVER, Authority
from tests.builders import EID, make_pool
from tests.deploy.conftest import ApiProxy
from tests.processing import process_task
from tests.simulators.process import Simulator, running

SMDP_HOST = "smdp.example"
NOTIFIER = "notify.smdp.example"
NOTIFIED_WITHIN = 15.0
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@pytest.fixture
def smdp(proxy: ApiProxy, settings: Settings, tmp_path: Path) -> Iterator[Simulator]:
    """Return an SM-DP+ that serves and notifies with certificates of its own authority."""
    portal_authority, smdp_authority = proxy.authority, Authority("The SM-DP+'s authority")
    portal_roots, _ = portal_authority.own.write(tmp_path, "portal")
    smdp_roots, _ = smdp_authority.own.write(tmp_path, "smdp-roots")
    client = portal_authority.issue("kestrel", usages=[CLIENT]).write(tmp_path, "client")
    served = smdp_authority.issue("smdp", usages=[SERVER], hosts=[LOOPBACK]).write(tmp_path, "smdp")
    notifier = smdp_authority.issue(NOTIFIER, usages=[CLIENT]).write(tmp_path, "notifier")

    settings.SMDP_CA = settings.SMDP_CALLBACK_CA = str(smdp_roots)
    settings.SMDP_CLIENT_CERTIFICATE, settings.SMDP_CLIENT_KEY = map(str, client)

    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(smdp_roots)
    trusting.load_cert_chain(*client)

    options = {
        "--certificate": served[0],
        "--key": served[1],
        "--client-ca": portal_roots,
        "--notify": proxy.url,
        "--notify-ca": portal_roots,
        "--notify-certificate": notifier[0],
        "--notify-key": notifier[1],
        "--address": SMDP_HOST,
    }
    arguments = [str(part) for option in options.items() for part in option]
    with running("simulators.smdp", *arguments, verify=trusting) as simulator:
        settings.SMDP_URL = str(simulator.http.base_url).rstrip("/")
        yield simulator


@pytest.fixture
def released(smdp: Simulator) -> Profile:
    """Return a profile that was ordered and confirmed over mutual TLS."""
    make_pool(1)
    SmdpProvider.objects.update(certificate_names=[NOTIFIER], smdp_host=SMDP_HOST)
    intended = pool.intend(eid=EID, profile_type="consumer")
    return provisioning.make_ready(intended, before_call=lambda: None)


def notifications_of(profile: Profile, rows: int) -> QuerySet[DownloadProgress]:
    deadline = time.monotonic() + NOTIFIED_WITHIN
    while profile.progress.count() < rows:
        assert time.monotonic() < deadline, "the notification never came"
        time.sleep(0.1)
    return profile.progress.all()


def download(smdp: Simulator, profile: Profile, **how: str) -> dict[str, Any]:
    asked = {"activationCode": str(profile.activation_code), "eid": EID, **how}
    result: dict[str, Any] = smdp.http.post("/device/download", json=asked).json()
    return result


def test_a_reported_download_marks_the_profile_as_downloaded(
    smdp: Simulator, released: Profile
) -> None:
    assert download(smdp, released)["result"] == "success"
    rows = notifications_of(released, 2)

    assert {row.provider for row in rows} == {released.provider}
    process_task(progress.KIND, released.pk)
    released.refresh_from_db()
    assert released.state == ProfileState.DOWNLOADED


def test_a_reported_failure_leaves_the_profile_released(smdp: Simulator, released: Profile) -> None:
    assert download(smdp, released, end="error")["result"] == "failed"

    assert {row.codes for row in notifications_of(released, 2)} == {"", "8.2.10/4.2"}
    process_task(progress.KIND, released.pk)
    released.refresh_from_db()
    assert released.state == ProfileState.RELEASED


def test_the_simulator_notes_the_certificate_of_each_call(
    smdp: Simulator, released: Profile
) -> None:
    calls = smdp.http.get("/books").json()["calls"]

    assert [(call["function"], call["client"]) for call in calls] == [
        ("downloadOrder", "kestrel"),
        ("confirmOrder", "kestrel"),
    ]
