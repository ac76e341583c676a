"""Imports by staff: the command `import_sims`, and the page of the desk."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from tests.esim.sim_files import file, iccid, profile, stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("merge")]


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
