"""The cast: Alice buys, Bob must see nothing of hers, Clara is the operator's staff."""

import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts.models import User
from tests import flushing
from tests.builders import make_operator
from tests.providers import reset

if TYPE_CHECKING:
    from tests.subscriptions.renewals import Renewal

PASSWORD = "a long enough pass phrase"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Empty the database quickly after each test that commits. At the end no row may be left."""
    with django_db_blocker.unblock():
        flushing.install()
    yield
    with django_db_blocker.unblock():
        left = flushing.tables_with_rows()
    assert left == [], "a test has left rows in these tables"


@pytest.fixture(scope="module")
def shared_rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Keep what a module's fixture stores until the module's last test.

    Each test rolls back to it. The tests must be marked `django_db`.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def no_process_by_surprise(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that starts a process unless it is marked `processes`.

    `make test-fast` leaves the marked ones out.
    """
    if request.node.get_closest_marker("processes") is None:
        monkeypatch.setattr(subprocess.Popen, "__init__", _refuse_to_start)


def _refuse_to_start(_self: object, command: object, *_: object, **__: object) -> None:
    pytest.fail(f"starts {command!r}: mark the test with pytest.mark.processes")


@pytest.fixture
def alice(db: None) -> User:
    """Return a customer."""
    make_operator()
    return User.objects.create_user("alice@example.com", PASSWORD, name="Alice")


@pytest.fixture
def bob(db: None) -> User:
    """Return another customer."""
    return User.objects.create_user("bob@example.com", PASSWORD, name="Bob")


@pytest.fixture
def clara(db: None) -> User:
    """Return one of the operator's staff."""
    return User.objects.create_superuser("clara@example.com", PASSWORD, name="Clara")


@pytest.fixture
def as_alice(alice: User) -> Client:
    """Return a browser in which Alice is signed in."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def smdp(smdp_simulator: str, settings: pytest.FixtureRequest) -> str:
    """Point the portal at an SM-DP+ simulator with empty books, and return its address."""
    reset(smdp_simulator)
    settings.SMDP_URL = smdp_simulator  # type: ignore[attr-defined]  # pytest-django's own object
    return smdp_simulator


@pytest.fixture
def gateway(payment_simulator: str, settings: pytest.FixtureRequest) -> str:
    """Point the portal at a payment simulator with empty books, and return its address."""
    reset(payment_simulator)
    settings.PAYMENT_GATEWAY_URL = payment_simulator  # type: ignore[attr-defined]  # the same
    return payment_simulator


@pytest.fixture
def vouchers(voucher_simulator: str, settings: pytest.FixtureRequest) -> str:
    """Let customers pay with a voucher simulator's vouchers too, and return its address."""
    reset(voucher_simulator)
    adapter = "payments.gateways.vouchers.VoucherServer"
    settings.PAYMENT_GATEWAY = [*settings.PAYMENT_GATEWAY, adapter]  # type: ignore[attr-defined]  # the same
    settings.VOUCHER_SERVER_URL = voucher_simulator  # type: ignore[attr-defined]  # the same
    return voucher_simulator


@pytest.fixture
def billing(billing_simulator: str, settings: pytest.FixtureRequest) -> str:
    """Let customers pay on a billing simulator's bills too, and return its address."""
    reset(billing_simulator)
    adapter = "payments.gateways.carrier_billing.CarrierBilling"
    settings.PAYMENT_GATEWAY = [*settings.PAYMENT_GATEWAY, adapter]  # type: ignore[attr-defined]  # the same
    settings.CARRIER_BILLING_URL = f"{billing_simulator}/carrier-billing/v0"  # type: ignore[attr-defined]  # the same
    settings.CARRIER_BILLING_REFUND_URL = f"{billing_simulator}/carrier-billing-refund/v0"  # type: ignore[attr-defined]  # the same
    return billing_simulator


@pytest.fixture
def stripe(stripe_simulator: str, settings: pytest.FixtureRequest) -> str:
    """Let customers pay by the stand-in for Stripe alone, and return its address."""
    reset(stripe_simulator)
    settings.PAYMENT_GATEWAY = ["payments.gateways.stripe.StripeGateway"]  # type: ignore[attr-defined]  # the same
    settings.STRIPE_URL = stripe_simulator  # type: ignore[attr-defined]  # the same
    settings.STRIPE_API_KEY = "sk_test_of_the_tests"  # type: ignore[attr-defined]  # the same
    settings.STRIPE_MODE = "test"  # type: ignore[attr-defined]  # the same
    settings.STRIPE_WEBHOOK_SECRET = "whsec_of_the_tests"  # type: ignore[attr-defined]  # the same
    settings.STRIPE_DEVICE_HOSTS = ["127.0.0.1"]  # type: ignore[attr-defined]  # the same
    return stripe_simulator


@pytest.fixture
def phone(message_simulator: str, settings: pytest.FixtureRequest) -> str:
    """Send SMS and mail to a message simulator with empty books, and return its address."""
    reset(message_simulator)
    gateway = "messages.senders.http.HttpGateway"
    settings.MAIL_SENDER = settings.SMS_SENDER = gateway  # type: ignore[attr-defined]  # the same
    settings.MESSAGE_GATEWAY_URL = message_simulator  # type: ignore[attr-defined]  # the same
    return message_simulator


@pytest.fixture
def operator_api(phone: str, settings: pytest.FixtureRequest) -> str:
    """Let the message simulator check numbers and make the codes for SMS; return its address."""
    settings.NUMBER_CHECKS = "accounts.number_checks.camara.CamaraChecks"  # type: ignore[attr-defined]  # the same
    settings.SIM_SWAP_URL = f"{phone}/sim-swap/v2"  # type: ignore[attr-defined]  # the same
    settings.NUMBER_RECYCLING_URL = f"{phone}/number-recycling/v0.2"  # type: ignore[attr-defined]  # the same
    settings.CODE_SERVICE = "accounts.code_services.camara.OneTimePasswordSms"  # type: ignore[attr-defined]  # the same
    settings.ONE_TIME_PASSWORD_URL = f"{phone}/one-time-password-sms/v1"  # type: ignore[attr-defined]  # the same
    return phone


@pytest.fixture
def network(network_simulator: str, settings: pytest.FixtureRequest) -> str:
    """Point the portal at a network simulator with empty books, and return its address."""
    reset(network_simulator)
    settings.NETWORK = "subscriptions.networks.http.HttpNetwork"  # type: ignore[attr-defined]  # the same
    settings.NETWORK_URL = network_simulator  # type: ignore[attr-defined]  # the same
    return network_simulator


@pytest.fixture
def monthly(alice: User, gateway: str, network: str) -> "Iterator[Renewal]":
    """Sell Alice a plan for $25.00 a month, and hold the clock at the moment of the sale."""
    # It imports another conftest, which pytest must have loaded first.
    from tests.subscriptions.renewals import sell  # noqa: PLC0415

    with sell(alice, gateway, network) as renewal:
        yield renewal


@pytest.fixture
def customers(customer_simulator: str, settings: pytest.FixtureRequest) -> str:
    """Let customers link the lines of a customer system simulator, and return its address."""
    reset(customer_simulator)
    settings.CUSTOMER_SYSTEM = "subscriptions.customers.http.HttpCustomerSystem"  # type: ignore[attr-defined]  # the same
    settings.CUSTOMER_SYSTEM_URL = customer_simulator  # type: ignore[attr-defined]  # the same
    return customer_simulator
