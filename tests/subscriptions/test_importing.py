"""`manage.py import_usage`: usage by a file, line by line; safe to repeat."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from moportal.text.csv_files import LONGEST_LINE
from subscriptions.models import UsageRecord
from tests.subscriptions.usages import DAY, give, make_line, said, used

HEADER = "id,iccid,usedAt,bytes,country"


@pytest.fixture
def sim(alice: User) -> Sim:
    """Return a SIM on a line with 1 GB in the US since yesterday."""
    line, sim = make_line(alice, since=now() - DAY)
    give(line, now() - DAY, now() + DAY)
    return sim


def line_of(name: object, sim: Sim, used: object = 100) -> str:
    return ",".join(map(str, said(name, sim, now() - DAY / 2, 0).values())).replace(
        ",0,", f",{used},"
    )


@pytest.fixture
def give_file(tmp_path: Path) -> Any:
    def give_file(*lines: str, header: str = HEADER, **options: Any) -> tuple[str, str]:
        file = tmp_path / "usage.csv"
        # As it came, wrong bytes and all.
        file.write_bytes("\n".join([header, *lines, ""]).encode(errors="surrogateescape"))
        out, err = StringIO(), StringIO()
        options = {"source": "file", **options}
        try:
            call_command("import_usage", file, stdout=out, stderr=err, **options)
        except CommandError as error:
            err.write(str(error))
        return out.getvalue(), err.getvalue()

    return give_file


def test_a_file_is_counted_once_however_often_it_is_given(sim: Sim, give_file: Any) -> None:
    lines = [line_of(1, sim), "", line_of(2, sim)]

    assert give_file(*lines) == ("2 taken, 0 repeated (0 of them on no line), 0 refused.\n", "")
    assert give_file(*lines) == ("0 taken, 2 repeated (0 of them on no line), 0 refused.\n", "")
    assert used() == [200]
    assert set(UsageRecord.objects.values_list("source", flat=True)) == {"file"}


@pytest.mark.parametrize("written", ["100", "100.0", "100.000"])
def test_a_whole_number_may_have_zeros_after_the_point(
    sim: Sim, give_file: Any, written: str
) -> None:
    give_file(line_of(1, sim, written))

    assert used() == [100]


def test_a_spreadsheets_header_in_another_order_is_read(sim: Sim, give_file: Any) -> None:
    told = said(1, sim, now() - DAY / 2, 100)
    values = ";".join(str(told[name]) for name in ("bytes", "country", "iccid", "id", "usedAt"))

    out, _ = give_file(values, header='\ufeff"Bytes";COUNTRY;iccid;id;usedat')

    assert out.startswith("1 taken")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1,2,3", "line 2: Line 1 names 5 columns; this line has 3."),
        ('1,"2,3,4,5', "line 2: The quotes do not match"),
        ("1,2,3,4,\udcff", "line 2: Byte 9 is not UTF-8"),
        ("x" * LONGEST_LINE * 3, f"line 2: The line has more than {LONGEST_LINE} characters."),
        ("1,2,3,4,5", "line 2: iccid: iccid must be a string of 18 to 20 digits"),
    ],
)
def test_a_line_in_error_is_told_and_the_others_count(
    sim: Sim, give_file: Any, line: str, told: str
) -> None:
    out, err = give_file(line, line_of(2, sim))

    assert out == "1 taken, 0 repeated (0 of them on no line), 1 refused.\n"
    assert err.startswith(told)
    assert err.endswith("Correct the refused lines and import the file again.")
    assert used() == [100]


@pytest.mark.parametrize("used_bytes", ["", "1.5", "-1", "٣", "9" * 5000])
def test_bytes_are_a_whole_number(sim: Sim, give_file: Any, used_bytes: str) -> None:
    out, _ = give_file(line_of(1, sim, used_bytes))

    assert out.endswith("1 refused.\n")


def test_faults_beyond_the_first_are_counted(sim: Sim, give_file: Any, settings: Any) -> None:
    settings.USAGE_BATCH = 10

    out, err = give_file(*["x"] * 25, line_of(1, sim))

    assert (out.startswith("1 taken"), err.count("; this line has 1.")) == (True, 20)
    assert "… and 5 more." in err


def test_a_dry_run_writes_nothing(sim: Sim, give_file: Any) -> None:
    out, _ = give_file(line_of(1, sim), "x", dry_run=True)

    assert out.startswith(
        "1 taken, 0 repeated (0 of them on no line), 1 refused.\nThis was a dry run"
    )
    assert (used(), UsageRecord.objects.count()) == ([0], 0)


@pytest.mark.parametrize("header", ["", "id,iccid", "id,iccid,usedAt,bytes,land", HEADER + ",id"])
def test_a_header_must_name_the_columns(sim: Sim, give_file: Any, header: str) -> None:
    assert "Line 1 names the columns" in give_file(line_of(1, sim), header=header)[1]


@pytest.mark.parametrize("source", ["", "x" * 41])
def test_a_source_has_a_name(sim: Sim, give_file: Any, source: str) -> None:
    assert "--source must have 1 to 40 characters." in give_file(line_of(1, sim), source=source)[1]


def test_a_file_that_is_not_there_is_told(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_usage", tmp_path / "none.csv", source="x")
