"""Mutual TLS towards an SM-DP+: trusted authorities, the client certificate, and failures."""

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
from esim.es2plus.answers import Answer, Outcome
from esim.es2plus.functions import ReleaseProfile
from esim.models import SmdpProvider
from moportal import http_client
from tests.authority import CLIENT, PAST, SERVER, Authority, Issued
from tests.peer import Peer, answering, hanging_up

HOST = "127.0.0.1"
OURS, THEIRS, STRANGE = Authority("Operators"), Authority("SM-DP+"), Authority("Operators")
RIGHT = OURS.issue("kestrel")
SERVER_CERTIFICATE = THEIRS.issue(HOST, usages=[SERVER], hosts=[HOST])
Serve = Callable[[], AbstractContextManager[Peer]]


@dataclass
class Connection:
    """A connection: the server's certificate, and the files that the portal reads."""

    folder: Path
    settings: Settings
    server: Issued = SERVER_CERTIFICATE
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3

    @contextmanager
    def served(self) -> Iterator[Peer]:
        """Run an SM-DP+ that requires a client certificate of our authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.server.write(self.folder, "server"))
        context.load_verify_locations(cadata=OURS.own.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = self.newest
        with answering(Peer(), context) as peer:
            self.settings.SMDP_URL = peer.url
            yield peer

    def use(self, issued: Issued | None, name: str = "ours") -> None:
        certificate, key = issued.write(self.folder, name) if issued else ("", "")
        self.settings.SMDP_CLIENT_CERTIFICATE = str(certificate)
        self.settings.SMDP_CLIENT_KEY = str(key)

    def trust(self, authority: Authority) -> None:
        self.settings.SMDP_CA = str(authority.own.write(self.folder, "authority")[0])


@pytest.fixture
def connection(tmp_path: Path, settings: Settings) -> Connection:
    """Return a connection whose certificates are all correct."""
    made = Connection(tmp_path, settings)
    made.use(RIGHT)
    made.trust(THEIRS)
    return made


def call(code: str = "one") -> Answer[None]:
    provider = SmdpProvider(code=code, requester_identifier="2.999.10")
    function = ReleaseProfile("8949449999999990023")
    return es2plus.call(function, provider=provider, call_identifier=uuid4(), timeout=5)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_with_correct_certificates_the_call_succeeds(
    connection: Connection, newest: ssl.TLSVersion
) -> None:
    connection.newest = newest

    with connection.served() as peer:
        assert call().outcome == Outcome.SUCCESS

    assert peer.functions == ["releaseProfile"]


WRONG_CLIENT_CERTIFICATES: dict[str, tuple[Issued | None, str]] = {
    "none": (None, "certificate required|handshake failure"),
    "foreign": (STRANGE.issue("kestrel"), "unknown ca|decrypt error|bad certificate"),
    "expired": (OURS.issue("kestrel", days=PAST), "certificate expired"),
    "for servers": (OURS.issue("kestrel", usages=[SERVER]), "unsupported certificate"),
}


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("case", WRONG_CLIENT_CERTIFICATES)
def test_with_a_client_certificate_that_the_server_rejects_nothing_is_sent(
    connection: Connection, case: str, newest: ssl.TLSVersion
) -> None:
    certificate, why = WRONG_CLIENT_CERTIFICATES[case]
    connection.newest = newest
    connection.use(certificate)

    with connection.served() as peer:
        found = call()

    assert (found.outcome, peer.requests) == (Outcome.NOT_SENT, [])
    assert re.search(f"alert ({why})", found.detail)


WRONG_SERVER_CERTIFICATES: dict[str, tuple[Issued, str]] = {
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


@pytest.mark.parametrize("case", WRONG_SERVER_CERTIFICATES)
def test_a_server_with_a_wrong_certificate_receives_nothing(
    connection: Connection, case: str
) -> None:
    connection.server, why = WRONG_SERVER_CERTIFICATES[case]

    with connection.served() as peer:
        found = call()

    assert (found.outcome, peer.requests) == (Outcome.NOT_SENT, [])
    assert why in found.detail


def test_our_own_authority_is_not_trusted_for_servers(connection: Connection) -> None:
    connection.trust(OURS)

    with connection.served():
        assert call().outcome == Outcome.NOT_SENT


def test_without_configured_authorities_the_systems_are_trusted(connection: Connection) -> None:
    connection.settings.SMDP_CA = ""

    with connection.served():
        found = call()

    assert found.outcome == Outcome.NOT_SENT
    assert "CERTIFICATE_VERIFY_FAILED" in found.detail


VARIABLES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]


@pytest.mark.parametrize("is_own", [True, False], ids=["own authority", "the system's"])
@pytest.mark.parametrize("points", ["at theirs", "at nobody"])
def test_ca_variables_of_the_environment_are_ignored(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, points: str, *, is_own: bool
) -> None:
    elsewhere = {
        "at theirs": connection.settings.SMDP_CA,
        "at nobody": str(connection.folder / "nobody"),
    }
    for name in VARIABLES:
        monkeypatch.setenv(name, elsewhere[points])
    monkeypatch.setattr(http_client, "_pools", {})
    connection.settings.SMDP_CA = connection.settings.SMDP_CA if is_own else ""

    with connection.served():
        assert call().outcome == (Outcome.SUCCESS if is_own else Outcome.NOT_SENT)


def test_after_a_handshake_that_is_cut_off_nothing_was_sent(connection: Connection) -> None:
    with hanging_up() as connection.settings.SMDP_URL:
        found = call()

    assert found.outcome == Outcome.NOT_SENT
    assert "EOF" in found.detail or "reset" in found.detail


def test_changed_files_are_used_from_the_next_call_on(connection: Connection) -> None:
    connection.use(STRANGE.issue("kestrel"))
    with connection.served():
        assert call().outcome == Outcome.NOT_SENT
        connection.use(RIGHT)

        assert call().outcome == Outcome.SUCCESS


def test_connections_are_reused_while_the_files_stay_the_same(connection: Connection) -> None:
    files = http_client.TlsFiles(connection.settings.SMDP_CA)

    assert http_client.connections(files) is http_client.connections(files)
    assert http_client.connections(files) is not http_client.connections()


def test_certificate_and_key_may_be_in_one_file(connection: Connection) -> None:
    certificate, key = RIGHT.write(connection.folder, "one")
    certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    connection.settings.SMDP_CLIENT_CERTIFICATE, connection.settings.SMDP_CLIENT_KEY = (
        str(certificate),
        "",
    )

    with connection.served():
        assert call().outcome == Outcome.SUCCESS


def test_a_provider_may_have_its_own_certificate(connection: Connection) -> None:
    certificate, key = RIGHT.write(connection.folder, "second")
    connection.use(STRANGE.issue("kestrel"))
    connection.settings.SMDP_BY_PROVIDER = {
        "SMDP_CLIENT_CERTIFICATE_SECOND_ONE": str(certificate),
        "SMDP_CLIENT_KEY_SECOND_ONE": str(key),
    }

    with connection.served():
        assert call("one").outcome == Outcome.NOT_SENT
        assert call("second-one").outcome == Outcome.SUCCESS


@pytest.mark.parametrize("name", ["SMDP_CA", "SMDP_CLIENT_CERTIFICATE", "SMDP_CLIENT_KEY"])
@pytest.mark.parametrize("content", [None, b"nothing of the kind"])
def test_an_unreadable_file_is_named(
    connection: Connection, name: str, content: bytes | None
) -> None:
    file = connection.folder / "odd"
    if content is not None:
        file.write_bytes(content)
    setattr(connection.settings, name, str(file))

    with connection.served() as peer:
        found = call()

    assert (found.outcome, peer.requests) == (Outcome.NOT_SENT, [])
    named = file if name != "SMDP_CLIENT_KEY" or content is None else connection.folder / "ours.crt"
    assert str(named) in found.detail
