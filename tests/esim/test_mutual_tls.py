"""Mutual TLS towards an SM-DP+: whom we believe, what we show, and what is said if it fails."""

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from esim.es2plus import client as es2plus
from esim.es2plus.client import Answer, Outcome, ReleaseProfile
from esim.models import SmdpProvider
from moportal import http_client
from tests.authority import CLIENT, PAST, SERVER, Authority, Issued
from tests.peer import Peer, answering, hanging_up

HOST = "127.0.0.1"
OURS, THEIRS, STRANGE = Authority("Operators"), Authority("SM-DP+"), Authority("Operators")
RIGHT = OURS.issue("kestrel")
THERE = THEIRS.issue(HOST, usages=[SERVER], hosts=[HOST])
Serve = Callable[[], AbstractContextManager[Peer]]


@dataclass
class Line:
    """Both ends: the certificates there, and the files that the portal reads."""

    folder: Path
    settings: Settings
    there: Issued = THERE
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3

    @contextmanager
    def served(self) -> Iterator[Peer]:
        """Let an SM-DP+ serve that asks for a certificate of our authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.there.write(self.folder, "there"))
        context.load_verify_locations(cadata=OURS.own.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = self.newest
        with answering(Peer(), context) as peer:
            self.settings.SMDP_URL = peer.url
            yield peer

    def show(self, issued: Issued | None, name: str = "ours") -> None:
        certificate, key = issued.write(self.folder, name) if issued else ("", "")
        self.settings.SMDP_CLIENT_CERTIFICATE = str(certificate)
        self.settings.SMDP_CLIENT_KEY = str(key)

    def trust(self, authority: Authority) -> None:
        self.settings.SMDP_CA = str(authority.own.write(self.folder, "authority")[0])


@pytest.fixture
def line(tmp_path: Path, settings: Settings) -> Line:
    """Return both ends as they should be."""
    made = Line(tmp_path, settings)
    made.show(RIGHT)
    made.trust(THEIRS)
    return made


def called(code: str = "one") -> Answer[None]:
    provider = SmdpProvider(code=code, requester_identifier="2.999.10")
    asked = ReleaseProfile("8949449999999990023")
    return es2plus.call(asked, provider=provider, call_identifier=uuid4(), timeout=5)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_with_the_right_certificates_both_believe_each_other(
    line: Line, newest: ssl.TLSVersion
) -> None:
    line.newest = newest

    with line.served() as peer:
        assert called().outcome == Outcome.SUCCESS

    assert peer.functions == ["releaseProfile"]


WRONG_OF_OURS: dict[str, tuple[Issued | None, str]] = {
    "none": (None, "certificate required|handshake failure"),
    "foreign": (STRANGE.issue("kestrel"), "unknown ca|decrypt error|bad certificate"),
    "expired": (OURS.issue("kestrel", days=PAST), "certificate expired"),
    "for servers": (OURS.issue("kestrel", usages=[SERVER]), "unsupported certificate"),
}


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("case", WRONG_OF_OURS)
def test_a_certificate_that_they_refuse_never_sends_anything(
    line: Line, case: str, newest: ssl.TLSVersion
) -> None:
    shown, why = WRONG_OF_OURS[case]
    line.newest = newest
    line.show(shown)

    with line.served() as peer:
        found = called()

    assert (found.outcome, peer.requests) == (Outcome.NOT_SENT, [])
    assert re.search(f"alert ({why})", found.detail)


WRONG_OF_THEIRS: dict[str, tuple[Issued, str]] = {
    "of another authority": (
        STRANGE.issue(HOST, usages=[SERVER], hosts=[HOST]),
        "unable to get local issuer certificate",
    ),
    "expired": (
        THEIRS.issue(HOST, usages=[SERVER], hosts=[HOST], days=PAST),
        "certificate has expired",
    ),
    "of another host": (
        THEIRS.issue("other", usages=[SERVER], hosts=["127.0.0.2"]),
        "IP address mismatch",
    ),
    "for clients": (THEIRS.issue(HOST, usages=[CLIENT], hosts=[HOST]), "unsuitable certificate"),
    "signed by itself": (Authority(HOST).own, "self-signed certificate"),
}


@pytest.mark.parametrize("case", WRONG_OF_THEIRS)
def test_a_certificate_that_we_refuse_gets_nothing(line: Line, case: str) -> None:
    line.there, why = WRONG_OF_THEIRS[case]

    with line.served() as peer:
        found = called()

    assert (found.outcome, peer.requests) == (Outcome.NOT_SENT, [])
    assert why in found.detail


def test_an_authority_of_ours_is_not_one_of_theirs(line: Line) -> None:
    line.trust(OURS)

    with line.served():
        assert called().outcome == Outcome.NOT_SENT


def test_without_an_authority_of_its_own_the_systems_count(line: Line) -> None:
    line.settings.SMDP_CA = ""

    with line.served():
        found = called()

    assert found.outcome == Outcome.NOT_SENT
    assert "CERTIFICATE_VERIFY_FAILED" in found.detail


VARIABLES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]


@pytest.mark.parametrize("is_own", [True, False], ids=["own authority", "the system's"])
@pytest.mark.parametrize("points", ["at theirs", "at nobody"])
def test_what_the_environment_trusts_changes_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch, points: str, *, is_own: bool
) -> None:
    elsewhere = {"at theirs": line.settings.SMDP_CA, "at nobody": str(line.folder / "nobody")}
    for name in VARIABLES:
        monkeypatch.setenv(name, elsewhere[points])
    monkeypatch.setattr(http_client, "_kept", {})
    line.settings.SMDP_CA = line.settings.SMDP_CA if is_own else ""

    with line.served():
        assert called().outcome == (Outcome.SUCCESS if is_own else Outcome.NOT_SENT)


def test_a_handshake_that_ends_without_a_word_was_never_asked(line: Line) -> None:
    with hanging_up() as line.settings.SMDP_URL:
        found = called()

    assert found.outcome == Outcome.NOT_SENT
    assert "EOF" in found.detail or "reset" in found.detail


def test_files_that_change_count_from_the_next_call_on(line: Line) -> None:
    line.show(STRANGE.issue("kestrel"))
    with line.served():
        assert called().outcome == Outcome.NOT_SENT
        line.show(RIGHT)

        assert called().outcome == Outcome.SUCCESS


def test_of_files_that_stay_the_connections_are_kept(line: Line) -> None:
    files = http_client.TlsFiles(line.settings.SMDP_CA)

    assert http_client.connections(files) is http_client.connections(files)
    assert http_client.connections(files) is not http_client.connections()


def test_certificate_and_key_may_stand_in_one_file(line: Line) -> None:
    certificate, key = RIGHT.write(line.folder, "one")
    certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    line.settings.SMDP_CLIENT_CERTIFICATE, line.settings.SMDP_CLIENT_KEY = str(certificate), ""

    with line.served():
        assert called().outcome == Outcome.SUCCESS


def test_a_provider_has_certificates_of_its_own(line: Line) -> None:
    certificate, key = RIGHT.write(line.folder, "second")
    line.show(STRANGE.issue("kestrel"))
    line.settings.SMDP_BY_PROVIDER = {
        "SMDP_CLIENT_CERTIFICATE_SECOND_ONE": str(certificate),
        "SMDP_CLIENT_KEY_SECOND_ONE": str(key),
    }

    with line.served():
        assert called("one").outcome == Outcome.NOT_SENT
        assert called("second-one").outcome == Outcome.SUCCESS


@pytest.mark.parametrize("name", ["SMDP_CA", "SMDP_CLIENT_CERTIFICATE", "SMDP_CLIENT_KEY"])
@pytest.mark.parametrize("content", [None, b"nothing of the kind"])
def test_a_file_that_cannot_be_read_is_named(line: Line, name: str, content: bytes | None) -> None:
    file = line.folder / "odd"
    if content is not None:
        file.write_bytes(content)
    setattr(line.settings, name, str(file))

    with line.served() as peer:
        found = called()

    assert (found.outcome, peer.requests) == (Outcome.NOT_SENT, [])
    named = file if name != "SMDP_CLIENT_KEY" or content is None else line.folder / "ours.crt"
    assert str(named) in found.detail
