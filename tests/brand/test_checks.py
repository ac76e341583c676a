"""`brand.checks`: the seller's data that receipts need."""

import pytest
from django.db import DatabaseError, models

from brand.checks import seller
from brand.models import Operator
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
