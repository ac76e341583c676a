"""The journey's pages: a step is a GET, a change is a POST and a 303 (docs/contract.md#journey)."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from mobileplans.models import Visit
from orders.domain import drafts, pricing
from orders.forms import DeviceForm
from orders.models import Draft, Order
from plans.models import PlanPrice
from tests.builders import (
    EID,
    make_order,
    make_plan,
)
from tests.conftest import PASSWORD
from tests.orders.journey import card, ready, sent, where


def test_the_pages_need_a_signed_in_customer(client: Client, db: None) -> None:
    for page in ("/options/", "/plans/?category=prepaid", "/payment/", "/review/", "/account/"):
        status, target = where(client.get(page))
        assert (status, target.split("?")[0]) == (303, "/sign-in/")


def test_staff_count_as_signed_out_in_the_portal(client: Client, clara: User) -> None:
    client.force_login(clara)

    assert where(client.get("/options/"))[1].startswith("/sign-in/")


def test_the_journey_goes_from_step_to_step(shopping: Client, alice: User, gateway: str) -> None:
    plan = make_plan()
    shopping.get("/plans/?category=prepaid")
    draft = Draft.objects.get()

    chosen = shopping.post("/plans/?category=prepaid", sent(draft, plan=plan.pk))
    draft.refresh_from_db()
    paid = shopping.post("/payment/", sent(draft, **card()))
    shopping.get("/review/")
    draft.refresh_from_db()
    submitted = shopping.post("/review/", sent(draft))

    order = Order.objects.get()
    assert where(chosen) == (303, "/payment/")
    assert where(paid) == (303, "/review/")
    assert where(submitted) == (303, f"/orders/{order.number}/")


def test_a_step_that_is_not_open_yet_redirects_to_the_first_open_step(
    shopping: Client,
) -> None:
    assert where(shopping.get("/payment/")) == (303, "/options/")
    assert where(shopping.get("/review/")) == (303, "/options/")


def test_without_a_plan_at_the_location_the_options_say_so(as_alice: Client) -> None:
    make_plan()
    as_alice.get(f"/?market=US&location=BR&eid={EID}")

    page = as_alice.get("/options/")

    assert "No plans are available here yet: Brazil" in page.text


def test_a_form_without_a_choice_comes_back_with_its_error(shopping: Client, alice: User) -> None:
    make_plan()
    shopping.get("/plans/?category=prepaid")
    draft = Draft.objects.get()

    answer = shopping.post("/plans/?category=prepaid", sent(draft))

    assert where(answer) == (303, "/plans/?category=prepaid")
    assert "Choose a plan." in shopping.get("/plans/?category=prepaid").text
    assert "Choose a plan." not in shopping.get("/plans/?category=prepaid").text


def test_a_stale_form_redirects_to_the_current_choices(shopping: Client, alice: User) -> None:
    draft = ready(alice)
    other = make_plan(code="other")

    answer = shopping.post(
        "/plans/", {"draft": draft.pk, "version": draft.version - 1, "plan": other.pk}
    )

    assert where(answer) == (303, "/review/")
    assert "Your choices changed" in shopping.get("/review/").text
    assert Draft.objects.get().plan_name == "Traveller"


def test_a_form_that_was_already_used_redirects_to_its_order(shopping: Client, alice: User) -> None:
    draft = ready(alice)
    shopping.post("/review/", sent(draft))
    order = Order.objects.get()

    again = shopping.post("/review/", sent(draft))
    assert where(again) == (303, f"/orders/{order.number}/")
    assert "came too late" not in shopping.get(again.headers["location"]).text

    older_page = shopping.post("/plans/", sent(draft, plan=order.plan_id))
    assert where(older_page) == (303, f"/orders/{order.number}/")
    assert "came too late" in shopping.get(again.headers["location"]).text
    assert Order.objects.count() == 1


def test_a_review_shown_for_another_device_orders_nothing(shopping: Client, alice: User) -> None:
    draft = ready(alice)
    shopping.get("/?market=US&location=US&eid=89049032000000000000000000000066")

    answer = shopping.post("/review/", sent(draft))

    assert where(answer) == (303, "/review/")
    assert not Order.objects.exists()


def test_the_review_shows_both_prices_after_a_change(shopping: Client, alice: User) -> None:
    ready(alice)
    PlanPrice.objects.update(minor_units=2100)

    page = shopping.get("/review/").text

    assert "$19.00" in page
    assert "$21.00" in page


def test_a_plan_that_is_no_longer_offered_redirects_to_the_options(
    shopping: Client, alice: User
) -> None:
    ready(alice)
    PlanPrice.objects.all().delete()

    assert where(shopping.get("/review/")) == (303, "/options/")
    assert "no longer available" in shopping.get("/options/").text


@pytest.mark.parametrize("separator", ["\u2013", "\u00a0", "\u202f", "\u200b", "\u2011"])
def test_an_eid_is_read_however_it_is_grouped(separator: str) -> None:
    typed = separator.join([EID[:8], EID[8:16], EID[16:24], EID[24:]])
    form = DeviceForm({"draft": 1, "version": 1, "target": "new", "eid": typed})

    assert form.is_valid(), form.errors
    assert form.cleaned_data["eid"] == EID


def test_a_form_sent_after_the_session_ended_is_restored_after_sign_in(
    shopping: Client, alice: User
) -> None:
    plan = make_plan()
    shopping.get("/plans/?category=prepaid")
    draft = Draft.objects.get()
    shopping.logout()

    answer = shopping.post("/plans/?category=prepaid", sent(draft, plan=plan.pk))
    assert where(answer)[1].startswith("/sign-in/?next=")
    assert "send the form again" in shopping.get(where(answer)[1]).text
    back = shopping.post(
        where(answer)[1],
        {"username": alice.username, "password": PASSWORD, "next": "/plans/?category=prepaid"},
    )

    page = shopping.get(where(back)[1]).text
    assert f'value="{plan.pk}"' in page
    assert page.count(" checked") == 1


@pytest.mark.parametrize("page", ["/options/", "/plans/?category=prepaid", "/account/"])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    shopping: Client,
    alice: User,
    page: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    first = make_order(alice, visit=Visit.objects.latest("pk"))
    shopping.get(page)
    with django_assert_max_num_queries(40) as with_one:
        shopping.get(page)
    for code in ("second", "third"):
        make_order(alice, visit=first.visit, plan=make_plan(code=code))
    drafts.open_draft(alice, first.visit)
    shopping.get(page)

    with django_assert_max_num_queries(40) as with_three:
        shopping.get(page)

    assert len(with_three) == len(with_one)


@pytest.mark.parametrize("page", ["/plans/", "/review/"])
def test_a_form_that_names_no_draft_changes_nothing(
    shopping: Client, alice: User, page: str
) -> None:
    ready(alice)

    assert where(shopping.post(page, {"draft": "x"})) == (303, "/review/")
    assert "Your choices changed" in shopping.get("/review/").text


@pytest.mark.parametrize("page", ["/review/", "/payment/", "/plans/"])
def test_a_form_of_a_missing_draft_changes_nothing(
    shopping: Client, alice: User, page: str
) -> None:
    draft = ready(alice)
    strange = {"draft": draft.pk + 1, "version": 1, "plan": draft.plan_id, **card()}

    assert where(shopping.post(page, strange)) == (303, "/review/")
    assert not Order.objects.exists()


def test_a_plan_that_is_not_offered_cannot_be_chosen(shopping: Client, alice: User) -> None:
    draft = ready(alice)
    elsewhere = make_plan(code="uk", countries=("GB",))

    shopping.post("/plans/?category=prepaid", sent(draft, plan=elsewhere.pk))

    assert "no longer available" in shopping.get("/plans/?category=prepaid").text
    assert Draft.objects.get().plan_name == "Traveller"


def test_showing_a_page_does_not_change_the_draft(shopping: Client, alice: User) -> None:
    ready(alice)
    shopping.get("/review/")
    version = Draft.objects.get().version

    shopping.get("/review/")

    assert Draft.objects.get().version == version


def test_two_review_pages_at_once_never_show_an_older_draft(
    shopping: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(alice)

    def meanwhile(draft: Draft) -> None:
        raise drafts.StaleForm(draft.pk)

    monkeypatch.setattr(pricing, "update_price", meanwhile)

    assert where(shopping.get("/review/")) == (303, "/review/")
