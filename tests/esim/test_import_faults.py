"""Lines of a SIM file that are in error: what is reported, and what is imported."""

import pytest

from esim.domain.importing import UnknownProvider
from moportal.text.csv_files import LONGEST_LINE, UnreadableHeader
from tests.builders import make_provider
from tests.esim.sim_files import MANY, counts, file, iccid, imported, profile, stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("merge")]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (f"{iccid(1)},physical,consumer,one,26201123456789,4915150147", "kind"),
        (f"{iccid(1)},profile,other,one,26201123456789,4915150147", "profile_type"),
        (f"{iccid(1)},profile,consumer,two,26201123456789,4915150147", "provider"),
        (profile(1, imsi="26201123456780", msisdn="4915150147"), "imsi"),
        (profile(1, imsi="26201123456789", msisdn="4915150140"), "msisdn"),
    ],
)
def test_a_line_that_contradicts_the_stock_is_in_error(line: str, column: str) -> None:
    make_provider(code="two")
    imported(file(profile(1, imsi="26201123456789", msisdn="4915150147")))
    before = stored()

    report, (fault,) = imported(file(line, profile(2)))

    assert (fault.number, fault.column) == (2, column)
    assert f"SIM {iccid(1)} is already in stock" in fault.problem
    assert (counts(report), report.is_imported) == ((1, 0, 0, 1), False)
    assert stored() == before


@pytest.mark.parametrize(
    ("line", "column", "value", "problem"),
    [
        ("8944888,profile,consumer,one,,", "iccid", "8944888", "18 to 20 digits"),
        ("8.94488E+18,profile,consumer,one,,", "iccid", "8.94488E+18", "keep the column as text"),
        (",profile,consumer,one,,", "iccid", "", "18 to 20 digits"),
        (f"{iccid(1)[:-1]}x,profile,consumer,one,,", "iccid", f"{iccid(1)[:-1]}x", "comes"),
        (f"{iccid(1)},esim,consumer,one,,", "kind", "esim", "physical or profile"),
        (f"{iccid(1)},profile,,one,,", "profile_type", "", "needs a profile type"),
        (f"{iccid(1)},profile,{'x' * 41},one,,", "profile_type", "x" * 41, "at most 40"),
        (f"{iccid(1)},profile,a\x00b,one,,", "profile_type", "a\x00b", "printable"),
        (f"{iccid(1)},profile,a\tb,one,,", "profile_type", "a\tb", "printable"),
        (f"{iccid(1)},profile,consumer,,,", "provider", "", "needs a provider"),
        (f"{iccid(1)},profile,consumer,two,,", "provider", "two", "Known providers: one."),
        (profile(1, imsi="2620112345678"), "imsi", "2620112345678", "14 or 15 digits"),
        (profile(1, imsi="٢٦٢٠١١٢٣٤٥٦٧٨٩٠"), "imsi", "٢٦٢٠١١٢٣٤٥٦٧٨٩٠", "14 or 15 digits"),
        (profile(1, msisdn="+4915150147"), "msisdn", "+4915150147", "without plus"),
        (f"{iccid(1)},profile,consumer", "", f"{iccid(1)},profile,consumer", "this line has 3."),
        (profile(1) + ",more", "", None, "this line has 7."),
        (f'"{iccid(1)},profile,consumer,one,,', "", None, "quotes do not match"),
        (profile(1) + "\r" + profile(2), "", None, "this line has 11."),
    ],
)
def test_a_fault_has_the_line_number_the_value_and_how_to_correct_it(
    line: str, column: str, value: str | None, problem: str
) -> None:
    report, (fault,) = imported(file(profile(8), line, profile(9)))

    assert (fault.number, fault.column) == (3, column)
    assert value is None or fault.value == value
    assert problem in fault.problem
    assert (counts(report), report.is_imported, stored()) == ((2, 0, 0, 1), False, [])


def test_a_wrong_check_digit_is_reported_with_the_correct_one() -> None:
    right = iccid(7)
    wrong = f"{right[:-1]}{(int(right[-1]) + 1) % 10}"

    _report, (fault,) = imported(file(f"{wrong},profile,consumer,one,,"))

    assert f"after {right[:-1]} comes {right[-1]}" in fault.problem


def test_a_repeated_iccid_is_in_error_the_second_time() -> None:
    lines = [profile(serial) for serial in range(MANY)]

    _report, faults = imported(file(*lines, profile(MANY - 1), profile(3)))

    assert [(fault.number, fault.value) for fault in faults] == [
        (MANY + 2, iccid(MANY - 1)),
        (MANY + 3, iccid(3)),
    ]
    assert "is also on line 5." in faults[1].problem


def test_a_line_that_is_not_utf_8_is_reported() -> None:
    broken = file(profile(1), "Z\u00fcrich", profile(2)).decode().encode("latin-1")

    _report, (fault,) = imported(broken)

    assert (fault.number, fault.value) == (3, "Z\\xfcrich")
    assert "Byte 2 is not UTF-8" in fault.problem


def test_a_line_that_is_too_long_is_reported_and_the_next_one_is_read() -> None:
    report, (fault,) = imported(file("x" * (3 * LONGEST_LINE + 7), profile(1)))

    assert (fault.number, counts(report)) == (2, (1, 0, 0, 1))
    assert f"more than {LONGEST_LINE}" in fault.problem


def test_the_last_line_may_be_too_long() -> None:
    report, _faults = imported(file(profile(1), "x" * LONGEST_LINE).removesuffix(b"\n"))

    assert counts(report) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Line 1 is empty"),
        (
            file(profile(1), header="iccid,kind,profile_type,provider,imsi,pin"),
            "Unknown column “pin”",
        ),
        (file(profile(1), header="kind,profile_type,provider,imsi,msisdn"), "“iccid” is missing"),
        (file(profile(1), header="iccid,kind,imsi,imsi"), "named twice"),
        (file(profile(1)).decode().encode("utf-16"), "Line 1 is not UTF-8"),
        (profile(1).encode(), "Unknown column"),
    ],
)
def test_a_header_that_does_not_name_the_columns_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableHeader, match=message):
        imported(content)


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(UnknownProvider):
        imported(file(profile(1)), provider="two")


def test_lines_in_error_may_be_skipped() -> None:
    lines = (profile(1), profile(1), "x", profile(2))

    report, faults = imported(file(*lines), skips_errors=True)

    assert (counts(report), report.is_imported) == ((2, 0, 0, 2), True)
    assert [fault.number for fault in faults] == [3, 4]
    assert [row[0] for row in stored()] == [iccid(1), iccid(2)]


def test_a_dry_run_reports_what_an_import_would_do_and_writes_nothing() -> None:
    imported(file(profile(1), profile(2)))
    before = stored()

    report, _faults = imported(
        file(profile(1), profile(2, imsi="26201123456789"), profile(3)), is_dry_run=True
    )

    assert (counts(report), report.is_imported) == ((1, 1, 1, 0), False)
    assert stored() == before
