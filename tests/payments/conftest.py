"""What the tests of payments share: cards, payments, and the gateway's page."""

import httpx
from django.utils.timezone import now

from accounts.models import User
from payments.domain import pages
from payments.domain import payments as domain
from payments.gateways.values import Card
from payments.models import CardPage, Payment
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
