"""Journeys that use each request of the bill's adapter, for tests of what is sent and answered."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
from django.utils.timezone import now

from moportal.money import Money
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.gateways.carrier_billing import CarrierBilling
from payments.gateways.values import Captured, CodeStep, Standing
from payments.states import Initiator
from tests.payments import bills

# No decimal, two, and three: the yen, the dollar and the Kuwaiti dinar.
AMOUNTS = (Money(500, "JPY"), Money(1999, "USD"), Money(1505, "KWD"))
PRICE = AMOUNTS[1]
REFUSED = (bills.OVER_LIMIT, bills.NO_BILL, bills.DENIED, bills.TOO_MUCH, bills.NOBODYS)


def authorise(number: str, *, key: str = "", amount: Money = PRICE) -> Standing:
    """Reserve an amount, under the number itself as key and reference unless one is given."""
    key = key or f"{number[1:]}-{amount.currency}"
    return CarrierBilling().authorise(
        number,
        amount,
        reference=key[:20],
        return_url="",
        initiator=Initiator.CUSTOMER,
        key=key,
    )


def charged(number: str = "", *, amount: Money = PRICE) -> str:
    """Return the id of a payment that is charged."""
    number = number or bills.new_number()
    gateway_id = authorise(number, amount=amount).gateway_id
    CarrierBilling().capture(gateway_id, key=f"{gateway_id}:capture")
    assert CarrierBilling().fetch(gateway_id) == Captured(gateway_id)
    return gateway_id


def play(billing: str) -> list[dict[str, Any]]:
    """Play all journeys against the simulator, and return its requests and answers."""
    bill = CarrierBilling()
    for amount in AMOUNTS:
        paid = charged(amount=amount)
        bill.refund(paid, Money(1, amount.currency), key=f"{paid}:part")
        bill.refund(paid, Money(amount.minor_units - 1, amount.currency), key=f"{paid}:rest")
        bill.fetch(paid)
    whole = charged()
    bill.refund(whole, PRICE, key=f"{whole}:whole")
    bill.find_refund(whole, key=f"{whole}:whole")
    with suppress(GatewayRefused):
        bill.refund(whole, PRICE, key=f"{whole}:again")
    for ending in (*REFUSED, bills.SLOW, bills.WITH_PAGE):
        authorise(bills.new_number(ending))
    _type_codes(billing)
    _end_twice()
    bill.find(reference="none", key="none", since=now() - timedelta(hours=1))
    with suppress(GatewayUnavailable):
        bill.fetch("unknown")
    with suppress(GatewayRefused):
        authorise(bills.new_number(), key="reused")
        authorise(bills.new_number(), key="reused")
    _ask_directly(billing)
    exchanges: list[dict[str, Any]] = httpx.get(f"{billing}/exchanges", trust_env=False).json()[
        "exchanges"
    ]
    return exchanges


def _ask_directly(billing: str) -> None:
    """Send requests that the adapter never sends, for the answers to them."""
    paid, voided = charged(), authorise(bills.new_number()).gateway_id
    CarrierBilling().void(voided, key="void")
    open_one = authorise(bills.new_number()).gateway_id
    base, refunds = f"{billing}/carrier-billing/v0", f"{billing}/carrier-billing-refund/v0"
    numbers = {row["id"]: {"phoneNumber": row["number"]} for row in bills.bill(billing)}
    amount = {"amount": 1, "currency": "USD", "description": "x"}
    unnamed = {"paymentAmount": {"chargingInformation": amount}, "referenceCode": "unnamed"}
    total = {"type": "total", "amountTransaction": {"referenceCode": "x", "refundAmount": {}}}
    with httpx.Client(trust_env=False) as client:
        for gateway_id in (paid, voided):
            for action in ("confirm", "cancel"):
                path = f"{base}/payments/{gateway_id}/{action}"
                client.post(path, json=numbers[gateway_id])
        client.post(f"{base}/payments/{open_one}/confirm", json={"phoneNumber": "+15559999999"})
        client.post(f"{base}/payments/prepare", json={"amountTransaction": unnamed})
        client.post(f"{refunds}/payments/{open_one}/refunds", json=total)
        client.get(f"{refunds}/payments/{paid}/refunds/unknown")
        late_first = {
            "paymentCreationDate.gte": "2026-02-01T00:00:00Z",
            "paymentCreationDate.lte": "2026-01-01T00:00:00Z",
        }
        client.get(f"{base}/payments", params=late_first)
        by_status = {"paymentStatus": "reserved,succeeded", "perPage": "2", "page": "2"}
        client.get(f"{base}/payments", params=by_status)


def _type_codes(billing: str) -> None:
    """Type a wrong code, the right one twice, and wrong ones until no code is taken any more."""
    for is_right in (True, False):
        step = authorise(bills.new_number(bills.WITH_CODE))
        assert isinstance(step, CodeStep)
        CarrierBilling().fetch(step.gateway_id)
        wrong = bills.sent_code(billing, step.gateway_id, is_right=False)
        right = bills.sent_code(billing, step.gateway_id)
        typed = [wrong, right, right] if is_right else [wrong] * 6
        for code in typed:
            CarrierBilling().confirm_code(step.gateway_id, step.step_id, code, key="code")
        CarrierBilling().confirm_code(step.gateway_id, "another", right, key="code")


def _end_twice() -> None:
    """Void a payment and then try to charge it, and the other way round."""
    voided, paid = authorise(bills.new_number()).gateway_id, charged()
    CarrierBilling().void(voided, key="void")
    with suppress(GatewayRefused):
        CarrierBilling().capture(voided, key="capture")
    with suppress(GatewayRefused):
        CarrierBilling().void(paid, key="void")
