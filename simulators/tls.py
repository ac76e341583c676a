"""Mutual TLS 1.2 or newer, as SGP.22 v2.2, 6.1, requires it.

A context trusts only the authorities that it is given. It ignores the authorities of the
machine and of environment variables such as `SSL_CERT_FILE`.
"""

import ssl
from pathlib import Path
from socket import socket


class UnusableFiles(Exception):
    """Files that hold no usable certificate, key or authority. The message is a whole sentence."""


def server_context(certificate: str, key: str, client_authority: str = "") -> ssl.SSLContext:
    """Return a context that shows this certificate.

    With an authority, every client must show a certificate of that authority. Raises
    `UnusableFiles`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _show(context, certificate, key)
    if client_authority:
        _trust(context, client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(authority: str, certificate: str = "", key: str = "") -> ssl.SSLContext:
    """Return a context that trusts servers of this authority by name; raises `UnusableFiles`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust(context, authority)
    if certificate:
        _show(context, certificate, key)
    return context


def common_name(connection: socket) -> str:
    """Return the common name in the peer's certificate, empty without a certificate."""
    shown = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    subject = (shown or {}).get("subject", ())
    names = [part[0][1] for part in subject if part[0][0] == "commonName"]
    return str(names[0]) if names else ""


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _check_readable(certificate, key)
    try:
        context.load_cert_chain(certificate, key, password=lambda: _refuse_password(key))
    except ssl.SSLError as error:
        why = f" ({error.reason.replace('_', ' ').lower()})" if error.reason else ""
        message = f"{certificate} and {key} do not hold a certificate and its key in PEM{why}."
        raise UnusableFiles(message) from error


def _trust(context: ssl.SSLContext, authority: str) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _check_readable(authority)
    try:
        context.load_verify_locations(cafile=authority)
    except ssl.SSLError as error:
        raise UnusableFiles(f"{authority} holds no certificate in PEM.") from error


def _check_readable(*files: str) -> None:
    # OpenSSL reports a missing file without its name.
    for file in files:
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise UnusableFiles(f"{file} cannot be read: {error.strerror}.") from error


def _refuse_password(key: str) -> str:
    # Without this function OpenSSL would ask for the password on the terminal and wait.
    raise UnusableFiles(f"{key} is encrypted. Use a key without a password.")
