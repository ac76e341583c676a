"""After a bank was out of reach, the payment page preselects what needs no page of a bank."""

import re

import httpx
import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.domain import proofs
from accounts.models import User
from accounts.states import ProofKind
from esim.models import Sim
from orders.domain import placing
from orders.domain.choices import payment_choices, preselect
from orders.models import Draft, Order
from payments.domain import bills, vouchers
from payments.models import Payment, PaymentMethod
from payments.states import PaymentState
from subscriptions.domain import ways_out
from tests.builders import make_card, make_order, payment_of
from tests.orders.conftest import CUSTOMER_STEP, new_card, settled
from tests.payments.bills import new_number
from tests.processing import process_task

# The number of a way out that no test reaches. The network refuses all numbers up to it.
ALL_WAYS = 10**9


@pytest.fixture
def card(network: str) -> Sim:
    return make_card()


@pytest.fixture
def order(as_alice: Client, alice: User, card: Sim, gateway: str, smdp: str) -> Order:
    """Return Alice's order for the SIM card in her device, which waits for her bank."""
    as_alice.get(f"/?market=US&location=US&transactionId=T1&iccid={card.iccid}")
    as_alice.get("/options/")
    visit = alice.drafts.get().visit
    return settled(make_order(alice, visit=visit, method=new_card(alice, CUSTOMER_STEP)))


@pytest.fixture
def draft(alice: User, order: Order, card: Sim, network: str) -> Draft:
    """Return the draft by which Alice pays another way, after the network opened no way out."""
    httpx.delete(f"{network}/ways/{card.iccid}/{ALL_WAYS}", trust_env=False)
    return give_up(alice, order)


def give_up(alice: User, order: Order) -> Draft:
    way = ways_out.latest(order.number)
    assert way is not None
    process_task(ways_out.KIND, way.pk)
    placing.request_cancel(order, actor=alice)
    settled(order)
    return placing.reopen_draft(order)


def preselected(draft: Draft) -> str:
    return preselect(draft, payment_choices(draft))


def charged(alice: User) -> PaymentMethod:
    """Return a card whose last charge needed no step at the bank."""
    method = new_card(alice)
    Payment.objects.create(
        method=method,
        reference="EARLIER",
        minor_units=1900,
        currency="USD",
        gateway_id="p",
        state=PaymentState.CAPTURED,
        captured_at=now(),
    )
    return method


def test_the_card_whose_bank_was_out_of_reach_is_not_preselected(
    as_alice: Client, draft: Draft
) -> None:
    page = " ".join(as_alice.get("/payment/").text.split())

    assert "Visa ending in 3184" in page
    assert not re.search(r'name="method"[^>]* checked', page)
    assert preselected(draft) == ""


def test_another_card_that_needed_no_step_is_preselected(
    as_alice: Client, alice: User, draft: Draft
) -> None:
    new_card(alice)
    assert preselected(draft) == ""

    method = charged(alice)

    assert preselected(draft) == str(method.pk)


def test_the_bill_of_a_number_comes_before_a_new_voucher(
    alice: User, draft: Draft, vouchers: str, billing: str
) -> None:
    assert preselected(draft) == "voucher"

    number = new_number()
    proofs.record(alice, ProofKind.OIDC, number)
    assert preselected(draft) == number

    bill = bills.add_bill(alice, number, market="US")
    assert bill is not None
    assert preselected(draft) == str(bill.pk)


def test_a_stored_voucher_needs_no_bank(alice: User, draft: Draft, vouchers: str) -> None:
    voucher = add_voucher(alice)

    assert preselected(draft) == str(voucher.pk)


def add_voucher(alice: User) -> PaymentMethod:
    return vouchers.add_voucher(alice, "KESTREL0000AAAA", market="US", network="")


def test_what_the_customer_chose_since_stands(alice: User, draft: Draft) -> None:
    method = PaymentMethod.objects.get()
    Draft.objects.filter(pk=draft.pk).update(method=method)
    draft.refresh_from_db()

    assert preselected(draft) == str(method.pk)


def test_after_a_way_out_that_was_open_the_card_is_preselected(alice: User, order: Order) -> None:
    assert preselected(give_up(alice, order)) == str(payment_of(order).method_id)


def test_in_another_visit_the_card_is_preselected(
    as_alice: Client, alice: User, draft: Draft
) -> None:
    Draft.objects.filter(submitted_at=None).delete()
    as_alice.get("/?market=US&location=US&transactionId=T2")
    as_alice.get("/options/")

    assert preselected(alice.drafts.get(submitted_at=None)) == str(PaymentMethod.objects.get().pk)
