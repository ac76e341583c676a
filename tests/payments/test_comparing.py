"""A gateway's books against the portal's rows: clean books, and each planted difference."""

from datetime import UTC, date, timedelta
from typing import Any

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from moportal.money import Money
from payments.domain import comparing, differences, refunds
from payments.domain import payments as domain
from payments.domain.vouchers import add_voucher
from payments.models import BookDay, BookDifference, BookEntry, GatewayCall, Payment, Refund
from payments.states import DifferenceKind, RefundKind, RefundState
from simulators.payment.booking import fee_of
from tests.payments.conftest import APPROVED, authorise, capture, card
from tests.payments.disputes import ask_about, decide, disputed
from tests.payments.gateway_books import (
    BEGAN,
    FEES,
    begin_books,
    entry_of,
    fetch,
    let_days_pass,
    open_differences,
    plant,
    remove,
)
from tests.payments.vouchers import issue
from tests.processing import process_task

# Days ago.
SOLD = 4


@pytest.fixture
def books(db: None, gateway: str, settings: Settings) -> str:
    """Return the payment simulator's address. Its books are known for a week."""
    settings.PAYMENT_FEES = FEES
    begin_books("simulator")
    return gateway


class Shop:
    """Sells at the payment simulator, and plants differences there."""

    def __init__(self, alice: User, address: str) -> None:
        self.address = address
        self.method = domain.add_card(alice, card(APPROVED))
        self.expected: list[tuple[str, str]] = []

    def sell(self, *, currency: str = "USD") -> Payment:
        payment = Payment.objects.create(
            method=self.method, reference="ORDER", minor_units=1900, currency=currency
        )
        return capture(authorise(payment))

    def give_back(self, minor_units: int, *, actor: User) -> Refund:
        payment = self.sell()
        refund = refunds.request_refund(
            payment,
            Money(minor_units, "USD"),
            kind=RefundKind.GOODWILL,
            reason="slow",
            actor=actor,
        )
        process_task(refunds.KIND, refund.pk)
        refund.refresh_from_db()
        return refund

    def change(self, payment: str, kind: str = "charge", **changes: Any) -> str:
        """Change what is booked for a payment, and return the entry's id."""
        return plant(self.address, **{**entry_of(self.address, payment, kind), **changes})

    def expect(self, kind: DifferenceKind, subject: str) -> None:
        self.expected.append((kind.value, subject))


@pytest.fixture
def shop(alice: User, books: str) -> Shop:
    return Shop(alice, books)


def ago(days: float) -> float:
    """Return the Unix time this many days ago."""
    return (now() - timedelta(days=days)).timestamp()


def test_clean_books_have_no_differences(shop: Shop, clara: User) -> None:
    for currency in ("USD", "JPY", "BHD"):
        shop.sell(currency=currency)
    shop.give_back(600, actor=clara)
    shop.give_back(1900, actor=clara)
    let_days_pass(shop.address, days=SOLD)

    fetch()

    assert open_differences() == []
    assert BookEntry.objects.exclude(kind="payout").count() == 7
    assert not BookDay.objects.filter(compared_at=None).exists()


def test_twenty_two_planted_differences_are_found_and_no_other(shop: Shop, clara: User) -> None:
    for _ in range(3):
        shop.sell()
    plant_charges(shop)
    plant_refunds(shop, clara)
    plant_fees_and_payouts(shop)
    early, late, changed = (shop.sell() for _ in range(3))
    let_days_pass(shop.address, days=SOLD)
    plant_days(shop, early, late)
    fetch()

    entry = shop.change(changed.gateway_id, reference="OTHER")
    shop.expect(DifferenceKind.ENTRY_CHANGED, f"entry:{entry}")
    BookDay.objects.update(is_complete=False, compared_at=None)
    fetch()

    assert len(shop.expected) == 22
    assert open_differences() == sorted(shop.expected)
    assert {kind for kind, _subject in shop.expected} == set(DifferenceKind.values)


def plant_charges(shop: Shop) -> None:
    """Plant eight: charges of either side alone, and charges that are not the same."""
    unbooked = shop.sell()
    remove(shop.address, entry_of(shop.address, unbooked.gateway_id)["id"])
    shop.expect(DifferenceKind.CHARGE_MISSING, f"charge:{unbooked.key}")

    nobodys = plant(shop.address, payment="pay_nobodys", reference="SHOP")
    shop.expect(DifferenceKind.CHARGE_UNKNOWN, f"charge:{nobodys}")

    without_id = plant(shop.address, fee=0)
    shop.expect(DifferenceKind.CHARGE_UNKNOWN, f"charge:{without_id}")

    voided = authorise(
        Payment.objects.create(
            method=shop.method, reference="ORDER", minor_units=1900, currency="USD"
        )
    )
    domain.let_go(voided, before_call=lambda: None)
    charged = plant(shop.address, payment=voided.gateway_id)
    shop.expect(DifferenceKind.CHARGE_UNKNOWN, f"charge:{charged}")

    for amount in (1901, 1899):
        other = shop.change(shop.sell().gateway_id, amount=amount, fee=fee_of(amount))
        shop.expect(DifferenceKind.WRONG_AMOUNT, f"charge:{other}")

    yen = shop.change(shop.sell().gateway_id, currency="JPY")
    shop.expect(DifferenceKind.WRONG_CURRENCY, f"charge:{yen}")

    twice = plant(shop.address, id="entry_twice", payment=shop.sell().gateway_id)
    shop.expect(DifferenceKind.DOUBLED, f"charge:{twice}")


def plant_refunds(shop: Shop, clara: User) -> None:
    """Plant six: refunds and disputes."""
    back = {"kind": "refund", "amount": -600, "fee": 0}
    plant(shop.address, **back, payment=shop.sell().gateway_id, cause="ref_nobodys")
    shop.expect(DifferenceKind.REFUND_UNKNOWN, "refund:ref_nobodys")

    missing = shop.give_back(600, actor=clara)
    remove(shop.address, entry_of(shop.address, missing.payment.gateway_id, "refund")["id"])
    shop.expect(DifferenceKind.REFUND_MISSING, f"refund:{missing.key}")

    less = shop.give_back(600, actor=clara)
    entry = shop.change(less.payment.gateway_id, "refund", amount=-599)
    shop.expect(DifferenceKind.WRONG_AMOUNT, f"refund:{entry}")

    abroad = shop.give_back(600, actor=clara)
    entry = shop.change(abroad.payment.gateway_id, "refund", currency="EUR")
    shop.expect(DifferenceKind.WRONG_CURRENCY, f"refund:{entry}")

    twice = shop.give_back(600, actor=clara)
    known = {"payment": twice.payment.gateway_id, "cause": twice.gateway_id}
    entry = plant(shop.address, id="entry_back_twice", **back, **known)
    shop.expect(DifferenceKind.DOUBLED, f"refund:{entry}")

    lost = shop.sell().gateway_id
    plant(shop.address, **{**back, "kind": "dispute", "payment": lost, "cause": "dis_1"})
    shop.expect(DifferenceKind.DISPUTE_DIFFERS, "dispute:dis_1")


def plant_fees_and_payouts(shop: Shop) -> None:
    """Plant four: fees in an entry and as entries."""
    dear = shop.change(shop.sell().gateway_id, fee=fee_of(1900) + 1)
    shop.expect(DifferenceKind.WRONG_FEE, f"fee:{dear}")

    paid = shop.sell().gateway_id
    plant(shop.address, kind="fee", amount=-25, fee=0, payment=paid)
    shop.expect(DifferenceKind.WRONG_FEE, f"fee:{entry_of(shop.address, paid)['id']}")

    monthly = plant(shop.address, kind="fee", amount=-900, fee=0)
    shop.expect(DifferenceKind.FEE_UNKNOWN, f"fee:{monthly}")

    of_nobody = plant(shop.address, kind="fee", amount=-5, fee=0, payment="pay_of_nobody")
    shop.expect(DifferenceKind.FEE_UNKNOWN, f"fee:{of_nobody}")


def plant_days(shop: Shop, early: Payment, late: Payment) -> None:
    """Plant three: days that cannot be right, and a payout of one minor unit only."""
    for payment, days in ((early, SOLD + 2), (late, SOLD - 2)):
        entry = shop.change(payment.gateway_id, booked_at=ago(days))
        shop.expect(DifferenceKind.WRONG_DAY, f"charge:{entry}")

    payout = f"po_{days_ago(SOLD):%Y%m%d}_usd"
    plant(shop.address, id=payout, kind="payout", amount=-1, fee=0, booked_at=ago(SOLD - 1))
    shop.expect(DifferenceKind.PAYOUT_SUM, f"payout:{payout}")


def test_a_payout_is_not_compared_if_the_gateway_names_none_of_its_entries(shop: Shop) -> None:
    shop.sell()
    let_days_pass(shop.address, days=SOLD)
    fetch()
    assert BookEntry.objects.filter(kind="payout").update(payout_id="", minor_units=-1)

    for day in BookDay.objects.filter(is_complete=True):
        BookDay.objects.filter(pk=day.pk).update(compared_at=None)
        comparing.compare_day(day)

    assert open_differences() == []


def test_an_entry_may_have_any_date_that_some_time_zone_has(shop: Shop) -> None:
    edges = [shop.sell() for _ in range(4)]
    let_days_pass(shop.address, days=SOLD)
    noon = (now() - timedelta(days=SOLD)).replace(hour=12, minute=0)
    # When it is noon in UTC, no zone has the day before any more, and some have the next one.
    wrong = []
    for payment, days in zip(edges, (-1, 0, 1, 2), strict=True):
        Payment.objects.filter(pk=payment.pk).update(created_at=noon, captured_at=noon)
        GatewayCall.objects.filter(payment=payment).update(sent_at=noon)
        booked_at = (noon + timedelta(days=days)).timestamp()
        entry = shop.change(payment.gateway_id, booked_at=booked_at)
        if days in {-1, 2}:
            wrong.append((DifferenceKind.WRONG_DAY.value, f"charge:{entry}"))

    fetch()

    assert open_differences() == sorted(wrong)


def test_a_charge_whose_answer_came_days_later_may_be_booked_in_between(shop: Shop) -> None:
    payment = shop.sell()
    let_days_pass(shop.address, days=SOLD)
    Payment.objects.update(captured_at=now() - timedelta(days=1))

    fetch()

    assert open_differences() == []
    assert payment.captured_at is not None


def test_a_charge_without_a_capture_is_as_old_as_its_payment(shop: Shop) -> None:
    shop.sell()
    GatewayCall.objects.filter(operation="capture").delete()
    let_days_pass(shop.address, days=SOLD)

    fetch()

    assert open_differences() == []


def test_what_was_sold_before_the_books_began_is_not_missed(shop: Shop, clara: User) -> None:
    shop.give_back(600, actor=clara)
    httpx.post(f"{shop.address}/reset", trust_env=False)
    let_days_pass(shop.address, days=BEGAN + 1)

    fetch()

    assert open_differences() == []


def test_a_refund_that_the_bank_sent_back_leaves_nothing(shop: Shop, clara: User) -> None:
    shop.method = domain.add_card(shop.method.account, card("4000000000007726"))
    refund = shop.give_back(600, actor=clara)
    said = {"status": "failed"}
    httpx.post(f"{shop.address}/refunds/{refund.gateway_id}/end", json=said, trust_env=False)
    process_task(refunds.KIND, refund.pk)
    let_days_pass(shop.address, days=SOLD)

    fetch()

    refund.refresh_from_db()
    assert refund.state == RefundState.FAILED
    assert BookEntry.objects.filter(kind="refund").count() == 2
    assert open_differences() == []


def test_a_failed_refund_that_the_gateway_has_made_differs(shop: Shop, clara: User) -> None:
    refund = shop.give_back(600, actor=clara)
    Refund.objects.update(state=RefundState.FAILED)
    let_days_pass(shop.address, days=SOLD)

    fetch()

    entry = entry_of(shop.address, refund.payment.gateway_id, "refund")["id"]
    assert open_differences() == [(DifferenceKind.WRONG_AMOUNT, f"refund:{entry}")]
    assert str(BookDifference.objects.get().ours) == "$0.00"


@pytest.mark.parametrize("is_booked", [True, False])
def test_a_refund_without_an_id_is_known_by_its_amount(
    shop: Shop,
    clara: User,
    is_booked: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    refund = shop.give_back(600, actor=clara)
    Refund.objects.update(gateway_id="")
    if not is_booked:
        shop.change(refund.payment.gateway_id, "refund", amount=-700)
    let_days_pass(shop.address, days=SOLD)

    fetch()

    wrong = [DifferenceKind.REFUND_MISSING, DifferenceKind.REFUND_UNKNOWN]
    assert [kind for kind, _subject in open_differences()] == ([] if is_booked else wrong)


def test_an_unknown_refund_that_was_taken_back_is_no_difference(shop: Shop) -> None:
    known = {"kind": "refund", "fee": 0, "payment": shop.sell().gateway_id, "cause": "ref_1"}
    for amount in (-600, 600):
        plant(shop.address, **known, amount=amount)
    let_days_pass(shop.address, days=SOLD)

    fetch()

    assert open_differences() == []


@pytest.mark.parametrize("status", ["needs_answer", "lost", "won"])
def test_a_dispute_that_the_portal_knows_is_no_difference(shop: Shop, status: str) -> None:
    dispute = disputed(shop.address, shop.sell())
    decide(shop.address, dispute.gateway_id, status)
    ask_about(dispute.gateway_id)
    let_days_pass(shop.address, days=SOLD)

    fetch()

    kinds = list(BookEntry.objects.exclude(kind="payout").values_list("kind", flat=True))
    assert sorted(kinds) == sorted(["charge", "fee", "dispute", *["dispute"] * (status == "won")])
    assert open_differences() == []


def test_a_dispute_with_another_fee_or_without_entries_differs(shop: Shop) -> None:
    dear, missing = (disputed(shop.address, shop.sell()) for _ in range(2))
    fee = shop.change(dear.payment.gateway_id, "fee", amount=-1600)
    for kind in ("dispute", "fee"):
        remove(shop.address, entry_of(shop.address, missing.payment.gateway_id, kind)["id"])
    let_days_pass(shop.address, days=SOLD)

    fetch()

    assert open_differences() == [
        (DifferenceKind.DISPUTE_DIFFERS, f"dispute:{missing.gateway_id}"),
        (DifferenceKind.WRONG_FEE, f"fee:{fee}"),
    ]


def test_a_dispute_of_an_unknown_payment_and_a_payout_that_is_booked_twice(books: str) -> None:
    entry = plant(books, kind="dispute", amount=-5, fee=0, payment="pay_1", booked_at=ago(SOLD))
    row = {"gateway": "simulator", "kind": "payout", "minor_units": 0, "currency": "EUR"}
    day = (now() - timedelta(days=SOLD)).date()
    for number in (1, 2):
        BookEntry.objects.create(**row, entry_id=f"t{number}", payout_id="t1", booked_on=day)

    fetch()

    assert open_differences() == [
        (DifferenceKind.DISPUTE_DIFFERS, f"dispute:{entry}"),
        (DifferenceKind.DOUBLED, "payout:t2"),
    ]


def test_each_entry_is_compared_on_its_own_day(shop: Shop, clara: User) -> None:
    twice = shop.sell()
    again = plant(shop.address, id="entry_twice", payment=twice.gateway_id)
    refund = shop.give_back(600, actor=clara)
    Refund.objects.update(state=RefundState.FAILED)
    known = {"payment": refund.payment.gateway_id, "cause": refund.gateway_id}
    late = shop.give_back(600, actor=clara)
    won = disputed(shop.address, shop.sell())
    decide(shop.address, won.gateway_id, "won")
    ask_about(won.gateway_id)
    let_days_pass(shop.address, days=SOLD)
    later = {"booked_at": ago(SOLD - 1)}
    plant(shop.address, id=again, payment=twice.gateway_id, **later)
    # The bank sends the money back a day later, and the dispute is won then.
    plant(shop.address, kind="refund", amount=600, fee=0, **known, **later)
    shop.change(late.payment.gateway_id, "refund", **later)
    Refund.objects.filter(pk=late.pk).update(ended_at=now() - timedelta(days=SOLD - 1))
    back = {"payment": won.payment.gateway_id, "cause": won.gateway_id, **later}
    remove(shop.address, entry_won(shop.address, won.gateway_id))
    plant(shop.address, kind="dispute", amount=1900, fee=0, **back)

    fetch()

    assert open_differences() == [(DifferenceKind.DOUBLED, f"charge:{again}")]
    assert BookDifference.objects.get(settled_at=None).day == days_ago(SOLD - 1)


def entry_won(address: str, cause: str) -> str:
    """Return the id of the entry by which the amount of a dispute came back."""
    found = httpx.get(f"{address}/books", trust_env=False).json()["entries"]
    [entry] = [one["id"] for one in found if one["cause"] == cause and one["amount"] > 0]
    return str(entry)


def days_ago(days: int) -> date:
    return (now() - timedelta(days=days)).astimezone(UTC).date()


def test_a_day_that_was_compared_is_not_compared_again(shop: Shop) -> None:
    shop.sell()
    let_days_pass(shop.address, days=SOLD)
    fetch()
    BookEntry.objects.all().delete()

    comparing.compare_day(BookDay.objects.earliest("day"))

    assert open_differences() == []


def test_what_is_found_later_closes_the_difference_and_opens_it_again(shop: Shop) -> None:
    payment = shop.sell()
    entry = entry_of(shop.address, payment.gateway_id)
    remove(shop.address, entry["id"])
    let_days_pass(shop.address, days=SOLD)
    fetch()
    missing = [(DifferenceKind.CHARGE_MISSING.value, f"charge:{payment.key}")]
    assert open_differences() == missing

    # The gateway lists it after all.
    plant(shop.address, **{**entry, "booked_at": ago(SOLD)})
    BookDay.objects.update(is_complete=False, compared_at=None)
    fetch()

    assert open_differences() == []
    assert BookDifference.objects.get().reason == differences.NO_LONGER_FOUND
    BookEntry.objects.all().delete()
    BookDay.objects.update(compared_at=None)
    comparing.compare_complete_days("simulator")
    assert open_differences() == missing


def test_a_settled_difference_stays_settled_until_its_amounts_change(
    shop: Shop, clara: User
) -> None:
    other = shop.change(shop.sell().gateway_id, amount=1950, fee=fee_of(1950))
    let_days_pass(shop.address, days=SOLD)
    fetch()
    found = BookDifference.objects.get()
    # The payout would no longer be the sum.
    BookEntry.objects.filter(kind="payout").delete()
    assert differences.settle(found, reason="The gateway pays it back.", actor=clara)
    assert not differences.settle(found, reason="Again.", actor=clara)

    compare_all_again()
    assert open_differences() == []

    BookEntry.objects.filter(entry_id=other).update(minor_units=1940, fee_minor_units=fee_of(1940))
    compare_all_again()
    again = BookDifference.objects.get(settled_at=None)
    assert again.their_minor_units == 1940

    BookEntry.objects.filter(entry_id=other).update(minor_units=1930, fee_minor_units=fee_of(1930))
    compare_all_again()
    again.refresh_from_db()
    assert (again.their_minor_units, again.settled_at) == (1930, None)


def compare_all_again() -> None:
    BookDay.objects.update(compared_at=None)
    comparing.compare_complete_days("simulator")


def test_the_voucher_servers_books_are_compared_too(
    alice: User, clara: User, vouchers: str
) -> None:
    begin_books("vouchers")
    method = add_voucher(alice, issue(vouchers), market="US")
    payment = capture(
        authorise(
            Payment.objects.create(
                method=method, reference="ORDER", minor_units=1900, currency="USD"
            )
        )
    )
    price = Money(600, "USD")
    refund = refunds.request_refund(
        payment, price, kind=RefundKind.GOODWILL, reason="slow", actor=clara
    )
    process_task(refunds.KIND, refund.pk)
    unknown = plant(vouchers, fee=0, payment="res_unknown")
    let_days_pass(vouchers, days=SOLD)

    fetch()

    assert open_differences() == [(DifferenceKind.CHARGE_UNKNOWN, f"charge:{unknown}")]
    assert BookEntry.objects.filter(kind="payout").count() == 1
