"""Get Balance answers NONE while a SIM has nothing but a way out (docs/contract.md#get-balance)."""

import pytest

from accounts.models import User
from subscriptions.domain import ways_out
from subscriptions.models import Bucket
from subscriptions.states import WayOutState
from tests.balance_api.test_views import get_balance, give, types
from tests.builders import make_card
from tests.processing import process_task

pytestmark = pytest.mark.django_db


def test_a_way_out_is_no_balance(alice: User, network: str) -> None:
    sim = make_card()
    give(alice, sim, code="used-up")
    Bucket.objects.update(used_bytes=5 * 10**9)
    way = ways_out.request(sim, reference="ORDER00001")
    process_task(ways_out.KIND, way.pk)
    way.refresh_from_db()
    assert way.state == WayOutState.OPEN

    for query in ("", "?fieldsTemplate=full&location=US", "?limit=5"):
        answer = get_balance(sim, query).json()["balances"]
        assert [(entry["type"], entry["dataRemainingInMB"]) for entry in answer] == [("NONE", 0)]
        assert answer[0]["timeRemaining"] == "PT0S"


def test_a_card_that_never_had_a_plan_has_no_balance_by_its_way_out(db: None, network: str) -> None:
    sim = make_card()
    process_task(ways_out.KIND, ways_out.request(sim, reference="ORDER00001").pk)

    assert types(get_balance(sim)) == ["NONE"]
