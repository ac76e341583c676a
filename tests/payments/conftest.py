"""What the tests of payments share: cards, payments, and the gateway's page."""

from datetime import timedelta
from typing import Any

import httpx
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money, with_tax
from payments.domain import mandates, pages
from payments.domain import payments as domain
from payments.domain.receipts import Sale
from payments.gateways.values import Card
from payments.models import CardPage, Mandate, Payment, PaymentMethod
from payments.states import PaymentState, RefusalKind
from tests.processing import process_task
from tests.providers import books

TYPED = {"number": "4242424242424242", "csc": "123", "name": "Alice"}
APPROVED, REFUSED = "4242424242424242", "4000000000000002"
CUSTOMER_STEP = "4000002760003184"


def card(number: str = APPROVED) -> Card:
    return Card(number, 12, now().year + 4, "123", "Alice")


def make_payment(alice: User, number: str = APPROVED) -> Payment:
    method = domain.add_card(alice, card(number))
    return Payment.objects.create(
        method=method, reference="ORDER", minor_units=1900, currency="USD"
    )


def sale_of(payment: Payment, **changes: Any) -> Sale:
    """Return what a payment pays for: a plan, with 9 % tax in its price."""
    price = with_tax(Money(payment.minor_units, payment.currency), rate=900, included=True)
    of_plan = {"item": "Traveller", "price": price, "tax_rate": 900}
    return Sale(**{"buyer": payment.method.account, **of_plan, **changes})


def agree(method: PaymentMethod, purpose: str = "plan 1", **more: Any) -> Mandate:
    text = "Charge my card each month."
    return mandates.agree(method, purpose=purpose, **{"text": text, "language": "en", **more})


def refuse(method: PaymentMethod, times: int = 1, *, days_ago: int = 0, **more: Any) -> None:
    """Store refusals of the method, as the bank's answers leave them."""
    for number in range(times):
        row = {
            "reference": f"R{days_ago}-{number}",
            "minor_units": 100,
            "currency": "USD",
            "state": PaymentState.DECLINED,
            "refusal_kind": RefusalKind.LATER,
            "declined_at": now() - timedelta(days=days_ago),
        }
        Payment.objects.create(method=method, **{**row, **more})


def gateway_payments(gateway: str) -> list[tuple[str, int]]:
    """Return status and amount of each payment in the gateway's books."""
    return [(payment["status"], payment["amount"]) for payment in books(gateway)["payments"]]


def authorise(payment: Payment) -> Payment:
    return domain.authorise(payment, before_call=lambda: None)


def capture(payment: Payment) -> Payment:
    return domain.capture(payment, before_call=lambda: None)


def type_card(url: str, **changes: str) -> str:
    """Type a card on the gateway's page, and return the address to which it redirects."""
    expiry = f"12/{(now().year + 4) % 100}"
    form = {"decision": "store", **TYPED, "expiry": expiry, **changes}
    answer = httpx.post(url, data=form, trust_env=False)
    assert answer.status_code == httpx.codes.SEE_OTHER
    return answer.headers["location"]


def opened_page(account: User) -> CardPage:
    """Return a page that a worker has opened."""
    page = pages.request_page(account, key=CardPage().key, return_url="http://127.0.0.1/back/")
    process_task(pages.KIND, page.pk)
    page.refresh_from_db()
    return page
