"""Which adapter can do what, and which test shows it. The abilities come from the adapters."""

from collections.abc import Iterable

from payments.gateways.base import Ability, Gateway
from payments.gateways.carrier_billing import CarrierBilling
from payments.gateways.simulator import SimulatorGateway
from payments.gateways.stripe import StripeGateway
from payments.gateways.testkit.bench import CHECKS
from payments.gateways.vouchers import VoucherServer

KITS: tuple[tuple[type[Gateway], str], ...] = (
    (SimulatorGateway, "test_kit.py"),
    (VoucherServer, "test_voucher_kit.py"),
    (CarrierBilling, "test_bill_kit.py"),
    (StripeGateway, "test_stripe_kit.py"),
)
HEAD = ("what", "check of the kit", *(adapter.name for adapter, _kit in KITS))
# What an adapter can do, the ability that it needs (None: every adapter can), and the kit's check.
ROWS: tuple[tuple[str, Ability | None, str], ...] = (
    ("a purchase", None, "a_repeated_capture_charges_once"),
    ("a refusal of each kind", None, "each_refusal_has_its_kind_and_its_reason"),
    ("an authorisation that is let go", None, "a_voided_authorisation_cannot_be_charged"),
    (
        "currencies with 0, 2 and 3 decimals",
        None,
        "the_amount_is_exact_whatever_the_currencys_decimals",
    ),
    ("a bank's step", Ability.BANK_STEP, "a_bank_step_ends_as_the_customer_decides"),
    ("a code", Ability.CODE, "the_right_code_authorises_however_often_it_is_sent"),
    (
        "a card on the gateway's page",
        Ability.HOSTED_PAGE,
        "a_page_is_opened_once_and_gives_the_card_that_is_typed_on_it",
    ),
    ("a card and the payment on the gateway's page", Ability.HOSTED_PAYMENT, ""),
    ("refunds in parts", Ability.PART_REFUNDS, ""),
    ("a payment off session", Ability.OFF_SESSION, ""),
    ("a dispute won", Ability.DISPUTES, "what_was_taken_comes_back_when_the_dispute_is_won"),
    ("a dispute lost", Ability.DISPUTES, "what_was_taken_is_gone_when_the_dispute_is_lost"),
    ("the gateway's books", Ability.BOOKS, "a_charge_and_its_refund_are_booked_with_their_signs"),
    ("events", Ability.PUSH, "a_forged_event_is_refused"),
)
# The walks in Chromium, where a page is involved.
IN_CHROMIUM = {
    "a purchase": {
        "simulator": "test_journey.py",
        "vouchers": "test_vouchers.py",
        "bill": "test_bill.py",
        "stripe": "test_stripe_page.py",
    },
    "a bank's step": {"simulator": "test_bank_step.py", "stripe": "test_stripe_page.py"},
    "a code": {"bill": "test_bill.py"},
    "a card on the gateway's page": {"simulator": "test_card_page.py"},
    "a card and the payment on the gateway's page": {"stripe": "test_stripe_page.py"},
    "a dispute won": {"simulator": "test_disputes.py"},
    "a dispute lost": {"simulator": "test_disputes.py"},
}


def ability_rows() -> Iterable[tuple[str, ...]]:
    """Yield a row for each thing that some adapter can do: the tests, or empty where it cannot."""
    for what, ability, check in ROWS:
        found = check or next(str(one) for one in CHECKS if one.needs == ability)
        assert any(str(one) == found for one in CHECKS), found
        cells = (_cell(adapter, kit, what, ability) for adapter, kit in KITS)
        yield (what, f"`{found}`", *cells)


def _cell(adapter: type[Gateway], kit: str, what: str, ability: Ability | None) -> str:
    if ability is not None and ability not in adapter.abilities:
        return ""
    walk = IN_CHROMIUM.get(what, {}).get(adapter.name)
    tests = [f"`tests/payments/{kit}`", *([f"`tests/e2e/{walk}`"] if walk else [])]
    return ", ".join(tests)
