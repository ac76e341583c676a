"""The agreed fees of PAYMENT_FEES: what a charge costs, and what cannot be read."""

import pytest
from pytest_django.fixtures import Settings

from moportal.money import Money
from payments.checks import agreed_fees
from payments.domain.fees import agreed_fee


@pytest.mark.parametrize(
    ("charged", "fee"),
    [
        (Money(1900, "USD"), 85),
        # Half a cent is rounded up.
        (Money(500, "USD"), 45),
        (Money(1, "USD"), 30),
        (Money(500, "JPY"), 15),
        (Money(1900, "EUR"), None),
    ],
    ids=["usd", "half", "small", "yen", "not_agreed"],
)
def test_a_fee_is_a_share_and_a_fixed_part(
    settings: Settings, charged: Money, fee: int | None
) -> None:
    settings.PAYMENT_FEES = ["other:USD=100+0", "simulator:USD=290+30", "simulator:JPY=300+0"]

    assert agreed_fee("simulator", charged) == fee


def test_a_fee_that_cannot_be_read_is_an_error(settings: Settings) -> None:
    settings.PAYMENT_FEES = ["simulator:USD=290+30", "2.9%"]

    (error,) = agreed_fees()

    assert (error.id, error.msg) == (
        "payments.E004",
        "PAYMENT_FEES: '2.9%' is not like simulator:USD=290+30.",
    )
