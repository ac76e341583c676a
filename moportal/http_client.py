"""All HTTP calls to other systems. They trust only the configured certificate authorities.

The environment's proxy and CA variables are ignored, redirects are not followed, every call has a
timeout, and plain HTTP is allowed only to loopback addresses.
"""

import ipaddress
import json
import ssl
import time
import weakref
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
from django.core.exceptions import ImproperlyConfigured

# Seconds.
CONNECT_TIMEOUT = 3.0
IDLE_TIMEOUT = 5.0
MOST_CONNECTIONS = 100
# Bytes.
LARGEST_ANSWER = 1_000_000
# OpenSSL's reasons when the server rejects our certificate. With TLS 1.3 this alert can arrive
# after the request was sent; the server has not read that request.
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
# OpenSSL's reason when this machine does not accept the server's certificate or its name.
SERVER_REFUSED = "CERTIFICATE_VERIFY_FAILED"
# The statuses for a certificate, token or password that is not accepted. 495 and 496 are
# nginx's own.
CALLER_REFUSED = frozenset({401, 403, 407, 495, 496})
# The statuses of an address that is not the service's: a redirect, or a path, method or host
# that the server behind it does not have.
WRONG_ADDRESS = frozenset({301, 302, 303, 307, 308, 404, 405, 421})
NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# No compression: httpcore does not decompress answers.
HEADERS = {"User-Agent": "moportal", "Accept": "*/*", "Accept-Encoding": "identity"}
# httpx has an error class of the same name for each of these and their subclasses.
HTTPCORE_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


class ServiceUnavailable(Exception):
    """The service gave no usable answer. Asking again may help.

    `was_sent` says whether the call may have taken effect anyway. `retry_after` is how long the
    service asked us to wait. `is_setting` says that a setting, here or at the service, must be
    corrected first: an address, a certificate, a token or a password.
    """

    def __init__(
        self,
        detail: str,
        *,
        was_sent: bool = True,
        retry_after: timedelta = timedelta(),
        is_setting: bool = False,
    ) -> None:
        super().__init__(detail)
        self.was_sent = was_sent
        self.retry_after = retry_after
        self.is_setting = is_setting


def is_loopback(host: str) -> bool:
    """Return whether this host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(url: str, *, name: str) -> str:
    """Return the base address without its trailing slash, or raise `ImproperlyConfigured`.

    `name` is the setting that the address comes from; the error names it.
    """
    if not _is_allowed(url):
        raise ImproperlyConfigured(
            f"{name} is {url!r}: give an https:// address (plain http is allowed only to loopback)."
        )
    return url.rstrip("/")


def _is_allowed(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_encrypted = parts.scheme == "https" and bool(host)
    stays_here = parts.scheme == "http" and is_loopback(host)
    return is_encrypted or stays_here


@dataclass(frozen=True)
class Reply:
    """An HTTP response: status, body, and headers with lower-case names."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


# For each file: its modification time, size and inode. They differ when the file has changed.
Stamps = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: the trusted authorities, and our client certificate with its key.

    By default the system's authorities are trusted and no certificate is sent.
    """

    authorities: str = ""
    certificate: str = ""
    # Empty if the certificate's file holds the key too.
    key: str = ""

    def stamps(self) -> Stamps:
        """Return the files' stamps. Raises `ImproperlyConfigured` if a file is missing."""
        try:
            found = [Path(name).stat() for name in astuple(self) if name]
        except OSError as error:
            raise ImproperlyConfigured(f"{error.filename}: {error.strerror}") from error
        return tuple((file.st_mtime_ns, file.st_size, file.st_ino) for file in found)

    def context(self) -> ssl.SSLContext:
        """Return a TLS context for these files. Raises `ImproperlyConfigured` if one is invalid."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # What is being read, for the error's message.
        reading = self.authorities or "the system's authorities"
        try:
            context.load_verify_locations(*self._authorities())
            if self.certificate:
                reading = self.certificate
                # With an empty pass phrase an encrypted key raises an error. Without one, OpenSSL
                # would ask for it at the terminal.
                context.load_cert_chain(self.certificate, self.key or None, password="")
        except (OSError, ValueError, TypeError) as error:
            raise ImproperlyConfigured(f"{reading}: {error}") from error
        return context

    def _authorities(self) -> tuple[str | None, str | None]:
        if self.authorities:
            return self.authorities, None
        # The paths that OpenSSL was built with. Its default paths would follow SSL_CERT_FILE.
        system = ssl.get_default_verify_paths()
        file, folder = Path(system.openssl_cafile), Path(system.openssl_capath)
        return str(file) if file.is_file() else None, str(folder) if folder.is_dir() else None


SYSTEM = TlsFiles()


class Connections:
    """A connection pool with one TLS context."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=MOST_CONNECTIONS, keepalive_expiry=IDLE_TIMEOUT
        )
        # Close the pool when no call uses it any more.
        weakref.finalize(self, self.pool.close)


# The connections that are in use, with the stamps that their files had.
_pools: dict[TlsFiles, tuple[Stamps, Connections]] = {}


def connections(tls: TlsFiles = SYSTEM) -> Connections:
    """Return this process's connections for these files.

    When a file has changed, new connections are made. Raises `ImproperlyConfigured` for a file that
    cannot be read.
    """
    stamps = tls.stamps()
    pooled = _pools.get(tls)
    if pooled is None or pooled[0] != stamps:
        pooled = _pools[tls] = stamps, Connections(tls.context())
    return pooled[1]


def exchange(
    method: str,
    url: str,
    *,
    within: float,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    tls: TlsFiles = SYSTEM,
) -> Reply:
    """Make one call and return its answer, read within `within` seconds and up to a megabyte.

    httpcore's timeout limits each read, so the whole call has a limit of its own: a server that
    sends a byte now and then would keep a worker past its lease. httpx is used only for its error
    classes, because httpx on top of httpcore doubles the CPU time of a call.

    Raises `httpx.HTTPError`, or `ImproperlyConfigured` for `tls`.
    """
    started = time.monotonic()
    sent_headers = list({**HEADERS, **(headers or {})}.items())
    connect = min(CONNECT_TIMEOUT, within)
    steps = {"connect": connect, "write": connect, "read": within, "pool": within}
    limits = _Limits(steps, ends_at=started + within)

    # This name keeps the pool open until the call has ended (see `Connections`).
    used = connections(tls)
    try:
        with used.pool.stream(
            method, url, headers=sent_headers, content=content, extensions={"timeout": limits}
        ) as response:
            body = _read_body(response, started=started, within=within)
    except HTTPCORE_ERRORS as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error

    received = {
        name.decode("latin-1").lower(): text.decode("latin-1") for name, text in response.headers
    }
    return Reply(response.status, body, received)


class _Limits(dict[str, float]):
    """The limits of each step of a call, in seconds. No step lasts longer than the call may.

    httpcore reads a limit by `get` when its step begins. Without this, a slow connection and a slow
    answer would add up.
    """

    def __init__(self, steps: Mapping[str, float], *, ends_at: float) -> None:
        super().__init__(steps)
        self._ends_at = ends_at

    def get(self, step: str, default: Any = None) -> Any:
        # A limit of 0 would mean not to wait at all, and then no error says that time is over.
        left = max(self._ends_at - time.monotonic(), 0.001)
        return min(super().get(step, left), left)


def _read_body(response: httpcore.Response, *, started: float, within: float) -> bytes:
    """Read the whole body. Its length and the time since `started` are limited."""
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if time.monotonic() > started + within:
            raise httpx.ReadTimeout(f"no complete answer within {within:g} s")
        if len(body) > LARGEST_ANSWER:
            raise httpx.DecodingError(f"an answer of more than {LARGEST_ANSWER} bytes")
    return bytes(body)


def exchange_json(
    method: str,
    url: str,
    *,
    within: float,
    unavailable: type[ServiceUnavailable],
    content: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    not_found_errors: Collection[str] = (),
) -> tuple[int, dict[str, Any]]:
    """Make one call with a JSON body and return the status and the JSON object of the answer.

    `not_found_errors` are the service's own words, in the field `error`, for a 404 that is about
    the thing that was asked for. Any other 404 comes from a wrong address.

    Raises `unavailable` if there is no answer, if it holds no JSON object, if its status asks to
    try again later, or if a setting is wrong: the address, or our credentials.
    """
    sent_headers = dict(headers or {})
    body = None
    if content is not None:
        sent_headers["Content-Type"] = "application/json"
        body = json.dumps(content).encode()

    try:
        reply = exchange(method, url, within=within, content=body, headers=sent_headers)
    except httpx.HTTPError as error:
        raise unavailable(
            type(error).__name__,
            was_sent=not was_never_read(error),
            is_setting=refuses_certificate(error),
        ) from error

    answer, parse_error = _parse_object(reply.body)
    is_setting = refuses_caller(reply) or _has_wrong_address(reply, answer, not_found_errors)
    if parse_error or is_setting or asks_to_retry(reply.status):
        detail = ", ".join(filter(None, [f"HTTP {reply.status}", parse_error]))
        raise unavailable(detail, was_sent=True, is_setting=is_setting)
    return reply.status, answer


def _has_wrong_address(
    reply: Reply, answer: Mapping[str, Any], not_found_errors: Collection[str]
) -> bool:
    """Return whether nothing of the service stands at the address that was called."""
    if reply.status == httpx.codes.NOT_FOUND:
        return str(answer.get("error")) not in not_found_errors
    return reply.status in WRONG_ADDRESS


def _parse_object(body: bytes) -> tuple[dict[str, Any], str]:
    """Return the JSON object in the body, and what is wrong with the body, if anything is."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        # Deeply nested JSON raises RecursionError.
        return {}, type(error).__name__
    return (answer, "") if isinstance(answer, dict) else ({}, "not an object")


def refuses_caller(reply: Reply) -> bool:
    """Return whether the other side does not accept who we are, whatever we ask for.

    That is a setting, here or there. The call had no effect, and works once the setting is
    corrected. nginx answers a certificate that it refuses with 400 and a page that says so.
    """
    is_refused_by_nginx = reply.status == httpx.codes.BAD_REQUEST and (
        b"ssl certificate" in reply.body.lower()
    )
    return reply.status in CALLER_REFUSED or is_refused_by_nginx


def asks_to_retry(status: int) -> bool:
    """Return whether the status says that the service is unavailable for the moment."""
    return httpx.codes.is_server_error(status) or status in {
        httpx.codes.REQUEST_TIMEOUT,
        httpx.codes.TOO_MANY_REQUESTS,
    }


def was_never_read(error: httpx.HTTPError) -> bool:
    """Return whether a call that failed with this error cannot have had an effect.

    That is so if there was no connection, or if the server rejected our certificate. A server that
    closes the connection after the handshake may have carried out the call.
    """
    return isinstance(error, NOT_CONNECTED) or _tls_reason(error) in REFUSED_CERTIFICATE


def refuses_certificate(error: httpx.HTTPError) -> bool:
    """Return whether one side did not accept the other's certificate. That is a setting."""
    reason = _tls_reason(error)
    return reason in REFUSED_CERTIFICATE or reason == SERVER_REFUSED


def _tls_reason(error: BaseException) -> str:
    """Return OpenSSL's reason for the TLS error that caused this one, or an empty text."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return (cause.reason or "") if cause is not None else ""
