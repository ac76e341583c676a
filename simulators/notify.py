"""Notices to the operator, sent in the background with a few retries."""

import http.client
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

# Eight attempts in about half a minute, in case the operator is restarting.
RETRY_DELAYS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
TIMEOUT = 10
UNREACHABLE = 0


@dataclass(frozen=True)
class Notice:
    """One message to the operator.

    `sent` is called with the HTTP status at the end, or with 0 if no answer came. `pause` is the
    seconds to wait before the first attempt. `context` holds the authorities to trust over https;
    without it these are the authorities that the machine trusts.
    """

    url: str
    body: bytes
    headers: dict[str, str]
    sent: Callable[[int], None] = field(default=lambda _status: None)
    pause: float = 0.0
    context: ssl.SSLContext | None = None


def send_in_background(notices: list[Notice]) -> None:
    """Send the notices in their order. After the last retry the next notice is sent."""
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
    connection = http.client.HTTPConnection(address.netloc, timeout=TIMEOUT)
    if address.scheme == "https":
        connection = http.client.HTTPSConnection(
            address.netloc, timeout=TIMEOUT, context=notice.context
        )
    try:
        connection.request("POST", address.path or "/", body=notice.body, headers=notice.headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return UNREACHABLE
    finally:
        connection.close()
