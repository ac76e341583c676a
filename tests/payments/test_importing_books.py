"""A gateway's books from a CSV file, for a gateway that does not list them."""

from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from moportal.money import Money
from payments.domain import payments as domain
from payments.domain.booked import last_day
from payments.gateways.base import Ability, WithoutBooks
from payments.gateways.simulator import SimulatorGateway
from payments.models import BookDay, BookEntry, Payment
from tests.payments.conftest import APPROVED, authorise, capture, card
from tests.payments.gateway_books import let_days_pass, open_differences

HEADER = "entry,kind,booked_on,amount,currency,fee,payment,reference,payout"
DAY = (now() - timedelta(days=4)).date()
LINE = f"e1,charge,{DAY},19.00,USD,0.85,pay_1,ORDER,po_1"
pytestmark = pytest.mark.django_db


class PaperGateway(WithoutBooks, SimulatorGateway):
    """A gateway that sends its books as files."""

    abilities = SimulatorGateway.abilities - {Ability.BOOKS}


@pytest.fixture
def paper(gateway: str, settings: Settings) -> str:
    settings.PAYMENT_GATEWAY = [f"{__name__}.PaperGateway"]
    return gateway


def run(folder: Path, *lines: str, first: date = DAY, last: date = DAY) -> str:
    """Import a file with these lines, and return what the command prints."""
    file, out = folder / "books.csv", StringIO()
    file.write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    call_command(
        "import_books",
        str(file),
        *("--gateway", "simulator", "--first", str(first), "--last", str(last)),
        stdout=out,
        stderr=out,
    )
    return out.getvalue()


def refused(folder: Path, *lines: str) -> str:
    """Import a file that has wrong lines, and return what the command prints."""
    err = StringIO()
    file = folder / "books.csv"
    file.write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    days = ("--first", str(DAY), "--last", str(DAY))
    with pytest.raises(CommandError, match="Nothing was compared"):
        call_command(
            "import_books", str(file), "--gateway", "simulator", *days, stdout=err, stderr=err
        )
    return err.getvalue()


def test_each_correct_line_is_stored_once_however_often_it_is_imported(
    paper: str, tmp_path: Path
) -> None:
    assert run(tmp_path, LINE) == "1 new, 0 known, 0 changed, 0 refused.\n"
    assert run(tmp_path, LINE) == "0 new, 1 known, 0 changed, 0 refused.\n"
    changed = LINE.replace("19.00", "18.00")
    assert run(tmp_path, changed) == "0 new, 0 known, 1 changed, 0 refused.\n"
    repaid = LINE.replace("19.00", "18.00").replace("po_1", "po_2")
    assert run(tmp_path, repaid) == "0 new, 0 known, 1 changed, 0 refused.\n"

    entry = BookEntry.objects.get()
    assert (entry.amount, entry.fee_minor_units) == (Money(1800, "USD"), 85)
    assert (entry.gateway_id, entry.payout_id) == ("pay_1", "po_2")
    assert {kind for kind, _subject in open_differences()} == {"charge_unknown", "entry_changed"}


def test_what_was_sold_is_compared_with_the_file(alice: User, paper: str, tmp_path: Path) -> None:
    method = domain.add_card(alice, card(APPROVED))
    missing, booked = (
        capture(
            authorise(
                Payment.objects.create(
                    method=method, reference=name, minor_units=1900, currency="USD"
                )
            )
        )
        for name in ("MISSING", "BOOKED")
    )
    let_days_pass(paper, days=4)
    line = f"e1,charge,{DAY},19.00,USD,0,{booked.gateway_id},BOOKED,"

    run(tmp_path, line, first=DAY - timedelta(days=2), last=DAY + timedelta(days=2))

    assert open_differences() == [("charge_missing", f"charge:{missing.key}")]
    assert BookDay.objects.exclude(compared_at=None).count() == 5


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("e1,", ",", "entry: The gateway's id of the entry is missing."),
        ("e1,", f"{'e' * 81},", "entry: An id has at most 80 characters."),
        ("charge", "sale", "kind: Use one of these: charge, refund, dispute, fee, payout."),
        (str(DAY), "yesterday", "booked_on: Write the day like 2026-11-30."),
        (str(DAY), "2026-02-30", "booked_on: Write the day like 2026-11-30."),
        (str(DAY), "2126-01-01", f"booked_on: The file is for {DAY} to {DAY}."),
        ("19.00", "19,00", "Line 1 names 9 columns; this line has 10."),
        ("19.00", "19.005", "amount: Write the amount in whole USD like -19.00."),
        ("19.00", "", "amount: Write the amount in whole USD like -19.00."),
        ("19.00,USD", "19.5,JPY", "amount: Write the amount in whole JPY like -19."),
        ("0.85", "free", "fee: Write the amount in whole USD like -19.00."),
        ("USD", "usd", "currency: Use a currency code of ISO 4217, such as EUR."),
        ("pay_1", "p" * 81, "payment: An id has at most 80 characters."),
    ],
    ids=[
        *("no_id", "long_id", "kind", "day", "no_such_day", "day_of_another_file", "comma"),
        *("decimals", "no_amount", "yen", "fee", "currency", "payment"),
    ],
)
def test_a_wrong_line_says_what_is_wrong_and_the_others_are_stored(
    paper: str, tmp_path: Path, old: str, new: str, problem: str
) -> None:
    good = LINE.replace("e1", "e2")

    said = refused(tmp_path, LINE.replace(old, new, 1), good)

    assert f"line 2: {problem}" in said
    assert "1 new, 0 known, 0 changed, 1 refused." in said
    assert BookEntry.objects.get().entry_id == "e2"
    # Whether anything is missing is not known yet.
    assert not BookDay.objects.exists()


def test_an_earlier_entry_may_be_in_the_file_of_its_payout(paper: str, tmp_path: Path) -> None:
    earlier = LINE.replace(str(DAY), str(DAY - timedelta(days=3)))

    assert "0 refused" in run(tmp_path, earlier)
    assert "1 refused" in refused(tmp_path, earlier.removesuffix("po_1"))


def test_only_some_of_many_wrong_lines_are_shown(paper: str, tmp_path: Path) -> None:
    said = refused(tmp_path, *(["x" + ",x" * 8] * 25))

    assert said.count("line ") == 20
    assert "… and 5 more." in said


def test_days_that_are_not_over_or_in_order_are_refused(paper: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not over yet"):
        run(tmp_path, last=last_day(now()))
    with pytest.raises(CommandError, match="must not be after"):
        run(tmp_path, first=DAY + timedelta(days=1))


def test_a_file_without_a_header_or_none_is_an_error(paper: str, tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    days = ("--first", str(DAY), "--last", str(DAY))
    with pytest.raises(CommandError, match=r"other\.csv"):
        call_command("import_books", str(file), "--gateway", "simulator", *days)
    file.write_text("a,b\n", encoding="utf-8")
    with pytest.raises(CommandError, match="Unknown column"):
        call_command("import_books", str(file), "--gateway", "simulator", *days)


def test_a_file_mends_a_day_that_the_gateway_does_not_list(gateway: str, tmp_path: Path) -> None:
    BookDay.objects.create(gateway="simulator", day=DAY, tries=3, last_error="down", after="x")

    run(tmp_path, LINE)

    day = BookDay.objects.get()
    assert (day.is_complete, day.tries, day.last_error, day.after) == (True, 0, "", "")
    assert day.compared_at is not None
