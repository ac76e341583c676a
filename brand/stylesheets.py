"""Two stylesheets: one for the journey, one for the account's pages, each with the brand's colours.

A browser fetches a sheet once and keeps it: its address changes with its text. Many small files
would each cost a customer in the walled garden a request.
"""

import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import brotli
from django.conf import settings
from django.contrib.staticfiles import finders
from django.urls import reverse

from brand.colours import Palette, dark_palette, light_palette
from brand.models import Operator

_FRAME = ["tokens", "elements", "frame", "header", "bar", "buttons"]
_FORMS = ["forms", "passwords", "notices", "cards", "text", "recovery"]
_PARTS = [*_FORMS, "plans", "plan-parts", "methods"]
# The files of each sheet, in `static/css/`. Later rules win.
SHEETS = {
    "journey": [*_FRAME, *_PARTS, "doors", "options", "progress", "result", "install", "bank"],
    "account": [*_FRAME, *_PARTS, "account", "plan", "document"],
}
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_INDENT = re.compile(r"\s*\n\s*")
_LENGTH_OF_VERSION = 12


class Stylesheet(NamedTuple):
    """A sheet as it is served. The version is a part of its address."""

    text: str
    compressed: bytes
    version: str


def stylesheet(name: str, brand: Operator) -> Stylesheet:
    """Return the sheet with this name. Raises `KeyError` if there is none."""
    if settings.DEBUG:
        # Whoever edits a file sees it at the next reload.
        _assemble.cache_clear()
    return _assemble(name, brand.accent, brand.accent_dark)


def stylesheet_url(name: str, brand: Operator) -> str:
    return reverse("stylesheet", args=[name, stylesheet(name, brand).version])


@lru_cache(maxsize=32)
def _assemble(name: str, accent: str, accent_dark: str) -> Stylesheet:
    parts = [_read(part) for part in SHEETS[name]]
    on_paper = f"@media print{{{_read('print')}}}"
    text = "\n".join([*parts, _palette(accent, accent_dark), on_paper])
    digest = sha256(text.encode()).hexdigest()
    return Stylesheet(text, brotli.compress(text.encode()), digest[:_LENGTH_OF_VERSION])


def _read(part: str) -> str:
    """Return a file's rules, without comments and indentation."""
    path = finders.find(f"css/{part}.css")
    rules = _COMMENT.sub("", Path(str(path)).read_text(encoding="utf-8"))
    return _INDENT.sub("\n", rules).strip()


def _palette(accent: str, accent_dark: str) -> str:
    """Return the colours of each scheme."""
    light, dark = _variables(light_palette(accent)), _variables(dark_palette(accent_dark))
    return f"{light}\n@media (prefers-color-scheme:dark){{{dark}}}"


def _variables(palette: Palette) -> str:
    return (
        f":root{{--accent:{palette.fill};--accent-text:{palette.text};"
        f"--accent-ink:{palette.ink};--accent-edge:{palette.edge}}}"
    )
