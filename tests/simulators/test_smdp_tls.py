"""Mutual TLS in both directions (SGP.22 v2.2, 6.1)."""

import os
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from tests.authority import SERVER, Authority, Issued
from tests.simulators.es2plus import calls, download, order, released
from tests.simulators.operator import Operator, listening
from tests.simulators.process import Simulator, refused_to_start, running

LOOPBACK = "127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Kestrel test CA")


@pytest.fixture(scope="module")
def foreign() -> Authority:
    return Authority("Another CA")


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, foreign: Authority
) -> Path:
    """Return a folder with the certificates, keys and authorities of both sides."""
    folder = tmp_path_factory.mktemp("certificates")
    authority.own.write(folder, "authority")
    foreign.own.write(folder, "foreign")
    for name in ("smdp", "operator"):
        authority.issue(name, usages=[SERVER], hosts=[LOOPBACK]).write(folder, f"{name}-server")
    authority.issue("smdp.kestrel.example").write(folder, "smdp-client")
    return folder


def file(folder: Path, name: str) -> str:
    return str(folder / name)


def encrypted_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")
    )


def server_options(folder: Path) -> list[str]:
    files = {"--certificate": "smdp-server.crt", "--key": "smdp-server.key"}
    return [part for option, name in files.items() for part in (option, file(folder, name))]


@pytest.fixture(scope="module")
def mutual(folder: Path, portal: Issued) -> Iterator[Simulator]:
    options = (*server_options(folder), "--client-ca", file(folder, "authority.crt"))
    with running("simulators.smdp", *options, verify=showing(folder, portal)) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def portal(authority: Authority) -> Issued:
    return authority.issue("portal.kestrel.example")


def showing(folder: Path, shown: Issued | None) -> ssl.SSLContext:
    """Return a client's context that trusts the authority and shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "authority.crt")
    if shown:
        context.load_cert_chain(*shown.write(folder, "shown"))
    return context


def test_the_books_name_the_client(mutual: Simulator) -> None:
    assert mutual.http.base_url.scheme == "https"

    order(mutual.http)

    assert [kept["client"] for kept in calls(mutual.http)] == ["portal.kestrel.example"]


@pytest.fixture(params=["without", "foreign", "expired", "a server's"])
def rejected(
    request: pytest.FixtureRequest, authority: Authority, foreign: Authority
) -> Issued | None:
    """Return a client certificate that must be rejected, or None."""
    return {
        "without": None,
        "foreign": foreign.issue("portal.kestrel.example"),
        "expired": authority.issue("portal.kestrel.example", days=(-3, -1)),
        "a server's": authority.issue("portal.kestrel.example", usages=[SERVER]),
    }[str(request.param)]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_without_a_valid_certificate_is_rejected_in_the_handshake(
    mutual: Simulator, folder: Path, rejected: Issued | None, version: ssl.TLSVersion
) -> None:
    mutual.http.post("/reset")
    context = showing(folder, rejected)
    context.minimum_version = context.maximum_version = version

    with (
        httpx.Client(verify=context, trust_env=False) as client,
        pytest.raises(httpx.TransportError, match="alert"),
    ):
        client.get(mutual.http.base_url.join("/books"))

    assert calls(mutual.http) == []


def test_tls_older_than_1_2_is_refused(mutual: Simulator, folder: Path, portal: Issued) -> None:
    context = showing(folder, portal)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    with (
        httpx.Client(verify=context, trust_env=False) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.get(mutual.http.base_url.join("/books"))


def test_a_client_that_stalls_the_handshake_delays_no_other(
    mutual: Simulator, folder: Path, portal: Issued
) -> None:
    url = mutual.http.base_url
    with (
        socket.create_connection((url.host, url.port or 0)),
        httpx.Client(verify=showing(folder, portal), trust_env=False, timeout=2) as another,
    ):
        assert another.get(url.join("/healthz")).status_code == 200


def test_plain_http_gets_no_answer_on_a_tls_port(mutual: Simulator) -> None:
    url = mutual.http.base_url.copy_with(scheme="http")

    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.TransportError):
        client.get(url)


def test_no_client_certificate_is_required_without_client_ca(folder: Path) -> None:
    options = server_options(folder)
    with running("simulators.smdp", *options, verify=showing(folder, None)) as simulator:
        assert order(simulator.http) == "success"
        assert calls(simulator.http)[0]["client"] == ""


@pytest.fixture
def operator(folder: Path) -> Iterator[Operator]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "operator-server.crt", folder / "operator-server.key")
    context.load_verify_locations(folder / "authority.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    with listening(context) as operator:
        yield operator


def notify_options(operator: Operator, folder: Path, authority: str) -> list[str]:
    return [
        *("--notify", operator.url, "--notify-ca", file(folder, authority)),
        *("--notify-certificate", file(folder, "smdp-client.crt")),
        *("--notify-key", file(folder, "smdp-client.key")),
    ]


def test_the_sm_dp_shows_its_certificate_when_it_notifies(operator: Operator, folder: Path) -> None:
    options = notify_options(operator, folder, "authority.crt")
    with running("simulators.smdp", *options) as simulator:
        released(simulator.http)
        download(simulator.http)
        operator.receive(2)

    assert {client for _path, _body, client in operator.received} == {"smdp.kestrel.example"}


def test_an_operator_of_another_authority_is_not_notified(
    operator: Operator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # If the environment counted, the operator would be trusted.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setitem(os.environ, name, file(folder, "authority.crt"))
    options = notify_options(operator, folder, "foreign.crt")
    with running("simulators.smdp", *options) as simulator:
        released(simulator.http)
        download(simulator.http)
        time.sleep(0.5)

    assert operator.received == []


def test_the_environment_does_not_change_which_authorities_are_trusted(
    operator: Operator,
    folder: Path,
    portal: Issued,
    foreign: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setitem(os.environ, name, file(folder, "foreign.crt"))
    options = [
        *(*server_options(folder), "--client-ca", file(folder, "authority.crt")),
        *notify_options(operator, folder, "authority.crt"),
    ]
    with running("simulators.smdp", *options, verify=showing(folder, portal)) as simulator:
        released(simulator.http)
        download(simulator.http)

        assert operator.points(2) == [(3, "success"), (4, "success")]
        stranger = showing(folder, foreign.issue("portal.kestrel.example"))
        with (
            httpx.Client(verify=stranger, trust_env=False) as client,
            pytest.raises(httpx.TransportError, match="alert"),
        ):
            client.get(simulator.http.base_url.join("/books"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--certificate", "smdp-server.crt"], "Use --certificate and --key together."),
        (["--key", "smdp-server.key"], "Use --certificate and --key together."),
        (["--client-ca", "authority.crt"], "--client-ca needs --certificate and --key."),
        (
            ["--certificate", "none.crt", "--key", "smdp-server.key"],
            "none.crt cannot be read: No such file or directory.",
        ),
        (
            ["--certificate", "smdp-server.crt", "--key", "operator-server.key"],
            (
                "smdp-server.crt and operator-server.key do not hold a certificate and its key"
                " in PEM (key values mismatch)."
            ),
        ),
        (
            ["--certificate", "noise", "--key", "smdp-server.key"],
            "noise and smdp-server.key do not hold a certificate and its key in PEM.",
        ),
        (
            ["--certificate", "smdp-server.crt", "--key", "encrypted.key"],
            "encrypted.key is encrypted. Use a key without a password.",
        ),
        (
            [
                *("--certificate", "smdp-server.crt", "--key", "smdp-server.key"),
                *("--client-ca", "noise"),
            ],
            "noise holds no certificate in PEM.",
        ),
        (
            ["--notify", "https://portal.example"],
            "Use --notify-ca together with an https address in --notify.",
        ),
        (
            ["--notify", "http://portal.example", "--notify-ca", "authority.crt"],
            "Use --notify-ca together with an https address in --notify.",
        ),
        (
            ["--notify-certificate", "smdp-client.crt"],
            "Use --notify-certificate and --notify-key together.",
        ),
        (
            ["--notify-certificate", "smdp-client.crt", "--notify-key", "smdp-client.key"],
            "--notify-certificate needs an https address in --notify.",
        ),
    ],
)
def test_unusable_files_and_options_are_named(
    folder: Path, options: list[str], sentence: str
) -> None:
    (folder / "noise").write_text("no certificate")
    (folder / "encrypted.key").write_bytes(encrypted_key())
    files = {path.name for path in folder.iterdir()} | {"none.crt"}

    given = [file(folder, option) if option in files else option for option in options]
    said = refused_to_start("simulators.smdp", *given)

    assert said.replace(f"{folder}/", "") == f"python -m simulators.smdp: {sentence}\n"
