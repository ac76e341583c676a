"""`moportal.text.accept_language`: the header is read by element (docs/contract.md#launch)."""

import csv
from pathlib import Path

import pytest
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from moportal.text.accept_language import LONGEST_HEADER, choose_language
from tests.builders import make_operator

with Path(__file__).with_name("accept_language.tsv").open(encoding="utf-8") as table:
    CASES = [(row["header"], row["language"]) for row in csv.DictReader(table, delimiter="\t")]


@pytest.fixture(autouse=True)
def three_languages(settings: Settings) -> None:
    settings.LANGUAGES = [("en", "English"), ("de", "German"), ("ar", "Arabic")]


@pytest.mark.parametrize(("header", "language"), CASES)
def test_the_page_has_the_language_that_the_header_asks_for(
    client: Client, db: None, header: str, language: str
) -> None:
    make_operator()

    page = client.get("/support/", headers={"Accept-Language": header})

    assert page.headers["Content-Language"] == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        (",", "en"),
        ("*", "en"),
        ("*;q=0", "en"),
        ("en;q=0", "de"),
        ("en;q=0, *", "de"),
        ("en;q=0.1, *", "de"),
        ("*, ar;q=0.9", "en"),
        ("de;q=0, de-AT", "en"),
        ("de-AT;q=0, de", "de"),
        ("DE_at ;Q=0.5 , ar;q=0.4", "de"),
        ("de;q=2, ar;q=0.1", "ar"),
        ("de;q=, ar;q=0.1", "ar"),
        ("de;level=1, ar;q=0.1", "ar"),
        ("d\xe9, ar;q=0.1", "ar"),
        ("\u0661\u0662, ar", "ar"),
        ("ar;q=0.5, de;q=0.500", "ar"),
    ],
)
def test_an_unreadable_element_is_dropped_and_zero_excludes(header: str, language: str) -> None:
    assert choose_language(header) == language


@override_settings(LANGUAGES=[("en", "E"), ("pt-br", "P"), ("zh-hans", "C"), ("zh-hant", "T")])
@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("en-GB", "en"),
        ("pt-PT", "pt-br"),
        ("zh-CN", "zh-hans"),
        ("zh_TW", "zh-hant"),
        ("pt;q=0, *;q=0.1, pt-PT", "en"),
    ],
)
def test_a_region_falls_back_to_a_language_that_the_portal_has(header: str, language: str) -> None:
    assert choose_language(header) == language


def test_a_long_header_is_cut_between_two_elements() -> None:
    long = "xx," * (LONGEST_HEADER // 3)

    assert choose_language(f"ar;q=0.1,{long}de") == "ar"
    assert choose_language("d" + "e" * LONGEST_HEADER) == "en"


@given(st.text())
def test_no_header_fails(header: str) -> None:
    assert choose_language(header) in {"en", "de", "ar"}
