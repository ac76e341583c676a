"""`POST /v1/usage`: who may send usage, and the answers (docs/usage.md)."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from subscriptions.models import UsageRecord
from tests.builders import GB, make_card
from tests.subscriptions.usages import DAY, give, make_line, said, used

TOKEN = "a token of twenty characters"


@pytest.fixture(autouse=True)
def _tokens(settings: Any) -> None:
    # Some records have a fixed date.
    settings.USAGE_DAYS = 36_500
    settings.USAGE_TOKENS = [("older", "another token altogether"), ("charging", TOKEN)]


@pytest.fixture
def sim(alice: User) -> Sim:
    """Return a SIM on a line with 1 GB in the US since yesterday."""
    line, sim = make_line(alice, since=now() - DAY)
    give(line, now() - DAY, now() + DAY)
    return sim


def post(document: Any, *, token: str = f"Bearer {TOKEN}", **how: Any) -> Any:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = {"Authorization": token} if token else {}
    kind = {"content_type": "application/json", **how}
    return Client().post("/v1/usage", body, headers=headers, **kind)


def record(sim: Sim, **changes: Any) -> dict[str, Any]:
    return {**said(1, sim, now() - DAY / 2, 300_000_000), **changes}


def test_the_next_balance_includes_the_usage(sim: Sim) -> None:
    answer = post({"records": [record(sim)]})

    assert (answer.status_code, answer.json()) == (
        200,
        {"taken": 1, "repeated": 0, "onNoLine": [], "refused": []},
    )
    (balance,) = Client().get(f"/v1/sims/{sim.iccid}/balances").json()["balances"]
    assert balance["dataRemainingInMB"] == 700.0


def test_a_repeated_batch_counts_once(sim: Sim) -> None:
    batch = {"records": [record(sim), record(sim, id="2")]}
    post(batch)

    assert post(batch).json()["repeated"] == 2
    assert used() == [600_000_000]


def test_the_name_of_the_token_is_the_source(sim: Sim) -> None:
    post({"records": [record(sim)]}, token="bearer another token altogether")
    post({"records": [record(sim)]})

    sources = UsageRecord.objects.order_by("pk").values_list("source", flat=True)
    assert list(sources) == ["older", "charging"]


@pytest.mark.parametrize(
    "token", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9", TOKEN]
)
def test_without_a_valid_token_nothing_is_stored(sim: Sim, token: str) -> None:
    answer = post({"records": [record(sim)]}, token=token)

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not UsageRecord.objects.exists()


def test_if_no_token_is_set_every_request_is_refused(sim: Sim, settings: Any) -> None:
    settings.USAGE_TOKENS = []

    assert post({"records": []}, token="Bearer ").status_code == 401


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_post_is_allowed(db: None, method: str) -> None:
    assert getattr(Client(), method)("/v1/usage").status_code == 405


BAD = {
    "id": ["", 7, None, "x" * 101, "a\0b", "a\ud800b", ["1"]],
    "iccid": ["", "123", 8944999000000000018, "8949449999999990024", "\uff18949449999999990023"],
    "usedAt": [
        "",
        "2026-03-01T00:00:00",
        "2026-03-01",
        "2026-02-29T00:00:00Z",
        "2026-03-01T00:00:00+25:00",
        "0001-01-01T00:00:00+10:00",
        "9998-01-01T00:00:00Z",
        # A leap second is the last of a day in UTC.
        "2026-03-01T12:00:60Z",
        "2026-03-01T23:59:60+01:00",
        "2026-03-01T23:59:61Z",
        "٢026-03-01T00:00:00Z",
        1_767_225_600,
    ],
    "bytes": [-1, 1.5, -1.0, 1e300, "1", True, None, 10**15 + 1, 10**400],
    "country": ["", "USA", "XX", 1, "us\0"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values], ids=repr
)
def test_only_the_record_with_a_bad_field_is_refused(sim: Sim, name: str, value: Any) -> None:
    right = record(sim, id="right")
    answer = post({"records": [right, record(sim, **{name: value}), right]})

    (refused,) = answer.json()["refused"]
    assert (answer.status_code, answer.json()["taken"], answer.json()["repeated"]) == (200, 1, 1)
    assert (refused["index"], refused["parameter"]) == (1, f"records[1].{name}")
    assert refused["detail"]


@pytest.mark.parametrize("name", BAD)
def test_a_missing_field_is_named(sim: Sim, name: str) -> None:
    lacking = record(sim)
    del lacking[name]

    (refused,) = post({"records": [lacking]}).json()["refused"]

    assert (refused["parameter"], refused["detail"]) == (
        f"records[0].{name}",
        f"{name} is missing.",
    )


def test_only_elements_that_are_not_records_are_refused(sim: Sim) -> None:
    answer = post({"records": [[], None, 1, "x", record(sim)]}).json()

    assert answer["taken"] == 1
    assert [one["parameter"] for one in answer["refused"]] == [f"records[{n}]" for n in range(4)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("country", "us"),
        ("country", "uk"),
        ("usedAt", "2026-03-01t00:00:00.123456789z"),
        ("usedAt", "2026-02-28T23:00:00-05:00"),
        ("usedAt", "2016-12-31T23:59:60Z"),
        ("usedAt", "2017-01-01T00:59:60.5+01:00"),
        ("bytes", 0),
        ("bytes", 1000.0),
        ("extra", {"is": "ignored"}),
    ],
)
def test_unusual_valid_values_are_accepted(sim: Sim, name: str, value: Any) -> None:
    assert post({"records": [record(sim, **{name: value})]}).json()["taken"] == 1


def test_the_padding_of_an_iccid_is_dropped(sim: Sim) -> None:
    post({"records": [record(sim, iccid=f"{sim.iccid}F")]})

    assert used() == [300_000_000]


def test_records_of_a_sim_on_no_line_are_listed(sim: Sim) -> None:
    answer = post({"records": [record(sim), record(make_card(), id="2")]}).json()

    assert (answer["taken"], answer["onNoLine"]) == (2, [1])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b"{}",
        b'{"records": {}}',
        b'{"records": NaN}',
        b"\xff",
        b'{"records":' + b"[" * 5000,
        b'{"records": ' + b"9" * 5000 + b"}",
    ],
    ids=range(9),
)
def test_a_body_that_is_not_a_batch_is_400(sim: Sim, body: bytes) -> None:
    answer = post(body)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_missing_list_of_records_is_named(sim: Sim) -> None:
    assert post({"record": []}).json()["parameter"] == "records"


def test_a_batch_with_too_many_records_is_413(sim: Sim, settings: Any) -> None:
    settings.USAGE_BATCH = 2
    three = {"records": [record(sim, id=str(number)) for number in range(3)]}

    answer = post(three)
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "A batch may have at most 2 records.",
    )
    assert post({"records": three["records"][:2]}).json()["taken"] == 2


def test_a_body_that_is_too_long_is_413(sim: Sim, settings: Any) -> None:
    settings.USAGE_BATCH = 2

    assert post({"records": [], "x": "y" * 2000}).status_code == 413


def test_a_batch_may_have_a_thousand_records(sim: Sim) -> None:
    batch = [record(sim, id=str(number), bytes=10**6 + 1) for number in range(1000)]

    assert post({"records": batch}).json()["taken"] == 1000
    assert used() == [GB]
