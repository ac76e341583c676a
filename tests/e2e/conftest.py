"""Fixtures of the end-to-end tests."""

from collections.abc import Callable, Iterator

import pytest

from demo.parts import GATEWAYS, LOOPBACK
from tests.e2e.shopper import Shopper
from tests.oidc_provider import FakeProvider, client_settings, providing, wait_for_keys
from tests.payments.stripe import SECRET
from tests.stack import Stack, make_copy, running_simulator, running_stack

ShopperAt = Callable[[str], Shopper]
STRIPE_KEY = "sk_test_of_the_tests"
# No card is entered on the portal's own pages, and the operator sends the codes to numbers. A dead
# worker's lease has to run out before its task goes on, and the default lease allows for longer
# calls.
CARDS_AND_CODES_ELSEWHERE = {
    "CODE_SERVICE": "accounts.code_services.camara.OneTimePasswordSms",
    "PAYMENT_CARD_ENTRY": "page",
    "OUTBOX_LEASE": "3",
    "OUTSIDE_CALL_TIMEOUT": "2",
    "PAYMENT_GATEWAY": ",".join([*GATEWAYS, "payments.gateways.stripe.StripeGateway"]),
    "PAYMENT_OFFERED": "simulator,vouchers,bill",
    "PAYMENT_OFFERED_GB": "stripe",
    "STRIPE_MODE": "test",
    "STRIPE_API_KEY": STRIPE_KEY,
    "STRIPE_WEBHOOK_SECRET": SECRET,
    "STRIPE_DEVICE_HOSTS": LOOPBACK,
}


@pytest.fixture
def shopper_at() -> Iterator[ShopperAt]:
    """Open sessions that use HTTP without a browser: `shopper_at(stack.base_url)`."""
    opened: list[Shopper] = []

    def open_session(base_url: str) -> Shopper:
        opened.append(Shopper(base_url))
        return opened[-1]

    yield open_session
    for shopper in opened:
        shopper.client.close()


@pytest.fixture(scope="session")
def running_provider() -> Iterator[FakeProvider]:
    """Run an OpenID Connect provider."""
    with providing() as running:
        yield running


@pytest.fixture
def provider(running_provider: FakeProvider) -> FakeProvider:
    """Return the provider, healthy."""
    running_provider.is_dead_at_sign_out = False
    running_provider.claims = {"name": "Noor Haddad", "sid": "1"}
    return running_provider


@pytest.fixture(scope="session")
def oidc_shop(
    request: pytest.FixtureRequest,
    running_provider: FakeProvider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Run a copy whose operator has a provider, and wait until a worker has fetched its keys."""
    copy = make_copy(request.param, tmp_path_factory.mktemp("oidc"))
    with running_stack(copy, client_settings(running_provider)) as running:
        wait_for_keys(running)
        yield running


@pytest.fixture(scope="session")
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run a copy in which gateways take the cards, and the operator the codes.

    In GB the gateway is Stripe.
    """
    copy = make_copy(request.param, tmp_path_factory.mktemp("shop"))
    notify = f"{copy.web_url}/payments/webhook/stripe"
    options = ("--api-key", STRIPE_KEY, "--notify", notify, "--secret", SECRET)
    with (
        running_simulator("stripe", *options) as url,
        running_stack(copy, {**CARDS_AND_CODES_ELSEWHERE, "STRIPE_URL": url}) as stack,
    ):
        yield stack
