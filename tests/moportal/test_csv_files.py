"""`moportal.text.csv_files`: rows, faults and headers, apart from what the values mean."""

from io import BytesIO

import pytest

from moportal.text.csv_files import CsvFile, Fault, Row, UnreadableHeader

COLUMNS = ("id", "usedAt", "note")


def read(text: str) -> list[Row | Fault]:
    return list(CsvFile(BytesIO(text.encode()), columns=COLUMNS, required=["id", "usedAt"]))


def test_values_come_in_the_order_of_the_columns_and_a_missing_one_is_empty() -> None:
    assert read("usedat,ID\nnow,1\n") == [Row(2, ("1", "now", ""))]


def test_a_quoted_value_may_have_the_delimiter() -> None:
    assert read('id;usedAt;note\n1;now;"a;b"\n') == [Row(2, ("1", "now", "a;b"))]


def test_a_quote_that_is_not_closed_does_not_swallow_the_next_line() -> None:
    fault, row = read('id,usedAt,note\n1,"now,a\n2,now,b\n')

    assert isinstance(fault, Fault)
    assert (fault.number, fault.column, fault.value) == (2, "", '1,"now,a')
    assert row == Row(3, ("2", "now", "b"))


def test_lines_are_numbered_as_an_editor_shows_them() -> None:
    rows = read("sep=|\nid|usedAt|note\n\n||\n1|now|\n")

    assert rows == [Row(5, ("1", "now", ""))]


def test_a_fault_after_a_separator_line_names_the_line_of_the_header() -> None:
    (fault,) = read("sep=;\nid;usedAt\n1\n")

    assert fault == Fault(3, "", "1", "Line 2 names 2 columns; this line has 1.")


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (";;", "Line 1 is empty."),
        ("id,at", "Unknown column “at”."),
        ("id,note", "The column “usedAt” is missing."),
        ("id,usedAt,ID", "A column is named twice."),
    ],
)
def test_a_header_must_name_the_required_columns_once(header: str, problem: str) -> None:
    with pytest.raises(UnreadableHeader) as error:
        read(header)

    columns = "Line 1 names the columns, in any order: id, usedAt, note."
    assert str(error.value) == f"{problem} {columns}"
