"""Fixtures of the end-to-end tests."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.shopper import Shopper

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
