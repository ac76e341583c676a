"""Get Balance's answers through a real nginx, for each row of docs/contract.md#get-balance."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from subscriptions.models import Bucket, Period
from tests.balance_api.test_views import give
from tests.builders import GB, make_card
from tests.deploy.get_balance.conftest import UNKNOWN, GetBalance

pytestmark = pytest.mark.django_db(transaction=True)

# Rows that differ by path or query: the row, the query, the SIM,
# and the status or the balance.
ROWS: list[tuple[str, str, str, int | dict[str, Any]]] = [
    ("negative: an invalid SIM", "", "123", 404),
    ("negative: a SIM of another operator", "", UNKNOWN, 404),
    ("negative: unknown location", "?location=XX", "{}", 400),
    ("negative: bad location string", "?location=nowhere", "{}", 400),
    ("negative: bad location number", "?location=42", "{}", 400),
    ("negative: negative limit", "?limit=-1", "{}", 400),
    ("negative: limit beyond an INT", "?limit=2147483648", "{}", 400),
    ("negative: limit is an INT", "?limit=2147483647", "{}", 200),
    ("negative: without location", "?fieldsTemplate=basic&limit=1", "{}", 200),
    ("negative: empty location", "?fieldsTemplate=basic&limit=1&location=", "{}", 200),
    ("negative: without fieldTemplate", "?limit=1&location=US", "{}", 200),
    ("negative: empty fieldTemplate", "?fieldTemplate=&limit=1&location=US", "{}", 200),
    ("negative: without limit", "?fieldTemplate=full&location=US", "{}", 200),
    ("negative: empty limit", "?fieldTemplate=full&limit=&location=US", "{}", 200),
    (
        "negative: one invalid parameter among valid ones",
        "?fieldTemplate=full&limit=0&location=US",
        "{}",
        400,
    ),
    ("sim: bare", "", "{}", 200),
    ("sim: with its scheme", "", "iccid:{}", 200),
    ("sim: a space after the scheme, as in the sample", "", "iccid: {}", 200),
    ("sim: percent-encoded, any case", "", "IcCiD%3a%20{}", 200),
    ("sim: trailing F", "", "{}F", 200),
    ("sim: trailing slash", "", "{}/balances/", 404),
    ("fieldsTemplate: any case", "?fieldsTemplate=FULL", "{}", {"locations": ["US", "CA"]}),
    ("fieldsTemplate: fieldTemplate", "?fieldTemplate=Full", "{}", {"locations": ["US", "CA"]}),
    ("fieldsTemplate: anything else", "?fieldsTemplate=some", "{}", 400),
    ("limit: 0", "?limit=0", "{}", 400),
    ("limit: not ASCII", "?limit=%D9%A1", "{}", 400),
    ("limit: a fraction", "?limit=1.5", "{}", 400),
    ("location: any case", "?location=us", "{}", {"type": "MODIRECTPAYG"}),
    ("location: UK is GB", "?location=UK&fieldsTemplate=full", "{}", {"locations": ["GB"]}),
    ("other parameters", "?color=red&fieldstemplate=x", "{}", 200),
    ("repeated: the first one counts", "?limit=1&limit=x", "{}", 200),
    ("repeated: the second one is ignored", "?limit=x&limit=1", "{}", 400),
    ("NONE: elsewhere", "?location=DE", "{}", {"type": "NONE", "timeRemaining": "PT0S"}),
    ("dataRemainingInMB", "", "{}", {"dataRemainingInMB": 5000.0}),
]


def test_every_row_of_the_contract_gets_its_answer(
    get_balance: GetBalance, sim: Sim, subtests: pytest.Subtests
) -> None:
    for row, query, sim_id, expected in ROWS:
        with subtests.test(row):
            answer = get_balance(query, sim_id=sim_id.format(sim.iccid))

            status = expected if isinstance(expected, int) else 200
            assert answer.status_code == status
            if isinstance(expected, dict):
                (balance,) = answer.json()["balances"]
                assert {name: balance[name] for name in expected} == expected
            assert ("parameter" in answer.json()) == (status == 400)


def test_the_other_spelling_of_the_data_field_can_be_configured(
    get_balance: GetBalance, settings: Settings
) -> None:
    settings.BALANCE_DATA_KEY = "dataRemaininginMB"

    (balance,) = get_balance().json()["balances"]

    assert set(balance) == {"id", "type", "dataRemaininginMB", "timeRemaining"}


def test_each_balance_type_is_answered(
    get_balance: GetBalance, alice: User, subtests: pytest.Subtests
) -> None:
    """MODIRECT, NONE and NOTSUPPORTED. The rows above show MODIRECTPAYG."""
    unlimited, microbalance, exhausted, excluded = (
        make_card(),
        make_card(),
        make_card(),
        make_card(is_in_programme=False),
    )
    give(alice, unlimited, code="unlimited", category="recurring", data_bytes=None)
    give(alice, microbalance, code="microbalance")
    give(alice, exhausted, code="exhausted")
    of_plan = {"period__subscription__reference": "microbalance"}
    Bucket.objects.filter(**of_plan).update(kind=Bucket.Kind.MICROBALANCE)
    Bucket.objects.filter(period__subscription__reference="exhausted").update(used_bytes=5 * GB)
    rows = {
        "an unlimited plan": (unlimited, "MODIRECT", False),
        "only a microbalance": (microbalance, "NONE", True),
        "all data used before the plan ends": (exhausted, "NONE", True),
        "never had a plan": (make_card(), "NONE", True),
        "excluded from the programme": (excluded, "NOTSUPPORTED", True),
    }

    for row, (card, kind, is_over) in rows.items():
        with subtests.test(row):
            (balance,) = get_balance("?fieldsTemplate=full", sim_id=card.iccid).json()["balances"]

            assert (balance["type"], balance["dataRemainingInMB"]) == (kind, 0)
            assert (balance["timeRemaining"] == "PT0S") == is_over
            assert balance["locations"] == ([] if is_over else ["US", "CA"])


def end_at(moment: datetime) -> None:
    Period.objects.update(ends_at=moment, usable_until=moment)


def test_data_and_time_count_down(get_balance: GetBalance) -> None:
    Bucket.objects.update(used_bytes=GB + 1)
    end_at(now() + timedelta(days=23, hours=23, seconds=30))
    (before,) = get_balance().json()["balances"]
    Bucket.objects.update(used_bytes=5 * GB - 1)
    end_at(now() + timedelta(seconds=30))
    (after,) = get_balance().json()["balances"]
    end_at(now())
    (ended,) = get_balance().json()["balances"]

    assert (before["dataRemainingInMB"], before["timeRemaining"][:8]) == (3999.99, "P23DT23H")
    assert (after["dataRemainingInMB"], after["timeRemaining"][:3]) == (0.01, "PT2")
    assert (ended["type"], ended["timeRemaining"]) == ("NONE", "PT0S")


def test_the_first_to_end_comes_first_and_limit_applies_to_the_sorted_list(
    get_balance: GetBalance, alice: User, sim: Sim
) -> None:
    give(alice, sim, code="day", data_bytes=GB, validity_days=1)

    both, first = get_balance().json()["balances"], get_balance("?limit=1").json()["balances"]

    assert [balance["dataRemainingInMB"] for balance in both] == [1000.0, 5000.0]
    assert first == both[:1]


def test_only_json_is_available(get_balance: GetBalance, subtests: pytest.Subtests) -> None:
    accepted = ["", "*/*", "application/*", "application/json", "text/html, Application/JSON;q=0.5"]
    refused = ["text/html", "application/xml", "application/json;q=0"]
    for accept, status in [(one, 200) for one in accepted] + [(one, 406) for one in refused]:
        with subtests.test(accept or "none"):
            assert get_balance(headers={"Accept": accept}).status_code == status


def test_a_head_request_uses_its_transaction_id_too(get_balance: GetBalance) -> None:
    answer = get_balance(method="HEAD", transaction="T")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"
    assert get_balance(transaction="T").status_code == 409


def test_only_get_and_head_are_allowed(get_balance: GetBalance) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        refused = get_balance(method=method, certificate=None)
        assert (refused.status_code, refused.headers.get("Allow")) == (405, "GET, HEAD"), method
