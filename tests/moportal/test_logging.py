"""`moportal.logs.configuration`: identifiers are masked in every log line."""

import logging

import pytest

from moportal.logs.configuration import mask_event, mask_identifiers
from tests.builders import EID


@pytest.mark.parametrize(
    ("text", "masked_text"),
    [
        (f"eid {EID} launched", "eid …1235 launched"),
        ("iccid 8949449999999990023F.", "iccid …0023."),
        ("imei 490154203237518", "imei …7518"),
        ("1$smdp.example$ABCDE-FGHIJ-12345", "1$…$…2345"),
        ("took 0.0012345678901234 s", "took 0.0012345678901234 s"),
        ("order 7K3Q9XM2RA, $19.00", "order 7K3Q9XM2RA, $19.00"),
    ],
)
def test_an_identifier_keeps_only_its_last_four_characters(text: str, masked_text: str) -> None:
    assert mask_identifiers(text) == masked_text


def test_every_value_of_an_event_is_masked_except_the_transaction_id() -> None:
    event = {"event": "x", "eid": EID, "list": [EID], "transaction_id": EID, "count": 3}

    assert mask_event(logging.getLogger(), "info", event) == {
        "event": "x",
        "eid": "…1235",
        "list": "['…1235']",
        "transaction_id": EID,
        "count": 3,
    }
