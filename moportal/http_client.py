"""One way out of the house: HTTP that trusts only what it is told to trust.

The environment's proxy and CA variables are ignored, redirects are not followed, every call has a
timeout, and plain HTTP is for loopback alone.
"""

import ipaddress
import json
import ssl
import time
import weakref
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
from django.core.exceptions import ImproperlyConfigured

CONNECT_TIMEOUT = 3.0
LARGEST_ANSWER = 1_000_000
# What TLS 1.3 says of our certificate once the request is on its way already: it was never read.
REFUSED_CERTIFICATE = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_DECRYPT_ERROR",
        "TLSV1_ALERT_UNKNOWN_CA",
    }
)
NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Connections at a time, and the seconds for which one that nobody uses is kept.
MOST_CONNECTIONS, KEPT_OPEN = 100, 5.0
# An answer comes as it is: nothing is unpacked here.
HEADERS = {"User-Agent": "moportal", "Accept": "*/*", "Accept-Encoding": "identity"}
CUT_OFF = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


class ServiceUnavailable(Exception):
    """The service gave no usable answer; asking again may help.

    `was_sent` says whether the call may have taken effect anyway. `retry_after` is how long the
    service asked us to wait.
    """

    def __init__(
        self, detail: str, *, was_sent: bool = True, retry_after: timedelta = timedelta()
    ) -> None:
        super().__init__(detail)
        self.was_sent = was_sent
        self.retry_after = retry_after


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_address(url: str, *, name: str) -> str:
    """Return the base address without its trailing slash, or raise `ImproperlyConfigured`."""
    if not _may_be_called(url):
        raise ImproperlyConfigured(
            f"{name} is {url!r}: give an https:// address (plain http is for loopback alone)."
        )
    return url.rstrip("/")


def _may_be_called(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return (parts.scheme == "https" and bool(host)) or (
        parts.scheme == "http" and _is_loopback(host)
    )


@dataclass(frozen=True)
class Reply:
    """What came back: HTTP status, body as far as we read one, headers (names in lower case)."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


Stamps = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class TlsFiles:
    """Whom to trust and what to show, as PEM files; by default the system's, and nothing."""

    authorities: str = ""
    certificate: str = ""
    # May stand in the certificate's file instead.
    key: str = ""

    def stamps(self) -> Stamps:
        """Return what changes with a file; raises `ImproperlyConfigured` where one is missing."""
        try:
            found = [Path(name).stat() for name in astuple(self) if name]
        except OSError as error:
            raise ImproperlyConfigured(f"{error.filename}: {error.strerror}") from error
        return tuple((file.st_mtime_ns, file.st_size, file.st_ino) for file in found)

    def context(self) -> ssl.SSLContext:
        """Return a context that trusts these authorities; raises `ImproperlyConfigured`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        reading = self.authorities or "the system's authorities"
        try:
            context.load_verify_locations(*self._authorities())
            if self.certificate:
                reading = self.certificate
                # With an empty pass phrase a sealed key is an error, not a question to a terminal.
                context.load_cert_chain(self.certificate, self.key or None, password="")
        except (OSError, ValueError, TypeError) as error:
            raise ImproperlyConfigured(f"{reading}: {error}") from error
        return context

    def _authorities(self) -> tuple[str | None, str | None]:
        if self.authorities:
            return self.authorities, None
        # As OpenSSL was built: asked for its defaults it would believe SSL_CERT_FILE.
        system = ssl.get_default_verify_paths()
        file, folder = Path(system.openssl_cafile), Path(system.openssl_capath)
        return str(file) if file.is_file() else None, str(folder) if folder.is_dir() else None


SYSTEM = TlsFiles()


class Connections:
    """Connections that trust these files, kept open between calls."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=MOST_CONNECTIONS, keepalive_expiry=KEPT_OPEN
        )
        # Once nobody uses them any more.
        weakref.finalize(self, self.pool.close)


_kept: dict[TlsFiles, tuple[Stamps, Connections]] = {}


def connections(tls: TlsFiles = SYSTEM) -> Connections:
    """Return this process's connections for these files; files that have changed make new ones.

    Raises `ImproperlyConfigured` for files that cannot be read.
    """
    stamps = tls.stamps()
    kept = _kept.get(tls)
    if kept is None or kept[0] != stamps:
        kept = _kept[tls] = stamps, Connections(tls.context())
    return kept[1]


def exchange(
    method: str,
    url: str,
    *,
    within: float,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    tls: TlsFiles = SYSTEM,
) -> Reply:
    """Make one call and read its whole answer, within so many seconds and a megabyte.

    httpcore limits each read, not the whole: a peer that drips a byte now and then would hold a
    worker past its lease. What httpx adds on top of httpcore is left out but for its errors: it
    costs as much again as the call. Raises `httpx.HTTPError`, or `ImproperlyConfigured` for `tls`.
    """
    deadline = time.monotonic() + within
    told = list({**HEADERS, **(headers or {})}.items())
    connect = min(CONNECT_TIMEOUT, within)
    limits = {"connect": connect, "write": connect, "read": within, "pool": within}
    kept, body = connections(tls), bytearray()
    try:
        with kept.pool.stream(
            method, url, headers=told, content=content, extensions={"timeout": limits}
        ) as response:
            for chunk in response.iter_stream():
                body += chunk
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout(f"no whole answer within {within:g} s")
                if len(body) > LARGEST_ANSWER:
                    raise httpx.DecodingError(f"an answer of more than {LARGEST_ANSWER} bytes")
    except CUT_OFF as error:
        # Both name their errors alike.
        raise getattr(httpx, type(error).__name__)(str(error)) from error
    said = {
        name.decode("latin-1").lower(): text.decode("latin-1") for name, text in response.headers
    }
    return Reply(response.status, bytes(body), said)


def exchange_json(
    method: str,
    url: str,
    *,
    within: float,
    unavailable: type[ServiceUnavailable],
    content: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Make one call of JSON and return the status below 500 and the object that came back.

    Raises `unavailable` where there is no such answer or the other side asks to come back later.
    """
    told = {**(headers or {}), **({} if content is None else {"Content-Type": "application/json"})}
    body = None if content is None else json.dumps(content).encode()
    try:
        reply = exchange(method, url, within=within, content=body, headers=told)
        said = json.loads(reply.body)
    except httpx.HTTPError as error:
        raise unavailable(type(error).__name__, was_sent=not was_never_read(error)) from error
    except (ValueError, RecursionError) as error:
        raise unavailable(type(error).__name__, was_sent=True) from error
    if asks_to_come_back(reply.status) or not isinstance(said, dict):
        raise unavailable(f"HTTP {reply.status}", was_sent=True)
    return reply.status, said


def asks_to_come_back(status: int) -> bool:
    """Say whether it is the other side's unavailable, for now."""
    return httpx.codes.is_server_error(status) or status in {
        httpx.codes.REQUEST_TIMEOUT,
        httpx.codes.TOO_MANY_REQUESTS,
    }


def was_never_read(error: httpx.HTTPError) -> bool:
    """Say whether a call that failed so cannot have had an effect.

    There was no connection, or the other side refused our certificate. One that closes without a
    word after the handshake may have done anything.
    """
    return isinstance(error, NOT_CONNECTED) or _tls_reason(error) in REFUSED_CERTIFICATE


def _tls_reason(error: BaseException) -> str:
    """Return OpenSSL's word for what is at the bottom of an error of httpx's."""
    at: BaseException | None = error
    while at is not None and not isinstance(at, ssl.SSLError):
        at = at.__cause__ or at.__context__
    return at.reason or "" if at is not None else ""
