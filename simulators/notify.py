"""Telling the operator what happened, in the background, with a few retries."""

import http.client
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

# The operator may be restarting: eight attempts over about half a minute.
RETRY_DELAYS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
PATIENCE = 10
UNREACHABLE = 0


@dataclass(frozen=True)
class Notice:
    """One message to the operator. `sent` is told the HTTP status, or 0 if none was had.

    `pause` is waited before it; `context` says whom to trust over https, without it the machine's
    own authorities.
    """

    url: str
    body: bytes
    headers: dict[str, str]
    sent: Callable[[int], None] = field(default=lambda _status: None)
    pause: float = 0.0
    context: ssl.SSLContext | None = None


def send_in_background(notices: list[Notice]) -> None:
    """Send in the order given; one that cannot be delivered does not hold up the next."""
    threading.Thread(target=_send_all, args=(notices,), daemon=True).start()


def _send_all(notices: list[Notice]) -> None:
    for notice in notices:
        time.sleep(notice.pause)
        notice.sent(_send_with_retries(notice))


def _send_with_retries(notice: Notice) -> int:
    status = _send(notice)
    for pause in RETRY_DELAYS:
        if _is_delivered(status):
            break
        time.sleep(pause)
        status = _send(notice)
    return status


def _is_delivered(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _send(notice: Notice) -> int:
    address = urlsplit(notice.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=PATIENCE)
    if address.scheme == "https":
        connection = http.client.HTTPSConnection(
            address.netloc, timeout=PATIENCE, context=notice.context
        )
    try:
        connection.request("POST", address.path or "/", body=notice.body, headers=notice.headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return UNREACHABLE
    finally:
        connection.close()
