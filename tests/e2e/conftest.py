"""Fixtures of the end-to-end tests."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.shopper import Shopper
from tests.oidc_provider import FakeProvider, client_settings, providing, wait_for_keys
from tests.stack import Stack, make_copy, running_stack

ShopperAt = Callable[[str], Shopper]


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
