"""`brand.checks`: the seller's data that receipts need, and legal texts in every language."""

import pytest
from django.db import DatabaseError, models
from pytest_django.fixtures import Settings

from brand.checks import legal_texts, seller
from brand.models import LegalText, Operator
from tests.builders import make_operator

pytestmark = pytest.mark.django_db


def test_an_operator_with_all_of_the_sellers_data_passes() -> None:
    make_operator()

    assert seller() == []


def test_each_missing_part_is_named() -> None:
    make_operator()
    Operator.objects.update(legal_name="", tax_number="")

    assert [(found.id, found.msg) for found in seller()] == [
        ("brand.W001", "The operator has no legal name: receipts lack it."),
        ("brand.W001", "The operator has no tax number: receipts lack it."),
    ]


def test_before_there_is_an_operator_nothing_is_sold() -> None:
    assert seller() == []


def test_without_a_database_nothing_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_manager: object) -> None:
        raise DatabaseError("no database")

    monkeypatch.setattr(models.QuerySet, "first", fail)

    assert seller() == []


def test_without_a_legal_name_the_brand_is_the_seller() -> None:
    operator = make_operator()
    assert operator.seller_name == "Kestrel Mobile, Inc."

    operator.legal_name = ""

    assert operator.seller_name == "Kestrel Mobile"


def test_legal_texts_are_noted_in_the_languages_that_lack_them(settings: Settings) -> None:
    settings.LANGUAGES = [("en", "English"), ("de", "German"), ("fr", "French")]
    for kind, language in (("terms", "en"), ("terms", "de"), ("privacy", "en")):
        LegalText.objects.create(kind=kind, language=language, version="1", title="T", body="B")

    assert [(found.id, found.msg) for found in legal_texts()] == [
        ("brand.I001", "No text in fr: Terms of service."),
        ("brand.I001", "No text in de, fr: Privacy policy."),
    ]


def test_before_the_first_legal_text_nothing_is_noted() -> None:
    assert legal_texts() == []


def test_without_a_database_no_legal_text_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_queryset: object) -> None:
        raise DatabaseError("no database")

    monkeypatch.setattr(models.QuerySet, "distinct", fail)

    assert legal_texts() == []
