"""`mobileplans.launch`: every reading of the contract's launch table (section 2)."""

from dataclasses import fields
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobileplans import launch
from mobileplans.launch import Launch
from mobileplans.words import MoDirectStatus

EID = "89049032123451234512345678901235"
ICCID, OTHER_ICCID = "8949449999999990023", "8988211000000000011"

# What is sent, and what is read of it.
READINGS = [
    # eid
    (f"eid={EID}", {"eid": EID}),
    (f"eid=%22{EID}%22", {"eid": EID}),
    (f"eid=%5C%22{EID}%5C%22", {"eid": EID}),
    (f"eid=+{EID}+", {"eid": EID}),
    (f"%20eid%20={EID}", {"eid": EID}),
    ("eid=", {"eid": None, "refused_as": None}),
    (f"eid={EID[:-1]}", {"refused_as": MoDirectStatus.INVALID_SIM, "refused_because": "eid"}),
    (f"eid={EID[:-1]}6", {"refused_as": MoDirectStatus.INVALID_SIM}),
    # iccid
    (f"iccid={ICCID}", {"iccid": ICCID, "refused_as": None}),
    (f"iccid={ICCID}F", {"iccid": ICCID}),
    (f"iccid={ICCID}f", {"iccid": ICCID}),
    ("iccid=123", {"refused_as": MoDirectStatus.INVALID_SIM, "refused_because": "iccid"}),
    (f"eid={EID}&iccid={ICCID}", {"iccid": None, "iccids": (ICCID,), "refused_as": None}),
    (f"eid={EID}&iccid=123", {"iccid": None, "iccids": (), "refused_as": None}),
    # iccids
    (f"eid={EID}&iccids={ICCID},{OTHER_ICCID}", {"iccids": (ICCID, OTHER_ICCID)}),
    (f"eid={EID}&iccids={ICCID},%20{OTHER_ICCID}F", {"iccids": (ICCID, OTHER_ICCID)}),
    (f"eid={EID}&iccids=junk,,{ICCID},1", {"iccids": (ICCID,), "refused_as": None}),
    (f"eid={EID}&iccids={ICCID}&iccid={ICCID}", {"iccids": (ICCID,)}),
    # imei: never refused
    ("imei=001201234567890", {"imei": "001201234567890", "refused_as": None}),
    ("imei=abc", {"imei": "abc", "refused_as": None}),
    ("imei=%00", {"imei": "", "refused_as": None}),
    # location and market
    ("location=us", {"location": "US", "market": "US"}),
    ("location=UK", {"location": "GB"}),
    ("market=de", {"location": "DE", "market": "DE"}),
    ("market=US&location=JP", {"location": "JP", "market": "US"}),
    ("market=XX", {"refused_as": MoDirectStatus.CLIENT_ERROR, "refused_because": "market"}),
    ("location=USA", {"refused_as": MoDirectStatus.CLIENT_ERROR, "refused_because": "location"}),
    ("", {"location": None, "market": None, "refused_as": None}),
    # transactionId
    ("transactionId=MSFT_1", {"transaction_id": "MSFT_1", "transaction_id_is_ours": False}),
    ("transactionId=a+b", {"transaction_id": "a+b"}),
    ("transactionId=a%2Bb%2Fc%3D", {"transaction_id": "a+b/c="}),
    ("transactionId=%252F", {"transaction_id": "%2F"}),
    ("transactionId=%20x%20", {"transaction_id": " x "}),
    ("transactionId=%22x%22", {"transaction_id": '"x"'}),
    ("transactionId=a=b", {"transaction_id": "a=b"}),
    (f"transactionId={'x' * 64}", {"transaction_id": "x" * 64}),
    (f"transactionId={'x' * 65}", {"transaction_id_is_ours": True}),
    ("transactionId=", {"transaction_id_is_ours": True}),
    ("transactionId=a%0Ab", {"transaction_id_is_ours": True}),
    ("transactionId=a%00", {"transaction_id_is_ours": True}),
    ("transactionId=%FF", {"transaction_id_is_ours": True}),
    # anything else, and repetitions
    ("phoneNumber=1&x=%00&=&&&=&y", {"refused_as": None}),
    (f"eid={EID}&eid=junk", {"eid": EID, "refused_as": None}),
    ("market=US&market=XX", {"market": "US", "refused_as": None}),
    (f"EID={EID}", {"eid": None}),
]


@pytest.mark.parametrize(("sent", "expected"), READINGS)
def test_the_launch_is_read_as_the_contract_says(sent: str, expected: dict[str, object]) -> None:
    read = launch.read(sent)

    assert {name: getattr(read, name) for name in expected} == expected


def test_an_id_of_our_own_is_new_each_time() -> None:
    assert launch.read("").transaction_id != launch.read("").transaction_id


def test_without_a_device_it_is_the_open_web() -> None:
    assert launch.read("market=US").is_open_web
    assert not launch.read(f"eid={EID}").is_open_web
    assert not launch.read(f"iccid={ICCID}").is_open_web


NAMES = st.sampled_from(["eid", "iccid", "iccids", "imei", "location", "market", "transactionId"])


@given(st.text())
def test_no_query_makes_an_exception_leave_the_parser(query: str) -> None:
    assert isinstance(launch.read(query), Launch)


@given(st.lists(st.tuples(NAMES, st.text(max_size=80))))
def test_no_values_do_either_and_all_that_is_read_fits(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{name}={quote_plus(text)}" for name, text in pairs)

    read = launch.read(query)

    assert 1 <= len(read.transaction_id) <= 64
    assert len(read.imei) <= 20
    assert "\0" not in "".join(str(getattr(read, field.name)) for field in fields(read))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=64))
def test_a_transaction_id_comes_back_as_it_was_sent(sent: str) -> None:
    assert launch.read(f"transactionId={quote(sent, safe='+')}").transaction_id == sent
