"""`payments.checks`: a gateway's name that leads nowhere is found before customers find it."""

import pytest
from django.core.checks import CheckMessage
from django.db import DatabaseError
from pytest_django.fixtures import Settings

from accounts.models import User
from moportal.checks import other_systems
from payments import checks
from payments.models import PaymentMethod
from plans.models import PlanPrice
from tests.builders import make_method, make_plan
from tests.payments.other_gateway import OTHER, SIMULATOR


def texts(found: list[CheckMessage]) -> list[str]:
    return [one.msg for one in found]


def test_right_names_are_no_problem(alice: User, settings: Settings) -> None:
    make_method(alice)
    settings.PAYMENT_GATEWAY = [SIMULATOR, OTHER]
    settings.PAYMENT_OFFERED = ["other"]
    settings.PAYMENT_OFFERED_BY_MARKET = {"DE": ["simulator", "other"]}

    assert checks.names() == checks.stored_methods() == []


def test_a_name_that_no_gateway_has_is_named_with_its_variable(settings: Settings) -> None:
    settings.PAYMENT_OFFERED = ["simulator", "bill"]
    settings.PAYMENT_OFFERED_BY_MARKET = {"DE": ["cards"]}

    assert texts(checks.names()) == [
        "PAYMENT_OFFERED: PAYMENT_GATEWAY lists no gateway with the name 'bill'.",
        "PAYMENT_OFFERED_DE: PAYMENT_GATEWAY lists no gateway with the name 'cards'.",
    ]


def test_two_gateways_with_one_name_are_a_problem(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.payments.other_gateway.OtherGateway.name", "simulator")
    # The gateways are made once for each list, and no other test uses this one.
    settings.PAYMENT_GATEWAY = [OTHER, SIMULATOR, OTHER]

    assert texts(checks.names()) == ["PAYMENT_GATEWAY lists two gateways with the same name."]


def test_a_gateway_that_stored_methods_still_need_must_be_listed(
    alice: User, settings: Settings
) -> None:
    make_method(alice)
    settings.PAYMENT_GATEWAY = [OTHER]

    (found,) = checks.stored_methods()

    assert "does not list 'simulator'" in found.msg
    assert "PAYMENT_OFFERED" in (found.hint or "")


def test_a_class_that_cannot_be_imported_is_left_to_the_other_check(
    alice: User, settings: Settings
) -> None:
    settings.PAYMENT_GATEWAY = ["payments.gateways.simulator.NoSuchGateway"]

    assert checks.names() == checks.stored_methods() == []


def test_without_tables_nothing_is_stored(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_related: str, **_conditions: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(PaymentMethod.objects, "filter", fail)

    assert checks.stored_methods() == []
    monkeypatch.setattr(PlanPrice.objects, "select_related", fail)
    assert checks.amounts() == []


def test_the_form_of_a_voucher_code_is_a_regular_expression(settings: Settings) -> None:
    assert checks.voucher_format() == []

    settings.VOUCHER_FORMAT = "[0-9"

    (found,) = texts(checks.voucher_format())
    assert found.startswith("VOUCHER_FORMAT is no regular expression: ")


def test_the_voucher_server_and_its_address_belong_together(settings: Settings) -> None:
    assert checks.voucher_server() == []

    settings.VOUCHER_SERVER_URL = "https://vouchers.kestrel.example"
    unused = texts(checks.voucher_server())
    settings.PAYMENT_GATEWAY = [SIMULATOR, "payments.gateways.vouchers.VoucherServer"]
    together = checks.voucher_server()
    settings.VOUCHER_SERVER_URL = ""
    missing = texts(checks.voucher_server())

    assert unused == ["VOUCHER_SERVER_URL is set and PAYMENT_GATEWAY lists no voucher server."]
    assert together == []
    assert missing == [
        "PAYMENT_GATEWAY lists the voucher server and VOUCHER_SERVER_URL is not set."
    ]


def test_the_bill_and_its_addresses_belong_together(settings: Settings) -> None:
    assert checks.carrier_billing() == []

    settings.CARRIER_BILLING_URL = "https://api.kestrel.example/carrier-billing/v0.5"
    unused = texts(checks.carrier_billing())
    settings.PAYMENT_GATEWAY = [SIMULATOR, "payments.gateways.carrier_billing.CarrierBilling"]
    missing = texts(checks.carrier_billing())
    settings.CARRIER_BILLING_REFUND_URL = "https://api.kestrel.example/carrier-billing-refund/v0.5"
    together = checks.carrier_billing()
    settings.CARRIER_BILLING_TOKEN, settings.CARRIER_BILLING_TOKEN_FILE = "old", "/run/token"
    two_tokens = texts(checks.carrier_billing())

    assert unused == ["CARRIER_BILLING_URL is set and PAYMENT_GATEWAY lists no bill."]
    assert missing == ["PAYMENT_GATEWAY lists the bill and CARRIER_BILLING_REFUND_URL is not set."]
    assert together == []
    assert two_tokens == [
        "CARRIER_BILLING_TOKEN is not used, because CARRIER_BILLING_TOKEN_FILE is set."
    ]


def test_a_class_that_is_not_there_is_left_to_its_own_check(settings: Settings) -> None:
    settings.PAYMENT_GATEWAY = ["payments.gateways.nowhere.Gateway"]

    assert checks.voucher_server() == []
    assert checks.carrier_billing() == []


def test_a_price_that_a_gateway_can_never_charge_is_named(db: None, settings: Settings) -> None:
    make_plan(minor_units=10)
    assert checks.amounts() == []

    settings.PAYMENT_GATEWAY = [checks.STRIPE]

    (found,) = texts(checks.amounts())
    assert "the gateway 'stripe' cannot charge it: Stripe takes no less than 50" in found


def test_stripes_settings_are_missed_only_where_stripe_is_listed(settings: Settings) -> None:
    assert checks.stripe() == []
    settings.PAYMENT_GATEWAY = [checks.STRIPE]
    assert texts(checks.stripe()) == [
        "STRIPE_API_KEY is not set: nobody can pay by Stripe.",
        "STRIPE_WEBHOOK_SECRET is not set: all webhooks from Stripe are refused.",
    ]

    settings.STRIPE_API_KEY, settings.STRIPE_WEBHOOK_SECRET = "sk_test_1", "whsec_1"

    settings.STRIPE_MODE = "live"
    assert texts(checks.stripe()) == ["STRIPE_API_KEY is no key of the mode live."]
    settings.STRIPE_MODE = "test"
    assert checks.stripe() == []


@pytest.mark.parametrize(
    ("listed", "wants"),
    [
        (["payments.gateways.carrier_billing.CarrierBilling"], False),
        (["payments.gateways.stripe.StripeGateway"], False),
        (["payments.gateways.vouchers.VoucherServer"], False),
        (["payments.gateways.simulator.SimulatorGateway"], True),
    ],
)
def test_a_gateway_with_settings_of_its_own_needs_no_other_address(
    settings: Settings,
    listed: list[str],
    wants: bool,  # noqa: FBT001 -- of the table above
) -> None:
    settings.PAYMENT_GATEWAY, settings.PAYMENT_GATEWAY_URL = listed, ""

    found = [text for text in texts(other_systems()) if "PAYMENT_GATEWAY_URL" in text]

    assert bool(found) == wants
