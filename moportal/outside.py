"""One way out of the house: HTTP clients that trust only what they are told to trust.

The environment's proxy and CA variables are ignored, redirects are not followed, every call has a
timeout, and plain HTTP is for loopback alone.
"""

import ipaddress
import ssl
from functools import cache
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

CONNECT_TIMEOUT = 3.0


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


@cache
def client() -> httpx.Client:
    """Return this process's client; it keeps connections open between calls."""
    return httpx.Client(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(settings.OUTSIDE_CALL_TIMEOUT, connect=CONNECT_TIMEOUT),
        headers={"User-Agent": "moportal"},
    )
