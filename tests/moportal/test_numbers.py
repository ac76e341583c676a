"""`moportal.identifiers` and `moportal.money`: only valid values can be made."""

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from moportal import identifiers
from moportal.identifiers import (
    ActivationCode,
    Country,
    Eid,
    Iccid,
    Imei,
    Imsi,
    InvalidActivationCode,
    InvalidEid,
    InvalidIccid,
    InvalidIdentifier,
    InvalidImei,
    Msisdn,
    has_luhn_digit,
    luhn_digit,
)
from moportal.money import Money, with_tax


@pytest.mark.parametrize(
    "eid",
    [
        "89049032123451234512345678901235",
        "89049032000000000000000000000066",
        "89882119900000000000000000001654",
    ],
)
def test_a_valid_eid_is_parsed(eid: str) -> None:
    assert Eid.parse(eid) == eid


@pytest.mark.parametrize(
    "iccid",
    ["8949449999999990023", "8988211000000000011", "8988211000000000029", "89882110000000000010"],
)
def test_a_valid_iccid_is_parsed_with_and_without_padding(iccid: str) -> None:
    assert Iccid.parse(iccid) == Iccid.parse(f"{iccid}F") == iccid


def test_a_numbered_iccid_has_its_check_digit() -> None:
    assert Iccid.numbered("8944110", 0) == "8944110000000000008"


@pytest.mark.parametrize(
    ("kind", "text"),
    [(Imsi, "26201123456789"), (Imsi, "262011234567890"), (Msisdn, "49151"), (Msisdn, "4" * 15)],
)
def test_the_shortest_and_longest_numbers_are_parsed(kind: type[Imsi | Msisdn], text: str) -> None:
    assert kind.parse(text) == text


@given(st.text("0123456789", min_size=1, max_size=30))
def test_exactly_one_of_ten_check_digits_is_correct(digits: str) -> None:
    right = [digit for digit in "0123456789" if identifiers.has_luhn_digit(digits + digit)]

    assert right == [identifiers.luhn_digit(digits)]
    # As the standard puts it: every second digit is doubled, and
    # all the digits are added up.
    doubled = "".join(str(int(d) * (2 - n % 2)) for n, d in enumerate(reversed(digits)))
    assert (sum(map(int, doubled)) + int(right[0])) % 10 == 0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Eid, "8904903212345123451234567890123"),
        (Eid, "89049032123451234512345678901236"),
        (Eid, "٨" * 32),
        (Iccid, "8900000000000000001"),
        (Iccid, "894944999999999002F3"),
        (Imei, "001201234567890"),
        (Imsi, "2620112345678"),
        (Imsi, "2620112345678901"),
        (Msisdn, "4915"),
        (Msisdn, "+4915150147"),
        (Country, "XX"),
        (Country, "\uff35\uff33"),
    ],
)
def test_an_invalid_identifier_is_refused(
    kind: type[Eid | Iccid | Imei | Imsi | Msisdn | Country], text: str
) -> None:
    with pytest.raises(InvalidIdentifier):
        kind.parse(text)


@given(st.text())
def test_no_text_raises_any_other_error(text: str) -> None:
    for kind in (Eid, Iccid, Imei, Imsi, Msisdn, Country, ActivationCode):
        try:
            assert str(kind.parse(text))
        except InvalidIdentifier:
            continue


def test_an_activation_code_is_parsed_as_it_is_printed() -> None:
    code = ActivationCode("smdp.example", "04386-AGYFT-A74Y8-3F815")

    assert ActivationCode.parse(str(code)) == code


@pytest.mark.parametrize(
    "text",
    [
        "LPA:1$smdp.example$A",
        "1$smdp.example$A$2.999.10",
        "1$smdp.example$A$$1",
        "1$smdp.example$",
        "1$smdp.example$a",
        "2$smdp.example$A",
        "1smdp.example$A",
        "1$" + "x" * 250 + "$ABC",
    ],
)
def test_an_activation_code_that_windows_refuses_is_refused(text: str) -> None:
    with pytest.raises(InvalidActivationCode):
        ActivationCode.parse(text)


def test_matching_ids_are_long_and_never_repeat() -> None:
    made = {identifiers.new_matching_id() for _ in range(100)}

    assert len(made) == 100
    assert all(len(one.replace("-", "")) == 20 for one in made)


DIGITS = "0123456789"
LABELS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,12}[A-Za-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=6).map(".".join)
TOKENS = st.text("0189ABCXYZ-", min_size=1, max_size=100)


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=length, max_size=length)


@given(digits(30))
def test_an_eid_is_parsed_only_with_its_check_digits(stem: str) -> None:
    """SGP.29, section 10: 98 minus the first 30 digits followed by two zeros, modulo 97."""
    right = f"{98 - int(stem) * 100 % 97:02d}"

    assert Eid.parse(stem + right) == stem + right
    for check in {f"{n:02d}" for n in range(100)} - {right}:
        # 00 and 97 leave the same remainder, as do 01 and 98.
        if int(check) % 97 != int(right) % 97:
            with pytest.raises(InvalidEid):
                Eid.parse(stem + check)


@given(st.integers(17, 19).flatmap(digits), st.sampled_from(["", "F", "f"]))
def test_an_iccid_is_parsed_only_with_its_check_digit(stem: str, padding: str) -> None:
    right = luhn_digit(stem)

    assert Iccid.parse(stem + right + padding) == stem + right
    for check in set(DIGITS) - {right}:
        with pytest.raises(InvalidIccid):
            Iccid.parse(stem + check + padding)


@given(digits(7), st.integers(0, 10**11 - 1))
def test_a_numbered_iccid_is_parsed_and_shows_its_serial_number(prefix: str, serial: int) -> None:
    iccid = Iccid.numbered(prefix, serial)

    assert Iccid.parse(iccid) == iccid
    assert (iccid[:7], int(iccid[7:18]), len(iccid)) == (prefix, serial, 19)


@given(digits(14))
def test_an_imei_is_parsed_only_with_its_check_digit(stem: str) -> None:
    right = luhn_digit(stem)

    assert Imei.parse(stem + right) == stem + right
    for check in set(DIGITS) - {right}:
        with pytest.raises(InvalidImei):
            Imei.parse(stem + check)


@given(digits(18), st.integers(0, 18), st.sampled_from(DIGITS))
def test_a_single_wrong_digit_is_always_noticed(stem: str, at: int, digit: str) -> None:
    iccid = stem + luhn_digit(stem)
    typed = iccid[:at] + digit + iccid[at + 1 :]

    assert has_luhn_digit(typed) == (typed == iccid)


@given(HOSTS, TOKENS)
def test_every_activation_code_is_parsed_as_it_was_printed(host: str, token: str) -> None:
    code = ActivationCode(host, token)

    assert ActivationCode.parse(str(code)) == code
    assert str(code) == f"1${host}${token}"


@given(HOSTS, TOKENS, st.sampled_from(["$", "$2.999.10", "$2.999.10$1", "$$1", " ", "\n", "a"]))
def test_no_activation_code_has_more_than_three_parts(host: str, token: str, more: str) -> None:
    with pytest.raises(InvalidActivationCode):
        ActivationCode.parse(f"1${host}${token}{more}")


def test_a_matching_id_has_only_the_characters_of_the_standard() -> None:
    """SGP.22, 4.1.1: upper case, digits and hyphens. The portal also avoids look-alikes."""
    made = "".join(identifiers.new_matching_id() for _ in range(500))

    assert set(made) == set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")


@pytest.mark.parametrize(
    ("units", "currency", "language", "text"),
    [
        (1900, "USD", "en", "$19.00"),
        (1900, "EUR", "de", "19,00\xa0€"),
        (500, "JPY", "en", "¥500"),
        (1234, "KWD", "de", "1,234\xa0KWD"),
        (1900, "USD", "ar", "\u206619.00\xa0US$\u2069"),
    ],
)
def test_money_is_printed_as_in_the_readers_language(
    units: int, currency: str, language: str, text: str
) -> None:
    with override(language):
        assert str(Money(units, currency)) == text


@pytest.mark.parametrize(
    ("units", "rate", "included", "gross", "tax"),
    [
        (1900, 900, True, 1900, 157),
        (1900, 1900, False, 2261, 361),
        (1, 5000, False, 2, 1),
        (500, 1000, True, 500, 45),
        (400, 0, True, 400, 0),
    ],
)
def test_tax_is_rounded_half_up_once(
    units: int, rate: int, *, included: bool, gross: int, tax: int
) -> None:
    priced = with_tax(Money(units, "USD"), rate=rate, included=included)

    assert (priced.gross.minor_units, priced.tax.minor_units) == (gross, tax)
    assert priced.net + priced.tax == priced.gross


@pytest.mark.parametrize(("part", "tax"), [(1900, 157), (950, 79), (6, 0), (7, 1), (0, 0)])
def test_a_part_of_a_price_has_its_part_of_the_tax(part: int, tax: int) -> None:
    price = with_tax(Money(1900, "USD"), rate=900, included=True)

    assert price.tax_in(Money(part, "USD")) == Money(tax, "USD")


def test_two_currencies_cannot_be_added() -> None:
    with pytest.raises(ValueError, match="cannot be added"):
        Money(1, "USD") + Money(1, "EUR")
