"""The requests, byte for byte: every function with every switch of a provider.

With `GOLDEN=write` the tests write the files again. docs/es2plus.md#transport explains each field.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings

from esim.es2plus import client as es2plus
from esim.es2plus.functions import (
    CancelOrder,
    ConfirmOrder,
    DownloadOrder,
    Function,
    ReleaseProfile,
)
from esim.models import SmdpProvider
from tests.builders import EID
from tests.peer import Peer, Request, answering

FOLDER = Path(__file__).parent / "golden"
CALL = UUID("6f1d3c52-7a4e-4b8e-9d20-0c5b1f2e3a47")
HOST = "smdp.example"
ICCID, LONG_ICCID = "8949449999999990023", "89882110000000000010"
SHORT_ICCID = "894944999999999004"
MATCHING_ID = "04386-AGYFT-A74Y8-3F815"
PROVIDER = {"code": "one", "requester_identifier": "2.999.10"}

FUNCTIONS: dict[str, Function[Any]] = {
    "download_order": DownloadOrder(ICCID, "consumer", eid=EID),
    "confirm_order": ConfirmOrder(ICCID, MATCHING_ID, eid=EID),
    "cancel_order": CancelOrder(ICCID, MATCHING_ID, eid=EID),
    "release_profile": ReleaseProfile(ICCID),
}
SWITCHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "padded": {"pads_iccid": True},
    "prefix": {"path_prefix": "/operators/kestrel"},
    "protocol": {"protocol_version": "v2.5.0"},
    "requester": {"requester_identifier": "Kestrel „Mobil“ \\ GmbH"},
}
CASES: dict[str, tuple[Function[Any], dict[str, Any]]] = {
    **{
        f"{name}.{switch}": (function, switches)
        for name, function in FUNCTIONS.items()
        for switch, switches in SWITCHES.items()
    },
    # These cases depend on the profile, not on the provider.
    "download_order.no_eid": (DownloadOrder(ICCID, "consumer"), {}),
    "download_order.unescaped": (DownloadOrder(ICCID, "Reise-Größe/日本", eid=EID), {}),
    "download_order.20_digits": (
        DownloadOrder(LONG_ICCID, "consumer", eid=EID),
        {"pads_iccid": True},
    ),
    "download_order.18_digits": (
        DownloadOrder(SHORT_ICCID, "consumer", eid=EID),
        {"pads_iccid": True},
    ),
    "confirm_order.no_eid": (ConfirmOrder(ICCID, MATCHING_ID), {}),
    "confirm_order.no_release": (ConfirmOrder(ICCID, MATCHING_ID, eid=EID, releases=False), {}),
    "cancel_order.no_eid": (CancelOrder(ICCID, MATCHING_ID), {}),
    "cancel_order.no_matching_id": (CancelOrder(ICCID, eid=EID), {}),
}


@pytest.fixture
def peer(settings: Settings) -> Iterator[Peer]:
    """Point the portal at a peer that stores its requests."""
    with answering(Peer()) as peer:
        settings.SMDP_URL = peer.url
        yield peer


def as_bytes(request: Request, url: str) -> bytes:
    """Return a request as it was received, with a fixed host instead of the random port."""
    lines = [request.line, *(f"{name}: {value}" for name, value in request.headers)]
    head = "\n".join(lines).replace(url.removeprefix("http://"), HOST)
    return f"{head}\n\n".encode() + request.content


@pytest.mark.parametrize("case", CASES)
def test_every_request_is_byte_for_byte_as_in_its_file(peer: Peer, case: str) -> None:
    function, switches = CASES[case]
    provider = SmdpProvider(**{**PROVIDER, **switches})

    es2plus.call(function, provider=provider, call_identifier=CALL, timeout=5)

    file = FOLDER / f"{case}.http"
    (sent,) = (as_bytes(one, peer.url) for one in peer.requests)
    if os.environ.get("GOLDEN") == "write":
        file.write_bytes(sent)
    assert sent == file.read_bytes()


def test_every_file_belongs_to_a_case() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(CASES)
