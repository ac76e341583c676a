"""The network side over HTTP: two addresses, both safe to repeat (docs/network.md)."""

import json
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

from moportal.outside import checked_address, exchange, was_never_read
from subscriptions.networks.base import NetworkRefused, NetworkTrouble, Service

COME_BACK_LATER = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})


class HttpNetwork:
    """`PUT` and `DELETE` of `NETWORK_URL/subscriptions/<reference>`."""

    def activate(self, service: Service) -> None:
        """Let the SIM use its plan, and check that the answer is about this SIM."""
        said = self._ask(
            "PUT",
            service.reference,
            {
                "sequence": service.sequence,
                "plan": service.plan,
                "iccid": service.iccid,
                "imsi": service.imsi,
                "msisdn": service.msisdn,
            },
        )
        if (said.get("state"), said.get("iccid")) != ("active", service.iccid):
            raise NetworkTrouble(f"not active: {str(said)[:120]}", was_sent=True)

    def end(self, reference: str) -> None:
        """Stop what is live under this reference."""
        said = self._ask("DELETE", reference, None)
        if said.get("state") != "ended":
            raise NetworkTrouble(f"not ended: {str(said)[:120]}", was_sent=True)

    def _ask(self, method: str, reference: str, content: dict[str, Any] | None) -> dict[str, Any]:
        base = checked_address(settings.NETWORK_URL, name="NETWORK_URL")
        token: str = settings.NETWORK_TOKEN
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            reply = exchange(
                method,
                f"{base}/subscriptions/{quote(reference, safe='')}",
                within=settings.OUTSIDE_CALL_TIMEOUT,
                content=None if content is None else json.dumps(content).encode(),
                headers=headers,
            )
            body = json.loads(reply.body)
        except httpx.HTTPError as error:
            was_sent = not was_never_read(error)
            raise NetworkTrouble(type(error).__name__, was_sent=was_sent) from error
        except (ValueError, RecursionError) as error:
            raise NetworkTrouble(type(error).__name__, was_sent=True) from error
        is_refusal = httpx.codes.is_client_error(reply.status)
        if is_refusal and reply.status not in COME_BACK_LATER:
            raise NetworkRefused(f"HTTP {reply.status}: {str(body)[:120]}")
        if reply.status != httpx.codes.OK or not isinstance(body, dict):
            raise NetworkTrouble(f"HTTP {reply.status}", was_sent=True)
        return body
