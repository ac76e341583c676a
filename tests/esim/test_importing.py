"""`esim.domain.importing`: SIMs are imported from a file, all or nothing.

Every line is checked, and an import can be repeated. PostgreSQL uses COPY and SQLite
the ORM; the tests cover both.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from esim.domain import merging, ranges
from esim.domain.importing import Report, UnknownProvider, import_sims
from esim.models import IccidRange, Sim
from esim.states import SimState
from moportal.identifiers import Iccid
from moportal.text.csv_files import LONGEST_LINE, Fault, UnreadableHeader
from tests.builders import make_provider
from tests.races import at_once

pytestmark = pytest.mark.django_db

HEADER = "iccid,kind,profile_type,provider,imsi,msisdn"
CARD = "8944110000000990018"
MANY = 2500


@pytest.fixture(params=["merge_by_copy", "merge_by_orm"], autouse=True)
def merge(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run each test with both functions that merge, and create a provider."""
    name: str = request.param
    monkeypatch.setattr(merging, "merge_by_copy", getattr(merging, name))
    make_provider()
    return name


def iccid(serial: int) -> Iccid:
    return Iccid.numbered("8944888", serial)


def profile(serial: int, *, imsi: str = "", msisdn: str = "") -> str:
    return f"{iccid(serial)},profile,consumer,one,{imsi},{msisdn}"


def file(*lines: str, header: str = HEADER, ends: str = "\n") -> bytes:
    return ends.join([header, *lines, ""]).encode()


def imported(content: bytes, **options: Any) -> tuple[Report, list[Fault]]:
    faults: list[Fault] = []
    report = import_sims(BytesIO(content), report_fault=faults.append, **options)
    return report, sorted(faults)


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.new, report.filled, report.unchanged, report.faults


def stored() -> list[tuple[Any, ...]]:
    columns = ("iccid", "kind", "state", "profile_type", "provider__code", "imsi", "msisdn")
    return list(Sim.objects.order_by("pk").values_list(*columns, "is_in_programme"))


# --- Correct files --------------------------------------------------------------------------------


def test_profiles_and_cards_are_stored_in_the_order_of_the_file() -> None:
    card = f"{iccid(2)},physical,,,262011234567890,4915150147"

    report, faults = imported(file(profile(3, imsi="26201123456789"), card, profile(1)))

    assert (counts(report), faults, report.is_imported) == ((3, 0, 0, 0), [], True)
    assert stored() == [
        (iccid(3), "profile", "available", "consumer", "one", "26201123456789", "", True),
        (iccid(2), "physical", "available", "", None, "262011234567890", "4915150147", True),
        (iccid(1), "profile", "available", "consumer", "one", "", "", True),
    ]


@pytest.mark.parametrize(
    "content",
    [
        file(profile(1), profile(2)),
        file(profile(1), profile(2), ends="\r\n"),
        b"\xef\xbb\xbf" + file(profile(1), profile(2), ends="\r\n").replace(b",", b";"),
        file(profile(1), "", "   ", profile(2)),
        file(profile(1), profile(2)).removesuffix(b"\n"),
        file(f"{iccid(1)}F,Profile,consumer,one,,", profile(2).replace(",", " , ")),
        file(f'"{iccid(1)}","profile","consumer","one","",""', profile(2)),
        file(
            f"one,{iccid(1)},consumer,profile",
            f"one,{iccid(2)},consumer,profile",
            header='Provider, ICCID ,"profile_type",KIND',
        ),
    ],
    ids=[
        "plain",
        "CRLF",
        "as Excel saves it",
        "blank lines",
        "no last end",
        "F",
        "quotes",
        "order",
    ],
)
def test_a_file_is_read_as_spreadsheets_and_vendors_save_it(content: bytes) -> None:
    report, faults = imported(content)

    assert (counts(report), faults) == ((2, 0, 0, 0), [])
    assert [row[:5] for row in stored()] == [
        (iccid(1), "profile", "available", "consumer", "one"),
        (iccid(2), "profile", "available", "consumer", "one"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        f"iccid;kind;profile_type;provider;imsi;msisdn;;\r\n{CARD};physical;;;;;;\r\n",
        f"iccid;kind;imsi;msisdn\r\n{CARD};physical;;\r\n;;;\r\n;;;\r\n",
        f"sep=;\r\niccid;kind;profile_type;provider;imsi;msisdn\r\n{CARD};physical;;;;\r\n",
        f"\ufeffsep=\t\niccid\t\tkind\n{CARD}\t\tphysical\n",
    ],
    ids=["empty columns", "empty rows", "separator line", "separator line with a tab"],
)
def test_a_spreadsheet_may_add_empty_cells_and_a_separator_line(content: str) -> None:
    report, faults = imported(content.encode())

    assert (counts(report), faults) == ((1, 0, 0, 0), [])
    assert [row[:2] for row in stored()] == [(CARD, "physical")]


def test_a_value_in_a_column_without_a_name_is_in_error() -> None:
    content = f"sep=;\niccid;kind;\n{CARD};physical;surplus\n".encode()

    report, (fault,) = imported(content)

    assert (fault.number, fault.value) == (3, f"{CARD};physical;surplus")
    assert fault.problem == "The line has a value in a column without a name."
    assert counts(report) == (0, 0, 0, 1)


def test_the_example_in_the_docs_is_right() -> None:
    make_provider(code="kestrel")
    document = Path(__file__).parents[2] / "docs" / "inventory.md"
    shown = [line.strip() for line in document.read_text(encoding="utf-8").splitlines()]
    begin = shown.index("iccid;kind;profile_type;provider;imsi;msisdn")

    report, faults = imported("\n".join(shown[begin : begin + 3]).encode())

    assert (counts(report), faults) == ((2, 0, 0, 0), [])


def test_a_provider_may_be_given_for_the_whole_file() -> None:
    lines = (f"{iccid(1)},profile,consumer", f"{iccid(2)},physical,")

    report, _faults = imported(file(*lines, header="iccid,kind,profile_type"), provider="one")

    assert counts(report) == (2, 0, 0, 0)
    assert [row[4] for row in stored()] == ["one", None]


def test_a_profile_type_may_have_any_printable_characters() -> None:
    odd = r"a\b\N 'c' %s"

    imported(file(f"{iccid(1)},profile,{odd},one,,"))

    assert stored()[0][3] == odd


def test_a_range_decides_which_sims_are_in_the_programme() -> None:
    ranges.save(IccidRange(first=iccid(2), last=iccid(3), is_in_programme=False))

    imported(file(*map(profile, range(1, 5))))

    assert [row[-1] for row in stored()] == [True, False, False, True]


# --- Repeated imports -----------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing() -> None:
    content = file(*(profile(serial, imsi=f"26201{serial:09d}") for serial in range(MANY)))
    imported(content)
    Sim.objects.filter(iccid=iccid(1)).update(state=SimState.IN_USE, is_in_programme=False)
    before = stored()

    report, faults = imported(content)

    assert (counts(report), faults) == ((0, 0, MANY, 0), [])
    assert stored() == before


def test_missing_numbers_are_filled_in_and_known_ones_are_kept() -> None:
    imported(file(profile(1), profile(2, msisdn="4915150147"), profile(3, imsi="26201123456789")))

    report, _faults = imported(
        file(profile(1, imsi="26201123456780"), profile(2, imsi="26201123456781"), profile(3))
    )

    assert counts(report) == (0, 2, 1, 0)
    assert [row[5:7] for row in stored()] == [
        ("26201123456780", ""),
        ("26201123456781", "4915150147"),
        ("26201123456789", ""),
    ]


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


# --- Errors ---------------------------------------------------------------------------------------


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("merge", ["merge_by_copy"], indirect=True)
def test_of_concurrent_imports_of_one_file_only_the_first_adds_sims() -> None:
    content = file(*map(profile, range(200)))

    reports = at_once(lambda: imported(content)[0], 4)

    assert sorted(map(counts, reports)) == [(0, 0, 200, 0)] * 3 + [(200, 0, 0, 0)]


@pytest.mark.parametrize("merge", ["merge_by_copy"], indirect=True)
def test_both_functions_that_merge_give_the_same_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import one file with many faults with both functions, from the same stock."""
    make_provider(code="two")
    stock = file(*(profile(serial, imsi=f"26201{serial:09d}") for serial in range(0, 40, 2)))
    faulty = file(
        *(profile(serial, msisdn="4915150147") for serial in range(30)),
        *(f"{iccid(serial)},profile,consumer,two,," for serial in range(20, 50)),
        *("x", f"{iccid(1)[:-1]}x,profile,consumer,one,,", f"{iccid(60)},physical,,,,"),
    )
    results = []
    for merge in (merging.merge_by_copy, merging.merge_by_orm):
        monkeypatch.setattr(merging, "merge_by_copy", merge)
        Sim.objects.all().delete()
        imported(stock)
        dry = imported(faulty, is_dry_run=True)
        results.append((dry, imported(faulty), imported(faulty, skips_errors=True), stored()))

    assert results[0] == results[1]


@pytest.mark.processes
@pytest.mark.parametrize("merge", ["merge_by_orm"], indirect=True)
def test_sqlite_uses_the_orm(tmp_path: Path) -> None:
    path = tmp_path / "sims.csv"
    path.write_bytes(file(profile(1), profile(2), profile(1)))
    script = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "from esim.models import IccidRange, Sim, SmdpProvider\n"
        "from esim.domain import ranges\n"
        "SmdpProvider.objects.create(code='one', smdp_host='x', requester_identifier='2.999')\n"
        f"ranges.save(IccidRange(first='{iccid(2)}', last='{iccid(2)}', is_in_programme=False))\n"
        f"call_command('import_sims', {str(path)!r}, '--skip-errors')\n"
        "print(list(Sim.objects.values_list('iccid', 'is_in_programme')))\n"
        "call_command('pools')\n"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "moportal.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.sqlite3'}",
    }

    output = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert "2 new, 0 filled, 0 already there, 1 with errors." in output
    assert f"[('{iccid(1)}', True), ('{iccid(2)}', False)]" in output
    assert output.splitlines()[-1].split() == ["consumer", "one", "2", "0", "0"]


# --- The command ----------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Return a function that runs `import_sims`, and returns what it prints and its errors."""

    def run(content: bytes, *options: str) -> tuple[str, str]:
        path = tmp_path / "sims.csv"
        path.write_bytes(content)
        out, err = StringIO(), StringIO()
        try:
            call_command("import_sims", str(path), *options, stdout=out, stderr=err)
        except CommandError as error:
            err.write(str(error))
        return out.getvalue(), err.getvalue()

    return run


def test_the_command_prints_the_counts(command: Callable[..., tuple[str, str]]) -> None:
    assert command(file(profile(1))) == ("1 new, 0 filled, 0 already there, 0 with errors.\n", "")


def test_the_command_says_that_a_dry_run_wrote_nothing(
    command: Callable[..., tuple[str, str]],
) -> None:
    out, _err = command(file(profile(1)), "--dry-run")

    assert "This was a dry run" in out
    assert stored() == []


def test_the_command_shows_twenty_errors_and_writes_all_to_a_file(
    command: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    errors = tmp_path / "errors.csv"
    content = file(*["x"] * 25)

    out, err = command(content, "--errors", str(errors))

    assert "0 new, 0 filled, 0 already there, 25 with errors." in out
    assert "line 21: “x”: Line 1 names 6 columns; this line has 1." in err
    assert "line 22:" not in err
    assert "… and 5 more." in err
    assert "Nothing was imported. Correct the lines or use --skip-errors." in err
    written = errors.read_text(encoding="utf-8").splitlines()
    assert (written[0], len(written)) == ("line,column,value,problem", 26)
    assert "Use --errors FILE" in command(content)[1]


def test_the_command_says_why_a_file_is_unreadable(
    command: Callable[..., tuple[str, str]],
) -> None:
    assert "Unknown column “x”" in command(b"x")[1]
    assert "no provider “two”" in command(file(), "--provider", "two")[1]
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_sims", "nowhere.csv")


# --- The admin ------------------------------------------------------------------------------------


@pytest.fixture
def desk(client: Client, clara: User) -> Client:
    """Return Clara's browser, signed in to the admin."""
    client.force_login(clara)
    return client


def upload(content: bytes, **fields: str) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("sims.csv", content), "provider": "", **fields}


ADDRESS = "/admin/esim/sim/import/"


def test_staff_check_a_file_first_and_then_import_it(desk: Client) -> None:
    assert ADDRESS in desk.get("/admin/esim/sim/").text
    assert desk.get(ADDRESS).status_code == 200

    checked = desk.post(ADDRESS, upload(file(profile(1)), is_dry_run="on"))
    assert "1 new, 0 filled" in checked.text
    assert "Nothing was saved." in checked.text
    assert stored() == []

    done = desk.post(ADDRESS, upload(file(profile(1)), provider="one"))
    assert "The file was imported." in done.text
    assert [row[0] for row in stored()] == [iccid(1)]


def test_staff_see_lines_in_error_and_a_wrong_header(desk: Client) -> None:
    page = desk.post(ADDRESS, upload(file("x")))
    assert "Line 1 names 6 columns; this line has 1." in page.text

    page = desk.post(ADDRESS, upload(b"x"))
    assert "Unknown column" in page.text


def test_a_file_that_is_too_large_for_a_request_is_refused(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esim.forms.LARGEST_UPLOAD", 10)

    page = desk.post(ADDRESS, upload(file(profile(1))))

    assert "with manage.py import_sims" in page.text
    assert stored() == []


def test_staff_who_may_not_change_sims_cannot_import_them(client: Client) -> None:
    viewer = User.objects.create_user("len@example.com", "x", name="Len")
    User.objects.filter(pk=viewer.pk).update(is_staff=True)
    client.force_login(viewer)

    assert client.get(ADDRESS).status_code == 403
