"""The network side over HTTP: plans and ways out, all safe to repeat (docs/network.md)."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

from moportal.http_client import check_address, exchange_json
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable, Opening, Service

# The network's own words for a plan or SIM that it does not know. Any other 404 is a wrong address.
NOT_FOUND_ERRORS = frozenset({"unknown_plan", "unknown_iccid"})


class HttpNetwork:
    """`PUT` and `DELETE` of `/subscriptions/<reference>` and of `/ways/<iccid>/<sequence>`.

    A plan's SIMs, its period and its suspension have addresses below the plan's.
    """

    def activate(self, service: Service) -> None:
        """Activate the plan on the SIM, and check that the answer names this SIM."""
        told = {
            "sequence": service.sequence,
            "active": True,
            "plan": service.plan,
            "imsi": service.imsi,
            "msisdn": service.msisdn,
        }
        self._put_sim(service.reference, service.iccid, told)

    def deactivate(self, reference: str, iccid: str, *, sequence: int) -> None:
        """Deactivate the plan on the SIM, and check that the answer names this SIM."""
        self._put_sim(reference, iccid, {"sequence": sequence, "active": False})

    def _put_sim(self, reference: str, iccid: str, told: dict[str, Any]) -> None:
        path = f"{_plan_path(reference)}/sims/{quote(iccid, safe='')}"
        answer = self._call("PUT", path, told)
        if (answer.get("active"), answer.get("iccid")) != (told["active"], iccid):
            not_done = "not active" if told["active"] else "still active"
            raise NetworkUnavailable(f"{not_done}: {str(answer)[:120]}", was_sent=True)

    def end(self, reference: str) -> None:
        """End the plan with this reference."""
        answer = self._call("DELETE", _plan_path(reference), None)
        if answer.get("state") != "ended":
            raise NetworkUnavailable(f"not ended: {str(answer)[:120]}", was_sent=True)

    def renew(
        self, reference: str, *, sequence: int, period: int, until: datetime, plan: str
    ) -> None:
        """Serve this plan until this time."""
        content = {
            "sequence": sequence,
            "period": period,
            "until": until.isoformat(),
            "plan": plan,
        }
        self._change(reference, "period", content)

    def suspend(self, reference: str, *, sequence: int) -> None:
        """Switch the plan off."""
        self._change(reference, "suspension", {"sequence": sequence, "suspended": True})

    def resume(self, reference: str, *, sequence: int) -> None:
        """Switch the plan on again."""
        self._change(reference, "suspension", {"sequence": sequence, "suspended": False})

    def _change(self, reference: str, part: str, content: dict[str, Any]) -> None:
        answer = self._call("PUT", f"{_plan_path(reference)}/{part}", content)
        if answer.get("reference") != reference or answer.get("state") == "ended":
            raise NetworkUnavailable(f"not changed: {str(answer)[:120]}", was_sent=True)

    def open_way(self, opening: Opening) -> None:
        """Open a way out, and check that the answer names this SIM."""
        answer = self._call(
            "PUT",
            _way_path(opening.iccid, opening.sequence),
            {
                "minutes": opening.minutes,
                "megabytes": opening.megabytes,
                "imsi": opening.imsi,
                "msisdn": opening.msisdn,
            },
        )
        if (answer.get("state"), answer.get("iccid")) != ("open", opening.iccid):
            raise NetworkUnavailable(f"not open: {str(answer)[:120]}", was_sent=True)

    def close_way(self, iccid: str, *, sequence: int) -> None:
        """Close a way out."""
        answer = self._call("DELETE", _way_path(iccid, sequence), None)
        if answer.get("state") != "closed":
            raise NetworkUnavailable(f"not closed: {str(answer)[:120]}", was_sent=True)

    def _call(self, method: str, path: str, content: dict[str, Any] | None) -> dict[str, Any]:
        base = check_address(settings.NETWORK_URL, name="NETWORK_URL")
        token: str = settings.NETWORK_TOKEN
        status, answer = exchange_json(
            method,
            f"{base}{path}",
            within=settings.OUTSIDE_CALL_TIMEOUT,
            unavailable=NetworkUnavailable,
            content=content,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            not_found_errors=NOT_FOUND_ERRORS,
        )
        if httpx.codes.is_client_error(status):
            raise NetworkRefused(f"HTTP {status}: {str(answer)[:120]}")
        if status != httpx.codes.OK:
            raise NetworkUnavailable(f"HTTP {status}", was_sent=True)
        return answer


def _plan_path(reference: str) -> str:
    return f"/subscriptions/{quote(reference, safe='')}"


def _way_path(iccid: str, sequence: int) -> str:
    return f"/ways/{quote(iccid, safe='')}/{sequence}"
