"""The pages reachable from everywhere, and the brand's colours."""

import re

import brotli
import pytest
from django.test import Client

from brand.models import LegalText
from brand.queries import legal_text
from brand.stylesheets import stylesheet_url
from tests.builders import make_operator

pytestmark = pytest.mark.django_db


def make_terms(language: str = "en", market: str = "", version: str = "1") -> LegalText:
    return LegalText.objects.create(
        kind="terms", language=language, market=market, version=version, title="T", body="B"
    )


def test_a_legal_text_is_chosen_by_market_then_language_then_version() -> None:
    general, newer = make_terms(), make_terms(version="2")
    german = make_terms(language="de")
    american = make_terms(market="US")

    def chosen(market: str, language: str) -> LegalText | None:
        return legal_text(LegalText.Kind.TERMS, market=market, language=language)

    assert chosen("US", "de") == american
    assert chosen("GB", "de") == german
    assert chosen("GB", "en") == newer
    assert general != newer


def test_without_a_legal_text_the_page_still_opens(client: Client) -> None:
    make_operator()

    assert client.get("/terms/").status_code == 200


def test_a_page_has_one_stylesheet_with_the_operators_colours(client: Client) -> None:
    make_operator()

    [url] = re.findall(r'rel="stylesheet" href="([^"]+)"', client.get("/support/").text)
    sheet = client.get(url)

    assert "--accent:#0b5c5f;--accent-text:#ffffff" in sheet.text
    assert "/*" not in sheet.text
    assert sheet.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["Cache-Control"]


def test_a_new_colour_gives_the_stylesheet_a_new_address(client: Client) -> None:
    kestrel = make_operator()
    before = stylesheet_url("journey", kestrel)
    kestrel.accent = "#aa3300"
    kestrel.save()

    after = stylesheet_url("journey", kestrel)

    assert after != before
    # A page that was loaded before the change asks for the old address.
    old = client.get(before)
    assert "--accent:#aa3300" in old.text
    assert old.headers["Cache-Control"] == "no-cache"


def test_a_stylesheet_is_compressed_for_a_browser_that_can_read_it(client: Client) -> None:
    url = stylesheet_url("account", make_operator())

    plain = client.get(url)
    answer = client.get(url, headers={"Accept-Encoding": "gzip, deflate, br"})

    assert answer.headers["Content-Encoding"] == "br"
    assert brotli.decompress(answer.content) == plain.content
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_there_are_no_other_stylesheets(client: Client, db: None) -> None:
    assert client.get("/styles/desk-0.css").status_code == 404


def test_the_chosen_language_lasts_for_the_visit(client: Client) -> None:
    make_operator()

    answer = client.post("/language/", {"language": "de", "next": "/support/"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/support/")
    assert client.get("/support/").headers["Content-Language"] == "de"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "options/", ""])
def test_the_language_page_redirects_only_within_the_portal(client: Client, target: str) -> None:
    make_operator()

    answer = client.post("/language/", {"language": "de", "next": target})

    assert answer.headers["Location"] == "/options/"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("en-GB", "en"), ("de-AT,en;q=0.5", "de"), ("ar;q=0.9, xx", "ar"), ("*", "en"), ("xx", "en")],
)
def test_the_browsers_language_is_used(client: Client, accepted: str, language: str) -> None:
    make_operator()

    page = client.get("/support/", headers={"Accept-Language": accepted})

    assert page.headers["Content-Language"] == language
    assert f'lang="{language}"' in page.text
