"""The bare script: for each order the product's calls and the product's writes, nothing else.

`python -m bench.bare FILE` reads addresses and orders from a JSON file, warms up, prints "ready",
waits for a line, handles its orders one after another, and prints the time that took.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg

from bench.message_writes import MessageWrites
from bench.statements import Order
from bench.writes import RETURN_URL, Writes

ES2 = "/gsma/rsp2/es2plus/"
SUBJECT = "Your order is confirmed"
# As long as the portal's text.
TEXT = "x" * 600
S = TypeVar("S")
T = TypeVar("T")
ES2_HEADERS = {"Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.2.0"}


@dataclass(frozen=True)
class Script:
    """The open connections of one process."""

    connection: psycopg.Connection[Any]
    client: httpx.Client
    payment_url: str
    smdp_url: str
    network_url: str
    message_url: str

    def handle(self, order: Order) -> None:
        """Do what the product does, in the same order: a row before each call and one after it."""
        writes = Writes(self.connection, order)
        writes.place_order()
        writes.claim_task()
        writes.start_order()
        payment = self._authorise(writes, order)
        writes.renew_lease()
        writes.intend_profile()
        self._download_order(writes, order)
        self._confirm_order(writes, order)
        writes.create_line()
        self._activate(writes, order)
        writes.decide_to_charge()
        self._capture(writes, order, payment)
        writes.complete_order()
        writes.close_task()
        send_message(self.client, self.message_url, writes)

    def _authorise(self, writes: Writes, order: Order) -> str:
        body = {
            "token": order.token,
            "amount": order.gross,
            "currency": order.currency,
            "reference": order.number,
            "return_url": RETURN_URL.format(order.number),
        }
        payment: str = self._pay(writes, "authorise", "", order.key, body)["id"]
        writes.mark_authorised(payment)
        return payment

    def _capture(self, writes: Writes, order: Order, payment: str) -> None:
        self._pay(writes, "capture", f"/{payment}/capture", f"{order.key}:capture", {})
        writes.mark_captured()

    def _pay(
        self, writes: Writes, operation: str, path: str, key: str, body: dict[str, object]
    ) -> dict[str, Any]:
        writes.renew_lease()
        call = writes.insert_gateway_call(operation, key)
        url, headers = f"{self.payment_url}/payments{path}", {"Idempotency-Key": key}
        answer = self.client.post(url, json=body, headers=headers).raise_for_status()
        writes.store_gateway_answer(call)
        result: dict[str, Any] = answer.json()
        return result

    def _download_order(self, writes: Writes, order: Order) -> None:
        profile = {"eid": order.eid, "iccid": order.iccid}
        self._es2(writes, order, "downloadOrder", {**profile, "profileType": "consumer"})
        writes.mark_profile_reserved()

    def _confirm_order(self, writes: Writes, order: Order) -> None:
        profile = {"iccid": order.iccid, "eid": order.eid, "matchingId": order.matching_id}
        body = self._es2(writes, order, "confirmOrder", {**profile, "releaseFlag": True})
        writes.mark_profile_released(body["smdpAddress"])

    def _activate(self, writes: Writes, order: Order) -> None:
        writes.renew_lease()
        call = writes.insert_network_call(order.iccid)
        told = {"sequence": call, "active": True, "plan": order.plan_code}
        answer = self.client.put(
            f"{self.network_url}/subscriptions/{order.number}/sims/{order.iccid}",
            json={**told, "imsi": "", "msisdn": ""},
        ).raise_for_status()
        writes.store_network_answer(call)
        if not answer.json()["active"]:
            raise ValueError(answer.text)
        writes.mark_active_in_network()

    def _es2(
        self, writes: Writes, order: Order, function: str, fields: dict[str, object]
    ) -> dict[str, Any]:
        identifier = uuid.uuid4()
        header = {
            "functionRequesterIdentifier": order.requester,
            "functionCallIdentifier": str(identifier),
        }
        writes.renew_lease()
        call = writes.insert_es2_call(function, identifier, fields)
        content = json.dumps({"header": header, **fields}, ensure_ascii=False).encode()
        answer = self.client.post(
            f"{self.smdp_url}{ES2}{function}", content=content, headers=ES2_HEADERS
        ).raise_for_status()
        writes.store_es2_answer(call, answer.text)
        body: dict[str, Any] = answer.json()
        if body["header"]["functionExecutionStatus"]["status"] != "Executed-Success":
            raise ValueError(answer.text)
        return body


def send_message(client: httpx.Client, url: str, writes: MessageWrites) -> None:
    """Send the message that confirms the sale, with its rows before and after the call."""
    sale = writes.order
    writes.begin_message()
    call = writes.insert_sending_call()
    message = {
        "id": sale.key,
        "to": sale.address,
        "subject": SUBJECT,
        "text": TEXT,
        "language": "en",
    }
    headers = {"Idempotency-Key": sale.key}
    answer = client.post(f"{url}/messages", json=message, headers=headers)
    writes.end_message(call, answer.raise_for_status().json()["id"])


def main() -> None:
    run_script(sys.argv[1], Script, Order, Script.handle)


def run_script(
    file: str,
    script_class: Callable[..., S],
    kind: Callable[..., T],
    handle: Callable[[S, T], None],
) -> None:
    """Handle the file's sales one after another, once a line says "go", and print the time."""
    parameters = json.loads(Path(file).read_text(encoding="utf-8"))
    sales = [kind(**sale) for sale in parameters["sales"]]
    with (
        psycopg.connect(parameters["database_url"], autocommit=True) as connection,
        httpx.Client(trust_env=False) as client,
    ):
        script = script_class(connection, client, **parameters["urls"])
        for sale in sales[: parameters["warm_up"]]:
            handle(script, sale)
        print("ready", flush=True)
        sys.stdin.readline()
        began, used = time.time(), time.process_time()
        for sale in sales[parameters["warm_up"] :]:
            handle(script, sale)
        took = {"cpu": time.process_time() - used, "began": began, "ended": time.time()}
    print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
