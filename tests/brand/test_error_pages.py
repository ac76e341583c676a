"""`manage.py write_error_pages`: what the proxy shows while the portal is down."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from tests.builders import make_operator

pytestmark = pytest.mark.django_db


def test_the_pages_name_the_operator_and_its_support_in_each_language(tmp_path: Path) -> None:
    make_operator()

    call_command("write_error_pages", str(tmp_path / "pages"), verbosity=0)

    pages = {file.name: file.read_text() for file in (tmp_path / "pages").glob("*.html")}
    languages = dict(settings.LANGUAGES)
    expected = {f"{status}.{code}.html" for status in (400, 503) for code in languages}
    assert set(pages) == expected
    assert all("+1 555 0142" in text and "Kestrel Mobile" in text for text in pages.values())
    assert "back in a moment" in pages["503.en.html"]
    assert 'lang="ar" dir="rtl"' in pages["503.ar.html"]
    # The page for 503 asks for the same address again.
    assert 'href="">' in pages["503.en.html"]
    assert 'href="/options/">' in pages["400.en.html"]


def test_the_pages_are_written_again_with_a_new_contact(tmp_path: Path) -> None:
    operator = make_operator()
    call_command("write_error_pages", str(tmp_path), verbosity=0)
    operator.support_phone, operator.accent = "+1 555 0199", "#aa3300"
    operator.save()

    call_command("write_error_pages", str(tmp_path), verbosity=0)

    page = (tmp_path / "503.de.html").read_text()
    assert "+1 555 0199" in page
    [sheet] = (tmp_path / "styles").iterdir()
    assert f'href="/styles/{sheet.name}"' in page
    assert "--accent:#aa3300" in sheet.read_text()
    assert not list(tmp_path.glob("*.new"))
