"""What the demo adds to `/healthz`: its simulators must be able to serve."""

import httpx
from django.conf import settings

from moportal.health import Unhealthy
from moportal.http_client import exchange


def simulators() -> None:
    """Ask the simulators, which are processes of their own on this machine."""
    for url in (
        settings.SMDP_SIMULATOR_URL,
        settings.PAYMENT_SIMULATOR_URL,
        settings.NETWORK_SIMULATOR_URL,
    ):
        try:
            answer = exchange("GET", f"{url.rstrip('/')}/healthz", within=2)
        except httpx.HTTPError as error:
            raise Unhealthy(f"no answer from {url}") from error
        if answer.status != httpx.codes.OK:
            raise Unhealthy(f"{url} answers {answer.status}")
