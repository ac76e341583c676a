"""`mobileplans.domain.launch`: each row of the launch table (docs/contract.md#launch)."""

from dataclasses import fields
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobileplans.domain.launch import Launch, parse_launch
from tests.mobileplans.launch_table import EID, ICCID, LAUNCH_TABLE, LaunchRow


@pytest.mark.parametrize(
    "row", LAUNCH_TABLE, ids=[f"{row.parameter}: {row.rule}" for row in LAUNCH_TABLE]
)
def test_the_launch_is_parsed_as_the_contract_says(row: LaunchRow) -> None:
    launch = parse_launch(row.sent)

    assert {name: getattr(launch, name) for name in row.expected} == row.expected


def test_a_generated_id_is_new_each_time() -> None:
    assert parse_launch("").transaction_id != parse_launch("").transaction_id


def test_a_launch_without_a_device_is_the_open_web() -> None:
    assert parse_launch("market=US").is_open_web
    assert not parse_launch(f"eid={EID}").is_open_web
    assert not parse_launch(f"iccid={ICCID}").is_open_web


NAMES = st.sampled_from(["eid", "iccid", "iccids", "imei", "location", "market", "transactionId"])


@given(st.text())
def test_no_query_raises_an_exception(query: str) -> None:
    assert isinstance(parse_launch(query), Launch)


@given(st.lists(st.tuples(NAMES, st.text(max_size=80))))
def test_no_values_raise_an_exception_and_parsed_values_fit_their_columns(
    pairs: list[tuple[str, str]],
) -> None:
    query = "&".join(f"{name}={quote_plus(text)}" for name, text in pairs)

    launch = parse_launch(query)

    assert 1 <= len(launch.transaction_id) <= 64
    assert len(launch.imei) <= 20
    assert "\0" not in "".join(str(getattr(launch, field.name)) for field in fields(launch))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=64))
def test_a_transaction_id_is_kept_as_it_was_sent(sent: str) -> None:
    assert parse_launch(f"transactionId={quote(sent, safe='+')}").transaction_id == sent
