"""The gateways that a run can have, by the names of their adapters."""

from collections.abc import Callable
from pathlib import Path

from tests.chaos.payments.of_bill import Bill
from tests.chaos.payments.of_simulator import Simulator
from tests.chaos.payments.of_stripe import Stripe
from tests.chaos.payments.of_vouchers import Vouchers
from tests.chaos.payments.outcomes import Outcomes

GATEWAYS: dict[str, Callable[[str, Path], Outcomes]] = {
    "simulator": Simulator,
    "vouchers": Vouchers,
    "bill": Bill,
    "stripe": Stripe,
}
