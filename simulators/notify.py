"""Telling the portal what happened, in the background, with a few retries."""

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

# The portal may be restarting: eight attempts over about half a minute.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
PATIENCE = 10
UNREACHABLE = 0


@dataclass(frozen=True)
class Notice:
    """One message to the portal. `sent` is told the HTTP status, or 0 if none was had."""

    url: str
    body: bytes
    headers: dict[str, str]
    sent: Callable[[int], None] = field(default=lambda _status: None)


def send_in_background(notices: list[Notice]) -> None:
    """Send in the order given; one that cannot be delivered does not hold up the next."""
    threading.Thread(target=_send_all, args=(notices,), daemon=True).start()


def _send_all(notices: list[Notice]) -> None:
    for notice in notices:
        notice.sent(_send_stubbornly(notice))


def _send_stubbornly(notice: Notice) -> int:
    status = _send(notice)
    for pause in PAUSES:
        if _is_delivered(status):
            break
        time.sleep(pause)
        status = _send(notice)
    return status


def _is_delivered(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _send(notice: Notice) -> int:
    address = urlsplit(notice.url)
    kind: type[http.client.HTTPConnection] = http.client.HTTPConnection
    if address.scheme == "https":
        kind = http.client.HTTPSConnection
    connection = kind(address.netloc, timeout=PATIENCE)
    try:
        connection.request("POST", address.path or "/", body=notice.body, headers=notice.headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return UNREACHABLE
    finally:
        connection.close()
