"""TLS as SGP.22 asks for it (v2.2, 6.1): both sides show a certificate; 1.2 or newer.

A context trusts and shows what it is given and nothing else: neither the machine's authorities
nor what `SSL_CERT_FILE` and the like name in the environment.
"""

import ssl
from pathlib import Path
from socket import socket


class UnusableFiles(Exception):
    """Files that make no certificate, key or authority; the message is a whole sentence."""


def server_context(certificate: str, key: str, client_authority: str = "") -> ssl.SSLContext:
    """Show this certificate; with an authority, demand one of it from every client.

    Raises `UnusableFiles`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _show(context, certificate, key)
    if client_authority:
        _trust(context, client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(authority: str, certificate: str = "", key: str = "") -> ssl.SSLContext:
    """Trust servers of this authority under their own name; raises `UnusableFiles`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust(context, authority)
    if certificate:
        _show(context, certificate, key)
    return context


def common_name(connection: socket) -> str:
    """Return the subject's common name of the certificate that the other side has shown."""
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
        message = f"{certificate} and {key} are no certificate with its key in PEM{why}."
        raise UnusableFiles(message) from error


def _trust(context: ssl.SSLContext, authority: str) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _check_readable(authority)
    try:
        context.load_verify_locations(cafile=authority)
    except ssl.SSLError as error:
        raise UnusableFiles(f"{authority} holds no certificate in PEM.") from error


def _check_readable(*files: str) -> None:
    # OpenSSL would say that a file is missing, but not which.
    for file in files:
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise UnusableFiles(f"{file} cannot be read: {error.strerror}.") from error


def _refuse_password(key: str) -> str:
    # Without this OpenSSL would ask on the terminal, and wait.
    raise UnusableFiles(f"{key} is encrypted; a simulator wants a key without a password.")
