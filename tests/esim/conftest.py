"""Fixtures of the eSIM tests: both functions that merge imported SIMs."""

import pytest

from esim.domain import merging
from tests.builders import make_provider


@pytest.fixture(params=["merge_by_copy", "merge_by_orm"])
def merge(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run each test with both functions that merge, and create a provider."""
    name: str = request.param
    monkeypatch.setattr(merging, "merge_by_copy", getattr(merging, name))
    make_provider()
    return name
