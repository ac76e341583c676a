"""The bare loop of renewals: the product's calls and the product's writes, and nothing else.

`python -m bench.bare_renewals FILE` reads addresses and renewals from a JSON file, prints "ready",
waits for a line, renews one plan after another, and prints the time that took.
"""

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import psycopg

from bench.bare import run_script, send_message
from bench.renewal_writes import MONTH, Renewal, RenewalWrites


@dataclass(frozen=True)
class Script:
    """The open connections of one process."""

    connection: psycopg.Connection[Any]
    client: httpx.Client
    payment_url: str
    network_url: str
    message_url: str

    def renew(self, renewal: Renewal) -> None:
        """Do what the product does, in the same order: a row before each call and one after it."""
        send_message(self.client, self.message_url, self.charge(renewal))

    def charge(self, renewal: Renewal) -> RenewalWrites:
        """Charge the next month, open it, and tell the network."""
        writes, starts_at = (
            RenewalWrites(self.connection, renewal),
            datetime.fromisoformat(renewal.ends_at),
        )
        writes.enqueue()
        writes.claim(writes.rows.task)
        writes.plan_period(starts_at)
        writes.create_payment()
        body = {
            "token": renewal.token,
            "amount": renewal.minor_units,
            "currency": "USD",
            "reference": f"{renewal.number}-2",
        }
        payment = self._pay(writes, "authorise", "", renewal.key, body)
        writes.decide()
        self._pay(writes, "capture", f"/{payment}/capture", f"{renewal.key}:capture", {})
        writes.open_period(starts_at)
        self._renew_in_network(writes, renewal, starts_at + MONTH)
        writes.finish(starts_at + MONTH)
        return writes

    def _pay(
        self, writes: RenewalWrites, operation: str, path: str, key: str, body: dict[str, object]
    ) -> str:
        call = writes.insert_gateway_call(operation, key)
        writes.renew_lease()
        url, headers = f"{self.payment_url}/payments{path}", {"Idempotency-Key": key}
        answer = self.client.post(url, json=body, headers=headers).raise_for_status().json()
        state = "captured" if operation == "capture" else "authorised"
        writes.store_gateway_answer(call, state, answer["id"])
        payment: str = answer["id"]
        return payment

    def _renew_in_network(self, writes: RenewalWrites, renewal: Renewal, until: datetime) -> None:
        call = writes.insert_network_call()
        url = f"{self.network_url}/subscriptions/{renewal.number}/period"
        plan = renewal.plan_code
        body = {"sequence": call, "period": 2, "until": until.isoformat(), "plan": plan}
        self.client.put(url, json=body).raise_for_status()
        writes.store_network_answer(call, until)


def main() -> None:
    run_script(sys.argv[1], Script, Renewal, Script.renew)


if __name__ == "__main__":
    main()
