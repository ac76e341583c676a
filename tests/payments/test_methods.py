"""`payments.domain.methods`: what a refusal does to the card, for all later payments."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from payments.domain import methods
from payments.domain import payments as domain
from payments.models import Payment, PaymentMethod
from payments.states import PaymentState, RefusalKind
from tests.builders import make_method
from tests.payments.conftest import authorise, card, gateway_payments, make_payment, refuse

STOLEN, NO_MONEY, WRONG_CODE = "4000000000009979", "4000000000009995", "4000000000000127"


def is_usable(method: PaymentMethod) -> bool:
    return method in methods.usable_methods(method.account, market="US")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (STOLEN, RefusalKind.FINAL),
        (NO_MONEY, RefusalKind.LATER),
        (WRONG_CODE, RefusalKind.CUSTOMER),
    ],
)
def test_a_refusal_says_what_it_means_for_the_card(
    alice: User, gateway: str, number: str, kind: RefusalKind
) -> None:
    payment = authorise(make_payment(alice, number))

    assert (payment.state, payment.refusal_kind) == (PaymentState.DECLINED, kind)
    assert payment.declined_at is not None
    assert is_usable(payment.method) == (kind != RefusalKind.FINAL)


def test_a_request_that_the_gateway_refuses_does_not_stop_the_card(
    alice: User, gateway: str
) -> None:
    payment = make_payment(alice)
    PaymentMethod.objects.update(token="tok_unknown")
    payment.method.refresh_from_db()

    authorise(payment)

    assert (payment.state, payment.refusal_kind) == (PaymentState.DECLINED, RefusalKind.LATER)
    assert is_usable(payment.method)


def test_a_card_rests_after_eight_refusals_in_fourteen_days(alice: User, gateway: str) -> None:
    method = domain.add_card(alice, card())
    refuse(method, 7)
    refuse(method, 3, days_ago=15)
    assert is_usable(method)

    refuse(method, 1)

    assert not is_usable(method)
    assert not methods.has_tries_left(method)


@pytest.mark.parametrize(
    "change",
    [
        {"gateway": "unknown"},
        {"expiry_year": 2020},
        {"removed_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"stopped_at": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
    ids=["not offered", "expired", "removed", "stopped"],
)
def test_a_method_that_is_not_accepted_any_more_is_not_offered_either(
    alice: User, change: dict[str, Any]
) -> None:
    method = make_method(alice)
    assert is_usable(method)
    assert methods.is_accepted(method, market="US")

    for name, value in change.items():
        setattr(method, name, value)
    method.save()

    assert not is_usable(method)
    assert not methods.is_accepted(method, market="US")


def test_a_payment_whose_result_is_open_counts_as_a_refusal(alice: User, gateway: str) -> None:
    payment = make_payment(alice)
    refuse(payment.method, 7)
    assert not is_usable(payment.method)

    authorise(payment)

    assert is_usable(payment.method)


def test_a_card_that_is_refused_for_good_is_not_sent_for_another_payment(
    alice: User, gateway: str
) -> None:
    first = make_payment(alice, STOLEN)
    second = make_payment(alice)
    Payment.objects.filter(pk=second.pk).update(method=first.method)
    authorise(first)

    second = authorise(Payment.objects.get(pk=second.pk))

    assert (second.state, second.refusal_kind) == (PaymentState.DECLINED, RefusalKind.FINAL)
    assert len(gateway_payments(gateway)) == 1


def test_a_card_is_stopped_once(alice: User, gateway: str) -> None:
    method = make_payment(alice).method
    methods.stop(method, reason="stolen_card")
    (first,) = PaymentMethod.objects.values_list("stopped_at", flat=True)

    methods.stop(method, reason="stolen_card")

    assert [first] == list(PaymentMethod.objects.values_list("stopped_at", flat=True))
