"""Purchases by Stripe's adapter against a peer that is not of this repository.

`python -m tests.stripe_journey localstripe PROGRAM` starts localstripe and runs against it, and
`python -m tests.stripe_journey stripe` against Stripe itself, with the test key in STRIPE_API_KEY.
A purchase, a refusal, a capture, a void and refunds in parts: what both peers can do. localstripe
has no page, no idempotency keys, no search and no disputes.
"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

import django
import httpx

from demo.parts import LOOPBACK
from tests.services import free_port
from tests.settings_for import check_environment

API = "https://api.stripe.com"
# An address that nobody opens: the journey needs no bank.
BACK = "https://portal.example/back/"
# Parameters of newer versions of the API than localstripe plays.
NEWER = ("return_url", "allowed_payment_method_types")
CARDS = {"approved": "4242424242424242", "refused": "4000000000000341"}
NAMES = {"approved": "pm_card_visa", "refused": "pm_card_chargeCustomerFail"}
READY_WITHIN = 30.0
NO_KEY = """\
STRIPE_API_KEY is not set, so nothing was run against Stripe. Set a test key (sk_test_… or
rk_test_…) and run `make stripe` again.
"""


def main() -> None:
    peer, *more = sys.argv[1:]
    key = os.environ.get("STRIPE_API_KEY", "")
    if peer == "stripe" and not key.startswith(("sk_test_", "rk_test_")):
        sys.exit(NO_KEY)
    os.environ.update(check_environment(), STRIPE_API_KEY=key or "sk_test_1", STRIPE_MODE="test")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")
    if peer == "stripe":
        run(API, key, is_real=True)
        return
    with localstripe(*more) as url:
        run(url, "sk_test_1", is_real=False)


@contextmanager
def localstripe(program: str) -> Iterator[str]:
    """Start localstripe, and yield its address."""
    port = free_port()
    command = [program, "--port", str(port), "--from-scratch"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://{LOOPBACK}:{port}"
        deadline = time.monotonic() + READY_WITHIN
        while not _answers(url):
            if time.monotonic() > deadline:
                sys.exit("localstripe does not answer")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def leave_out_newer_parameters() -> None:
    """Send localstripe only the parameters that it knows."""
    from payments.gateways.stripe import client  # noqa: PLC0415 -- needs the settings

    send = client.PortalHttpClient.request

    def request(
        self: Any, method: str, url: str, headers: Mapping[str, str] | None, data: Any = None
    ) -> Any:
        fields = parse_qsl(data or "", keep_blank_values=True)
        known = [(name, text) for name, text in fields if name.partition("[")[0] not in NEWER]
        return send(self, method, url, headers, urlencode(known) if data else data)

    client.PortalHttpClient.request = request  # type: ignore[method-assign,assignment]  # localstripe alone


def run(url: str, key: str, *, is_real: bool) -> None:
    """Run the journey, and print each step. A broken promise raises `AssertionError`."""
    os.environ["STRIPE_URL"] = url
    django.setup()
    if not is_real:
        leave_out_newer_parameters()
    from moportal.money import Money  # noqa: PLC0415 -- needs the settings
    from payments.gateways import values  # noqa: PLC0415 -- the same
    from payments.gateways.base import GatewayRefused  # noqa: PLC0415 -- the same
    from payments.gateways.stripe import StripeGateway  # noqa: PLC0415 -- the same
    from payments.states import Initiator  # noqa: PLC0415 -- the same

    gateway, price = StripeGateway(), Money(1900, "USD")

    def pay(kind: str) -> values.Standing:
        token = keep_card(url, key, kind, is_real=is_real)
        return gateway.authorise(
            token,
            price,
            reference="JOURNEY",
            return_url=BACK,
            initiator=Initiator.CUSTOMER,
            key=str(uuid.uuid4()),
        )

    bought = pay("approved")
    check(isinstance(bought, values.Authorised), "a purchase is authorised")
    gateway.capture(bought.gateway_id, key=str(uuid.uuid4()))
    captured = gateway.fetch(bought.gateway_id)
    check(isinstance(captured, values.Captured), "it is captured")
    for units in (600, 1300):
        part = gateway.refund(bought.gateway_id, Money(units, "USD"), key=f"refund-{uuid.uuid4()}")
        check(isinstance(part, values.Refunded), f"a refund of {units} is done")
    check(
        isinstance(gateway.fetch(bought.gateway_id), values.VoidedOrRefunded), "all is given back"
    )
    left = pay("approved")
    gateway.void(left.gateway_id, key=str(uuid.uuid4()))
    check(isinstance(gateway.fetch(left.gateway_id), values.VoidedOrRefunded), "a void is void")
    try:
        # localstripe's error has no payment in it.
        is_refused = isinstance(pay("refused"), values.Declined)
    except GatewayRefused:
        is_refused = not is_real
    check(is_refused, "a refused card is refused")


def keep_card(url: str, key: str, kind: str, *, is_real: bool) -> str:
    """Let the peer keep a test card for a new customer, and return its token."""
    from payments.gateways.stripe.answers import make_token  # noqa: PLC0415 -- needs the settings

    def post(path: str, **form: str) -> str:
        answer = httpx.post(f"{url}/v1/{path}", data=form, auth=(key, ""), trust_env=False)
        return str(answer.raise_for_status().json()["id"])

    customer = post("customers", description="moportal's journey")
    method = NAMES[kind]
    if not is_real:
        card = {"number": CARDS[kind], "exp_month": "12", "exp_year": "2049", "cvc": "123"}
        fields = {f"card[{name}]": text for name, text in card.items()}
        method = post("payment_methods", type="card", **fields)
    return make_token(post(f"payment_methods/{method}/attach", customer=customer), customer)


def check(is_kept: bool, promise: str) -> None:  # noqa: FBT001 -- reads like an assertion
    if not is_kept:
        raise AssertionError(promise)
    print(f"  {promise}", flush=True)


if __name__ == "__main__":
    main()
