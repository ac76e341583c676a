"""`moportal.text.card_numbers`: a card number is found wherever it is typed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moportal.identifiers import luhn_digit
from moportal.text.card_numbers import has_card_number
from tests.builders import EID

VISA = "4242424242424242"


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        f"Alice {VISA}",
        f"{VISA} Alice",
        f"{VISA}Alice",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242\u20134242\u20134242\u20134242",
        "4242.4242.4242.4242",
        "4242 4242 4242 4242 12/49 123",
        "4242  4242\u00a04242\u202f4242",
        "42424242\u200b42424242",
        "\uff14\uff12" * 8,
        "\u0664\u0662" * 8,
        "3782 822463 10005",
        "30569309025904",
        "63040000000" + luhn_digit("63040000000"),
        "4242,4242,4242,4242",
    ],
)
def test_a_card_number_is_found_in_every_spelling(text: str) -> None:
    assert has_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Alice",
        "4242424242424241",
        EID,
        " ".join(EID[place : place + 4] for place in range(0, 32, 4)),
        "8944110000000990018",
        "+44 20 7946 0018",
        "020 7946 0018",
        "4915123456789",
        "ada1990@example.com",
        "/plans/?category=prepaid",
    ],
)
def test_other_text_is_no_card_number(text: str) -> None:
    assert not has_card_number(text)


@given(st.from_regex(r"\+?[1-9][0-9]{8,11}", fullmatch=True).filter(lambda t: t[0] not in "56"))
def test_a_phone_number_is_no_card_number(text: str) -> None:
    assert not has_card_number(text)


@pytest.mark.parametrize("text", ["1" * 100_000, "1 " * 50_000, "1 - " * 30_000])
def test_a_long_text_is_searched_quickly(text: str) -> None:
    started = time.monotonic()
    has_card_number(text)

    assert time.monotonic() - started < 1
