"""The provider of these tests."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.accounts.oidc.steps import fetch
from tests.builders import make_operator
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, providing


@pytest.fixture
def provider(db: None, settings: Settings) -> Iterator[FakeProvider]:
    """Return a provider whose metadata and keys a worker has fetched."""
    make_operator()
    with providing() as running:
        settings.OIDC_ISSUER = running.url
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        fetch()
        yield running
