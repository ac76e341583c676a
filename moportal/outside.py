"""One way out of the house: HTTP clients that trust only what they are told to trust.

The environment's proxy and CA variables are ignored, redirects are not followed, every call has a
timeout, and plain HTTP is for loopback alone.
"""

import ipaddress
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.core.exceptions import ImproperlyConfigured

CONNECT_TIMEOUT = 3.0
LARGEST_ANSWER = 1_000_000


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_address(url: str, *, name: str) -> str:
    """Return the base address without its trailing slash, or raise `ImproperlyConfigured`."""
    parts = urlsplit(url)
    is_plain_loopback = parts.scheme == "http" and _is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not is_plain_loopback:
        raise ImproperlyConfigured(
            f"{name} is {url!r}: give an https:// address (plain http is for loopback alone)."
        )
    return url.rstrip("/")


@dataclass(frozen=True)
class Reply:
    """What came back: the HTTP status, and the body as far as we read one."""

    status: int
    body: bytes


@cache
def client() -> httpx.Client:
    """Return this process's client; it keeps connections open between calls."""
    return httpx.Client(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": "moportal"},
    )


def exchange(method: str, url: str, *, within: float, **request: Any) -> Reply:
    """Make one call and read its whole answer, within so many seconds and a megabyte.

    httpx limits each read, not the whole: a peer that drips a byte now and then would hold a
    worker past its lease. Raises `httpx.HTTPError`.
    """
    deadline = time.monotonic() + within
    limits = httpx.Timeout(within, connect=CONNECT_TIMEOUT, write=CONNECT_TIMEOUT, pool=within)
    body = bytearray()
    with client().stream(method, url, timeout=limits, **request) as response:
        for chunk in response.iter_bytes():
            body += chunk
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout(f"no whole answer within {within:g} s")
            if len(body) > LARGEST_ANSWER:
                raise httpx.DecodingError(f"an answer of more than {LARGEST_ANSWER} bytes")
    return Reply(response.status_code, bytes(body))
