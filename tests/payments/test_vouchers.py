"""`payments.domain.vouchers`: a code is counted, stored sealed, and used up once."""

from datetime import timedelta

import httpx
import pytest
from django.db import connection
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.access.limiter import Locked
from accounts.models import AttemptCount, User
from moportal import retention
from payments.domain import cards, refunds
from payments.domain import payments as domain
from payments.domain import vouchers as domain_of_vouchers
from payments.domain.methods import usable_methods
from payments.gateways.base import GatewayRefused, GatewayUnavailable, NotOffered
from payments.models import GatewayCall, Payment, PaymentMethod
from payments.states import MethodKind, PaymentState, RefundState, RefusalKind
from tests.builders import make_method
from tests.payments.conftest import authorise, capture
from tests.payments.vouchers import issue
from tests.processing import process_task
from tests.providers import books, break_it

CODE = "KESTREL2345"


def add(account: User, code: str = CODE, *, network: str = "") -> PaymentMethod:
    return domain_of_vouchers.add_voucher(account, code, market="US", network=network)


def make_payment(account: User, code: str, *, price: int = 1900, currency: str = "USD") -> Payment:
    return Payment.objects.create(
        method=add(account, code), reference="ORDER", minor_units=price, currency=currency
    )


def void_or_refund(payment: Payment) -> Payment:
    return domain.void_or_refund(payment, reason="the order failed", before_call=lambda: None)


def reservations(address: str) -> list[str]:
    return [one["status"] for one in books(address)["reservations"]]


def counted() -> list[tuple[str, int]]:
    return [(row.subject, len(row.marks)) for row in AttemptCount.objects.order_by("subject")]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("kest-2345 rel7", "KEST2345REL7"),
        ("KEST\u20132345\u2013REL7", "KEST2345REL7"),
        ("١٢٣٤ ٥٦٧٨ ٩٠", "1234567890"),
    ],
)
def test_a_code_has_one_normal_form(typed: str, code: str) -> None:
    assert domain_of_vouchers.normalise(typed) == code
    assert domain_of_vouchers.is_code(code)


@pytest.mark.parametrize("text", ["", "KESTREL", "KESTREL_2345", "A" * 33])
def test_a_code_in_another_form_is_none(text: str) -> None:
    assert not domain_of_vouchers.is_code(text)


def test_the_operator_says_what_a_code_looks_like(settings: Settings) -> None:
    settings.VOUCHER_FORMAT = "[0-9]{14}"

    assert domain_of_vouchers.is_code("12345678901234")
    assert not domain_of_vouchers.is_code(CODE)


def test_no_format_lets_in_what_cannot_be_stored(settings: Settings) -> None:
    settings.VOUCHER_FORMAT = ".*"

    assert domain_of_vouchers.is_code("ABCD")
    assert not domain_of_vouchers.is_code("ABC")
    assert not domain_of_vouchers.is_code("abcd")


def test_a_code_is_stored_sealed_and_nothing_is_asked(alice: User, vouchers: str) -> None:
    method = add(alice)

    assert (method.kind, method.gateway, method.last4) == (MethodKind.VOUCHER, "vouchers", "2345")
    assert (method.brand, method.expiry, method.is_expired) == ("", "", False)
    assert (str(method), method.label) == ("Voucher 2345", "Voucher ending in 2345")
    assert method.token == CODE
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM payments_paymentmethod")
        assert CODE not in cursor.fetchone()[0]
    assert not GatewayCall.objects.exists()


def test_a_code_that_is_typed_again_is_the_same_method(
    alice: User, bob: User, vouchers: str
) -> None:
    first = add(alice)

    assert add(alice) == first
    assert add(bob) != first


def test_without_a_voucher_server_no_code_is_stored(alice: User) -> None:
    assert not domain_of_vouchers.takes_vouchers("US")
    with pytest.raises(NotOffered, match="vouchers"):
        add(alice)

    assert not PaymentMethod.objects.exists()
    assert not AttemptCount.objects.exists()


def test_guessing_is_limited_for_each_account(
    alice: User, bob: User, vouchers: str, settings: Settings
) -> None:
    settings.VOUCHER_LIMIT = 2
    for code in ("GUESS00001", "GUESS00002"):
        add(alice, code)

    with pytest.raises(Locked):
        add(alice, "GUESS00003")

    assert PaymentMethod.objects.count() == 2
    # The same code once more is no guess, and another customer is not locked.
    add(alice, "GUESS00002")
    add(bob, "GUESS00003")


def test_guessing_with_many_accounts_is_limited_for_their_network(
    alice: User, bob: User, vouchers: str, settings: Settings
) -> None:
    settings.NETWORK_LIMIT = 2
    add(alice, "GUESS00001", network="203.0.113.0/24")
    add(bob, "GUESS00002", network="203.0.113.0/24")

    with pytest.raises(Locked):
        add(bob, "GUESS00003", network="203.0.113.0/24")

    add(bob, "GUESS00003", network="198.51.100.0/24")


def test_a_right_code_does_not_count_for_its_account(
    alice: User, vouchers: str, settings: Settings
) -> None:
    settings.VOUCHER_LIMIT = 1
    payment = make_payment(alice, issue(vouchers))
    assert counted() == [(f"account:{alice.pk}", 1)]

    authorise(payment)

    assert payment.state == PaymentState.AUTHORISED
    assert counted() == []
    add(alice, "ANOTHERCODE")


def test_a_voucher_is_redeemed_and_its_code_is_deleted(alice: User, vouchers: str) -> None:
    payment = make_payment(alice, issue(vouchers))

    capture(authorise(payment))

    assert payment.state == PaymentState.CAPTURED
    assert usable_methods(alice, market="US") == []
    process_task(cards.KIND, payment.method_id)
    method = PaymentMethod.objects.get()
    assert method.forgotten_at is not None
    assert method.token == ""
    assert reservations(vouchers) == ["redeemed"]
    # Nothing is stored at the voucher server, so it is not asked to forget anything.
    assert [call.operation for call in GatewayCall.objects.all()] == ["authorise", "capture"]


@pytest.mark.parametrize("more", [{"blocked": True}, {"expires_at": 1}], ids=["blocked", "expired"])
def test_a_voucher_that_is_refused_for_good_is_removed(
    alice: User, vouchers: str, more: dict[str, object]
) -> None:
    payment = authorise(make_payment(alice, issue(vouchers, **more)))  # type: ignore[arg-type]

    assert (payment.state, payment.refusal_kind) == (PaymentState.DECLINED, RefusalKind.FINAL)
    method = PaymentMethod.objects.get()
    assert method.stopped_at is not None
    assert method.removed_at is not None
    # A wrong code keeps counting as a guess.
    assert counted() == [(f"account:{alice.pk}", 1)]


@pytest.mark.parametrize(
    ("price", "currency", "reason"),
    [(5001, "USD", "too_small"), (1900, "EUR", "other_currency")],
)
def test_a_voucher_that_does_not_fit_the_price_stays(
    alice: User, vouchers: str, price: int, currency: str, reason: str
) -> None:
    code = issue(vouchers, amount=5000)
    payment = authorise(make_payment(alice, code, price=price, currency=currency))

    assert (payment.state, payment.decline_reason) == (PaymentState.DECLINED, reason)
    assert [method.token for method in usable_methods(alice, market="US")] == [code]
    assert reservations(vouchers) == ["refused"]


def test_what_a_voucher_is_worth_beyond_the_price_can_be_spent_later(
    alice: User, vouchers: str
) -> None:
    code = issue(vouchers, amount=3800)
    for _ in range(2):
        payment = capture(authorise(make_payment(alice, code)))
        assert payment.state == PaymentState.CAPTURED

    third = authorise(make_payment(alice, code))

    assert (third.state, third.decline_reason) == (PaymentState.DECLINED, "used_up")


@pytest.mark.parametrize("fault", ["drop_after", "malformed", "http_after"])
def test_a_lost_answer_to_a_reservation_is_recovered(
    alice: User, vouchers: str, fault: str
) -> None:
    payment = make_payment(alice, issue(vouchers))
    break_it(vouchers, "reserve", fault)
    with pytest.raises(GatewayUnavailable):
        authorise(payment)

    authorise(payment)

    assert payment.state == PaymentState.AUTHORISED
    assert reservations(vouchers) == ["reserved"]


def test_a_lost_answer_to_a_redemption_is_recovered(alice: User, vouchers: str) -> None:
    payment = authorise(make_payment(alice, issue(vouchers)))
    break_it(vouchers, "redeem", "drop_after")
    with pytest.raises(GatewayUnavailable):
        capture(payment)

    capture(payment)

    assert payment.state == PaymentState.CAPTURED
    assert books(vouchers)["vouchers"][0]["spent"] == 1900


def test_a_reservation_whose_answer_was_lost_is_cancelled(alice: User, vouchers: str) -> None:
    payment = make_payment(alice, issue(vouchers))
    break_it(vouchers, "reserve", "drop_after")
    with pytest.raises(GatewayUnavailable):
        authorise(payment)

    void_or_refund(payment)

    assert payment.state == PaymentState.VOIDED
    assert reservations(vouchers) == ["cancelled"]
    # The customer can pay with it again.
    assert usable_methods(alice, market="US") == [payment.method]


def test_a_charge_goes_back_onto_the_voucher(alice: User, vouchers: str) -> None:
    payment = capture(authorise(make_payment(alice, issue(vouchers))))

    void_or_refund(payment)

    assert payment.state == PaymentState.REFUNDED
    assert reservations(vouchers) == ["returned"]
    assert books(vouchers)["vouchers"][0]["spent"] == 0


def forget_keys(address: str, payment: Payment) -> None:
    """Let everything so far have happened three days ago. The server has forgotten its keys."""
    httpx.post(f"{address}/keys/forget", json={}, trust_env=False).raise_for_status()
    before = now() - timedelta(days=3)
    Payment.objects.filter(pk=payment.pk).update(created_at=before)
    GatewayCall.objects.update(sent_at=before)
    payment.refresh_from_db()


def test_a_reservation_is_found_after_the_server_has_forgotten_its_key(
    alice: User, vouchers: str
) -> None:
    payment = make_payment(alice, issue(vouchers))
    break_it(vouchers, "reserve", "drop_after")
    with pytest.raises(GatewayUnavailable):
        authorise(payment)
    forget_keys(vouchers, payment)

    authorise(payment)

    assert payment.state == PaymentState.AUTHORISED
    assert reservations(vouchers) == ["reserved"]


def test_a_return_is_found_after_the_server_has_forgotten_its_key(
    alice: User, vouchers: str
) -> None:
    payment = capture(authorise(make_payment(alice, issue(vouchers))))
    break_it(vouchers, "return", "drop_after")
    with pytest.raises(GatewayUnavailable):
        void_or_refund(payment)
    forget_keys(vouchers, payment)
    payment.refunds.update(asked_at=now() - timedelta(days=3))

    void_or_refund(payment)

    assert payment.state == PaymentState.REFUNDED
    assert books(vouchers)["reservations"][0]["returned"] == 1900


def test_a_reservation_that_has_lapsed_is_not_redeemed(alice: User, vouchers: str) -> None:
    payment = authorise(make_payment(alice, issue(vouchers)))
    path = f"{vouchers}/reservations/{payment.gateway_id}/lapse"
    httpx.post(path, trust_env=False).raise_for_status()

    with pytest.raises(GatewayRefused):
        capture(payment)

    assert payment.state == PaymentState.VOIDED
    assert usable_methods(alice, market="US") == [payment.method]


def test_a_return_to_a_closed_voucher_is_a_case_for_staff(alice: User, vouchers: str) -> None:
    code = issue(vouchers)
    payment = capture(authorise(make_payment(alice, code)))
    issue(vouchers, code=code, blocked=True)

    with pytest.raises(GatewayRefused, match="voucher_closed"):
        void_or_refund(payment)

    (refund,) = refunds.failed_refunds()
    assert (refund.state, payment.state) == (RefundState.FAILED, PaymentState.CAPTURED)


def test_two_customers_with_one_code_spend_it_once(alice: User, bob: User, vouchers: str) -> None:
    code = issue(vouchers, amount=1900)
    first, second = make_payment(alice, code), make_payment(bob, code)

    authorise(first)
    authorise(second)
    capture(first)

    assert (second.state, second.decline_reason) == (PaymentState.DECLINED, "in_use")
    assert reservations(vouchers) == ["redeemed", "refused"]


def test_an_old_voucher_is_deleted_once_no_order_refers_to_it(alice: User, vouchers: str) -> None:
    payment = capture(authorise(make_payment(alice, issue(vouchers))))
    unused, new, card = add(alice, "NEVERUSED01"), add(alice, "ENTEREDNOW1"), make_method(alice)
    PaymentMethod.objects.exclude(pk=new.pk).update(created_at=now() - timedelta(days=1000))

    retention.purge("payments.PaymentMethod")

    left = set(PaymentMethod.objects.values_list("pk", flat=True))
    assert left == {payment.method_id, new.pk, card.pk}
    assert unused.pk not in left
