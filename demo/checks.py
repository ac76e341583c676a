"""The demo's check in `/readyz`: the simulators must answer."""

import httpx
from django.conf import settings

from moportal.health import NotReady
from moportal.http_client import exchange


def simulators() -> None:
    """Check that each simulator answers; raises `NotReady` if one does not."""
    for url in (
        settings.SMDP_SIMULATOR_URL,
        settings.PAYMENT_SIMULATOR_URL,
        settings.NETWORK_SIMULATOR_URL,
        settings.MESSAGE_SIMULATOR_URL,
    ):
        try:
            answer = exchange("GET", f"{url.rstrip('/')}/healthz", within=2)
        except httpx.HTTPError as error:
            raise NotReady(f"no answer from {url}") from error
        if answer.status != httpx.codes.OK:
            raise NotReady(f"{url} answers {answer.status}")
