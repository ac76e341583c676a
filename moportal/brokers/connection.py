"""The connection to the broker. Messages carry only row ids, so any broker of Celery is enough."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit


def verified_broker_url(url: str) -> str:
    """Return the URL with verification of the broker's certificate, which kombu leaves out."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    if parts.scheme != "rediss" or "ssl_cert_reqs" in dict(query):
        return url
    return parts._replace(query=urlencode([*query, ("ssl_cert_reqs", "CERT_REQUIRED")])).geturl()


def is_shared(url: str) -> bool:
    """Return whether processes on several machines can use this broker."""
    return not url.startswith(("filesystem:", "memory:"))


def transport_options(url: str, *, folder: Path) -> dict[str, Any]:
    """Return kombu's options for this broker. A broker in files is created in the folder."""
    if url.startswith("filesystem://"):
        return _file_options(folder)
    # A broker that is down must not delay a request. The reconciler finds the task later.
    return {"socket_timeout": 5, "socket_connect_timeout": 2, "max_retries": 0}


def _file_options(folder: Path) -> dict[str, Any]:
    queue, control = folder / "queue", folder / "control"
    for part in (queue, control):
        part.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(control),
        "polling_interval": 0.1,
    }
