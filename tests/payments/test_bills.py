"""`payments.domain.bills` and `codes`: what is offered to whom, and what is not stored."""

import pytest

from accounts.domain import proofs
from accounts.models import User
from accounts.states import ProofKind
from payments.domain import bills, codes
from payments.domain.standing import store_standing
from payments.gateways.values import Processing
from payments.models import Payment, PaymentCode, PaymentMethod
from payments.states import PaymentState
from tests.builders import make_method

NUMBER = "+15550010100"


def test_a_number_of_somebody_else_is_not_stored(alice: User, billing: str) -> None:
    assert bills.add_bill(alice, NUMBER, market="US") is None
    assert not PaymentMethod.objects.filter(kind="bill").exists()


def test_another_room_may_forbid_a_bill(
    alice: User, billing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bills, "_vetoes", [])
    proofs.record(alice, ProofKind.OIDC, NUMBER)
    assert bills.numbers_of(alice, market="US") == [NUMBER]

    asked = []

    def forbid(account: User, number: str) -> bool:
        asked.append((account, number))
        return True

    for _ in range(2):
        bills.register_veto(forbid)

    assert bills.numbers_of(alice, market="US") == []
    assert asked == [(alice, NUMBER)]


def test_an_answer_that_comes_after_the_end_changes_nothing(alice: User) -> None:
    payment = Payment.objects.create(
        method=make_method(alice), reference="ORDER", minor_units=1900, currency="USD"
    )
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.VOIDED)
    payment.state = PaymentState.PENDING

    store_standing(payment, Processing("late"))

    payment.refresh_from_db()
    assert (payment.state, payment.gateway_id) == (PaymentState.VOIDED, "")


def test_a_code_that_nobody_waits_for_is_not_stored(alice: User) -> None:
    payment = Payment.objects.create(
        method=make_method(alice), reference="ORDER", minor_units=1900, currency="USD"
    )

    assert codes.submit(payment, "123456") is False
    assert not PaymentCode.objects.exists()
