"""The search box is on every page of the desk, and the search asks few questions."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.builders import EID, make_iccid, make_order, make_visit
from tests.support.searching import MATCHING_ID, find

pytestmark = pytest.mark.django_db
BOX = re.compile(r'<form[^>]*role="search"[^>]*action="/find"')
PAGES = (
    "/admin/",
    "/admin/orders/order/",
    "/admin/interfaces/",
    "/admin/password_change/",
    "/find",
)
TEXTS = (
    *(EID, "490154203237518", MATCHING_ID, f"LPA:1$smdp.example${MATCHING_ID}", "ABCDE-12345"),
    *("2026-000001", "C2026-000001", "+14155550123", "0142555", "nobody@example.com", "Nobody"),
    *("MSFT_none", "pi_3Abc", "0123456789"),
)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_the_desk_has_one_search_box(desk: Client, page: str) -> None:
    assert len(BOX.findall(desk.get(page).content.decode())) == 1


def test_the_sign_in_page_has_no_search_box(alice: User) -> None:
    assert not BOX.search(Client().get("/admin/login/").content.decode())


def test_a_search_asks_at_most_twenty_questions(
    desk: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for text in (*TEXTS, make_iccid()):
        with django_assert_max_num_queries(20):
            find(desk, text)


def test_what_was_found_costs_no_further_questions(
    desk: Client, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_order(alice)
    for number in range(21):
        make_visit(account=alice, transaction_id=f"MSFT_{number}")

    with django_assert_max_num_queries(20):
        assert find(desk, EID).status_code == 200
