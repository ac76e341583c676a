"""`esim.domain.importing`: SIMs are imported from a file, all or nothing.

Every line is checked, and an import can be repeated. PostgreSQL uses COPY and SQLite
the ORM; the tests cover both.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from esim.domain import merging, ranges
from esim.models import IccidRange, Sim
from esim.states import SimState
from tests.builders import make_provider
from tests.esim.sim_files import CARD, HEADER, MANY, counts, file, iccid, imported, profile, stored
from tests.races import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("merge")]


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


WITH_PUK = f"{HEADER},puk"


def with_puk(serial: int, puk: str) -> str:
    return f"{profile(serial)},{puk}"


def puks() -> list[str]:
    return list(Sim.objects.order_by("pk").values_list("puk_ending", flat=True))


def test_only_the_end_of_a_puk_is_stored_and_that_encrypted() -> None:
    lines = (with_puk(1, "73920415"), with_puk(2, "0752"), with_puk(3, ""))

    report, faults = imported(file(*lines, header=WITH_PUK))

    assert (counts(report), faults) == ((3, 0, 0, 0), [])
    assert puks() == ["0415", "0752", ""]
    with connection.cursor() as cursor:
        cursor.execute("SELECT puk_ending FROM esim_sim WHERE puk_ending <> ''")
        assert not any("0415" in sealed or "0752" in sealed for (sealed,) in cursor.fetchall())


def test_a_later_file_fills_in_a_puk_that_is_not_known() -> None:
    imported(file(profile(1), profile(2)))

    report, _faults = imported(file(with_puk(1, "73920415"), with_puk(2, ""), header=WITH_PUK))

    assert counts(report) == (0, 1, 1, 0)
    assert puks() == ["0415", ""]
    again, _faults = imported(file(with_puk(1, "0415"), header=WITH_PUK))
    assert counts(again) == (0, 0, 1, 0)


def test_another_puk_for_a_sim_in_stock_is_in_error() -> None:
    imported(file(with_puk(1, "73920415"), header=WITH_PUK))

    report, (fault,) = imported(
        file(with_puk(1, "73920416"), with_puk(2, ""), header=WITH_PUK), skips_errors=True
    )

    assert counts(report) == (1, 0, 0, 1)
    assert (fault.number, fault.column, fault.value) == (2, "puk", "")
    assert fault.problem == f"SIM {iccid(1)} is already in stock, with another PUK."
    assert puks() == ["0415", ""]


@pytest.mark.parametrize("puk", ["7392041", "7392041x", "739204150"])
def test_a_puk_in_error_is_not_repeated(puk: str) -> None:
    _report, (fault,) = imported(file(with_puk(1, puk), header=WITH_PUK))

    assert (fault.column, fault.value) == ("puk", "")
    assert fault.problem.startswith("A PUK is 8 digits, or its last 4")


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


# --- Concurrent imports, and both databases -------------------------------------------------------


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
        "from django.apps import apps\n"
        "from django.conf import settings\n"
        "from django.core.management import call_command\n"
        # The migrations take twenty seconds, and the tables are the same without them.
        "settings.MIGRATION_MODULES = {room.label: None for room in apps.get_app_configs()}\n"
        "call_command('migrate', run_syncdb=True, verbosity=0)\n"
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
