"""`manage.py write_error_pages FOLDER`: the pages that the proxy shows without the portal."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import override

from brand.queries import logo_named, operator
from brand.stylesheets import stylesheet, stylesheet_url
from moportal.web.errors import BAD_REQUEST, UNAVAILABLE, ErrorPage


class Command(BaseCommand):
    """Writes the proxy's error pages in every language, with the support contact of now.

    Run it again after the contact, the name, the logo or the colours have changed.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")

    def handle(self, *_args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        folder.mkdir(parents=True, exist_ok=True)
        # An empty address is the page itself, so the button sends the same request again.
        links = {BAD_REQUEST: reverse("options"), UNAVAILABLE: ""}
        for page, button_url in links.items():
            for language, _name in settings.LANGUAGES:
                with override(language):
                    text = _render(page, button_url)
                _replace(folder / f"{page.status}.{language}.html", text)
        _write_stylesheet(folder)
        _write_logos(folder)
        self.stdout.write(f"{len(links) * len(settings.LANGUAGES)} pages are in {folder}.")


def _render(page: ErrorPage, button_url: str) -> str:
    context = {"page": page, "button_url": button_url, "is_bare": True, "brand": operator()}
    return render_to_string("error.html", context)


def _write_stylesheet(folder: Path) -> None:
    """Write the pages' stylesheet under its own address, and remove older ones."""
    name, brand = "journey", operator()
    file = folder / stylesheet_url(name, brand).lstrip("/")
    file.parent.mkdir(exist_ok=True)
    _replace(file, stylesheet(name, brand).text)
    for other in file.parent.glob("*.css"):
        if other != file:
            other.unlink()


def _write_logos(folder: Path) -> None:
    """Write the logos under their own addresses, and remove older ones."""
    brand, written = operator(), set()
    for url in filter(None, (brand.logo_url, brand.logo_dark_url)):
        file = folder / url.lstrip("/")
        file.parent.mkdir(exist_ok=True)
        if found := logo_named(file.name):
            _replace(file, found[1])
            written.add(file)
    for other in {*(folder / "logo").glob("*")} - written:
        other.unlink()


def _replace(file: Path, content: str | bytes) -> None:
    """Write the whole file before it gets its name, because the proxy may be reading it."""
    draft = file.with_suffix(".new")
    draft.write_bytes(content.encode() if isinstance(content, str) else content)
    draft.replace(file)
