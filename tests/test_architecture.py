"""What the code promises about its own structure."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.test import Client

from accounts.models import User
from orders.models import Order
from tests import tables
from tests.builders import EID, make_order, make_plan
from tests.conftest import PASSWORD

# From the ground up; a room knows those before it.
ROOMS = [
    "brand",
    "outbox",
    "customer_messages",
    "accounts",
    "plans",
    "esim",
    "payments",
    "subscriptions",
    "mobileplans",
    "orders",
    "support",
]
PAGES = ["/options/", "/plans/?category=prepaid", "/account/", "/support/", "/terms/", "/language/"]


def test_the_openapi_document_is_what_the_code_says() -> None:
    assert tables.OPENAPI.read_text(encoding="utf-8") == tables.openapi()


@pytest.mark.parametrize("file", tables.DOCUMENTS, ids=lambda file: file.name)
def test_the_tables_in_the_docs_are_those_that_the_tests_walk(file: Path) -> None:
    assert tables.written(file) == file.read_text(encoding="utf-8"), "run `make tables`"


def test_no_foreign_key_points_up() -> None:
    for model in apps.get_models():
        room = model._meta.app_label
        if room not in ROOMS:
            continue
        for field in model._meta.get_fields():
            if field.is_relation and not field.auto_created and field.related_model:
                target = field.related_model._meta.app_label
                if target in ROOMS:
                    assert ROOMS.index(target) <= ROOMS.index(room), f"{model}.{field.name}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_nothing_inline_and_no_third_host(as_alice: Client, page: str) -> None:
    make_plan()
    as_alice.get(f"/?market=US&location=US&eid={EID}")

    answer = as_alice.get(page)

    assert answer.status_code == 200
    assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>", answer.text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", answer.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.count("<main") == 1


def test_the_admin_works_under_the_same_policy(client: Client, clara: User) -> None:
    client.post("/admin/login/", {"username": clara.username, "password": PASSWORD})

    page = client.get("/admin/")

    assert page.status_code == 200
    assert "unsafe" not in page.headers["Content-Security-Policy"]


@pytest.fixture
def desk(client: Client, clara: User) -> Client:
    """Return Clara's browser, in the admin."""
    client.force_login(clara)
    return client


@pytest.mark.parametrize(
    "listed",
    [
        "orders/order",
        "plans/plan",
        "esim/sim",
        "esim/iccidrange",
        "esim/poollevel",
        "esim/source",
        "esim/smdpprovider",
        "esim/profile",
        "mobileplans/visit",
        "mobileplans/lpareport",
        "orders/repair",
        "payments/payment",
        "payments/cardpage",
        "payments/refund",
        "subscriptions/line",
        "subscriptions/subscription",
        "subscriptions/usagerecord",
        "subscriptions/usagepull",
        "outbox/task",
        "customer_messages/message",
        "accounts/user",
        "brand/operator",
        "brand/legaltext",
    ],
)
def test_staff_see_the_lists(desk: Client, alice: User, listed: str) -> None:
    make_order(alice)

    assert desk.get(f"/admin/{listed}/").status_code == 200


def test_staff_find_an_order_by_any_of_its_numbers(desk: Client, alice: User, bob: User) -> None:
    order = make_order(alice)
    make_order(bob, plan=order.plan)
    Order.objects.exclude(pk=order.pk).update(eid="")
    order.visit.transaction_id = "MSFT/abc"
    order.visit.save()

    for text in (order.number, order.display_number, order.eid, "MSFT/abc", alice.username):
        found = desk.get("/admin/orders/order/", {"q": text}).context["cl"].queryset
        assert list(found) == [order], text


def test_staff_find_visits_and_sims(desk: Client, alice: User) -> None:
    order = make_order(alice)

    visits = desk.get("/admin/mobileplans/visit/", {"q": EID}).context["cl"].queryset
    assert list(visits) == [order.visit]


def test_an_orders_page_tells_its_story(desk: Client, alice: User) -> None:
    order = make_order(alice)

    page = desk.get(f"/admin/orders/order/{order.pk}/change/").text

    assert "submitted" in page
