"""The journey's pages: a step is a GET, a change is a POST and a 303 (docs/contract.md#journey)."""

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from esim.domain import provisioning
from esim.states import ProfileState
from mobileplans.domain.handoffs import stored_outcome
from mobileplans.models import Handoff, Visit
from orders.domain import drafts, placing
from orders.forms import DeviceForm, PaymentForm
from orders.models import Draft, Order
from orders.states import Failure, OrderState
from payments.gateways.base import Card
from payments.models import GatewayCall, Payment
from payments.states import PaymentState
from plans.models import PlanPrice
from tests.builders import (
    EID,
    make_card,
    make_draft,
    make_method,
    make_order,
    make_plan,
    make_pool,
)
from tests.conftest import PASSWORD
from tests.orders.conftest import APPROVED, new_card, settled

LAUNCH = f"/?market=US&location=US&transactionId=T1&eid={EID}"


@pytest.fixture
def shopping(as_alice: Client) -> Client:
    """Return Alice's browser after a launch."""
    as_alice.get(LAUNCH)
    return as_alice


def where(response: HttpResponseBase) -> tuple[int, str]:
    return response.status_code, response.headers.get("Location", "")


def sent(draft: Draft, **fields: object) -> dict[str, object]:
    return {"draft": draft.pk, "version": draft.version, **fields}


def card(**changes: str) -> dict[str, str]:
    typed = {
        "method": "new",
        "number": APPROVED,
        "expiry": "12/40",
        "csc": "123",
        "holder": "Alice",
    }
    return {**typed, **changes}


def ready(account: User) -> Draft:
    return make_draft(account, visit=Visit.objects.latest("pk"))


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


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"number": "4242424242424241"}, "A digit is wrong"),
        ({"expiry": "13/40"}, "Enter the month and year"),
        ({"expiry": "01/20"}, "has expired"),
        ({"csc": "12"}, "3- or 4-digit"),
        ({"holder": " "}, "as it appears on the card"),
    ],
)
def test_a_card_error_is_shown_at_its_field(
    shopping: Client, alice: User, typed: dict[str, str], error: str
) -> None:
    draft = ready(alice)

    answer = shopping.post("/payment/", sent(draft, **card(**typed)))
    page = shopping.get("/payment/").text

    assert where(answer) == (303, "/payment/")
    assert error in page
    assert APPROVED not in page


@pytest.mark.parametrize(
    ("number", "expiry", "csc"),
    [
        (APPROVED, "12 \u2013 40", "123"),
        (APPROVED, "12.2040", "123"),
        (APPROVED, "\u0661\u0662\u2044\u0664\u0660", "\u0661\u0662\u0663"),
        (APPROVED, "\uff11\uff12\uff0f\uff14\uff10", "\uff11\uff12\uff13"),
        ("4242\u20134242\u20134242\u00a04242", "\u202a12/40\u202c", "123\u200b"),
    ],
)
def test_a_card_is_read_however_its_digits_are_typed(number: str, expiry: str, csc: str) -> None:
    form = PaymentForm({"draft": 1, "version": 1, **card(number=number, expiry=expiry, csc=csc)})

    assert form.is_valid(), form.errors
    assert form.card() == Card(APPROVED, 12, 2040, "123", "Alice")


@pytest.mark.parametrize("separator", ["\u2013", "\u00a0", "\u202f", "\u200b", "\u2011"])
def test_an_eid_is_read_however_it_is_grouped(separator: str) -> None:
    typed = separator.join([EID[:8], EID[8:16], EID[16:24], EID[24:]])
    form = DeviceForm({"draft": 1, "version": 1, "target": "new", "eid": typed})

    assert form.is_valid(), form.errors
    assert form.cleaned_data["eid"] == EID


@pytest.mark.parametrize("typed", [APPROVED, "Alice 4242 4242\u20134242 4242"])
def test_a_card_number_in_the_field_of_the_name_is_refused_and_not_kept(
    shopping: Client, alice: User, typed: str
) -> None:
    draft = ready(alice)

    answer = shopping.post("/payment/", sent(draft, **card(holder=typed)))
    kept = str(dict(shopping.session))
    page = shopping.get("/payment/").text

    assert where(answer) == (303, "/payment/")
    assert "This looks like a card number" in page
    assert "4242" not in kept
    assert typed not in page


def test_an_unavailable_gateway_is_reported_and_loses_nothing(
    shopping: Client, alice: User
) -> None:
    draft = ready(alice)

    shopping.post("/payment/", sent(draft, **card()))

    assert "We can&#x27;t reach the payment service" in shopping.get("/payment/").text
    assert Draft.objects.get().plan_name == "Traveller"


def test_a_payment_method_of_another_customer_cannot_be_chosen(
    shopping: Client, alice: User, bob: User
) -> None:
    draft = ready(alice)
    of_bob = make_method(bob)

    shopping.post("/payment/", sent(draft, method=str(of_bob.pk)))

    assert "no longer available" in shopping.get("/payment/").text
    draft.refresh_from_db()
    assert draft.method is not None
    assert draft.method.account == alice


def test_only_the_owner_can_open_an_order(
    shopping: Client, client: Client, alice: User, bob: User
) -> None:
    order = make_order(alice)
    client.force_login(bob)

    for path in ("", "continue/", "again/"):
        assert client.post(f"/orders/{order.number}/{path}").status_code in {404, 405}
    assert client.get(f"/orders/{order.number}/").status_code == 404
    assert shopping.get(f"/orders/{order.number}/").status_code == 200


def test_a_refused_payment_offers_another_card(shopping: Client, alice: User) -> None:
    order = make_order(alice)
    Order.objects.update(state=OrderState.FAILED, failure=Failure.PAYMENT_REFUSED)

    page = shopping.get(f"/orders/{order.number}/").text
    again = shopping.post(f"/orders/{order.number}/again/")

    assert "Your payment was declined" in page
    assert "help@kestrel.example" in page
    assert where(again) == (303, "/payment/")
    assert Draft.objects.get(submitted_at=None).plan == order.plan


def test_continue_signs_out_and_hands_over(
    shopping: Client, alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    draft = ready(alice)
    shopping.post("/payment/", sent(draft, **card()))
    draft.refresh_from_db()
    shopping.post("/review/", sent(draft))
    order = settled(Order.objects.get())

    answer = shopping.post(f"/orders/{order.number}/continue/")

    assert where(answer) == (303, "/handoff/")
    assert stored_outcome(Handoff.objects.get()).success
    assert where(shopping.get("/account/"))[1].startswith("/sign-in/")


def test_leaving_from_another_page_cancels_an_order_in_progress(
    shopping: Client, alice: User
) -> None:
    shopping.post("/review/", sent(ready(alice)))
    shopping.get("/account/")

    shopping.post("/leave/")

    assert Order.objects.get().cancel_requested_at is not None
    assert Handoff.objects.get().line == "Bailed"


def test_a_completed_purchase_is_handed_over_however_the_customer_leaves(
    shopping: Client, alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    draft = ready(alice)
    shopping.post("/payment/", sent(draft, **card()))
    draft.refresh_from_db()
    shopping.post("/review/", sent(draft))
    settled(Order.objects.get())
    shopping.get("/plans/")

    shopping.post("/leave/")

    assert stored_outcome(Handoff.objects.get()).success


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


def test_a_stale_card_form_sends_nothing_to_the_gateway(shopping: Client, alice: User) -> None:
    draft = ready(alice)

    answer = shopping.post("/payment/", {"draft": draft.pk, "version": 1, **card()})

    assert where(answer) == (303, "/review/")
    assert not GatewayCall.objects.exists()


def test_a_card_error_of_the_gateway_is_shown_at_its_field(
    shopping: Client, alice: User, gateway: str
) -> None:
    draft = ready(alice)

    answer = shopping.post("/payment/", sent(draft, **card(csc="1234")))

    assert where(answer) == (303, "/payment/")
    assert "accept this entry" in shopping.get("/payment/").text


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

    monkeypatch.setattr(drafts, "update_price", meanwhile)

    assert where(shopping.get("/review/")) == (303, "/review/")


def test_the_leave_page_shows_the_cancel_button(shopping: Client) -> None:
    page = shopping.get("/leave/")

    assert page.status_code == 200
    assert 'action="/leave/"' in page.text


def test_too_late_to_cancel_says_so(shopping: Client, alice: User) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    Order.objects.update(state=OrderState.IN_PROGRESS, charge_decided_at=now())

    assert where(shopping.post("/leave/")) == (303, f"/orders/{order.number}/")
    assert "already going through" in shopping.get(f"/orders/{order.number}/").text


def test_an_order_with_a_cancel_request_is_shown_as_cancelled(
    shopping: Client, alice: User
) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    placing.request_cancel(order, actor=alice)

    page = shopping.get(f"/orders/{order.number}/").text

    assert "Your order was cancelled" in page
    assert "data-poll" in page


def test_a_plan_on_a_sim_card_is_shown_as_ready(
    as_alice: Client, alice: User, gateway: str, smdp: str
) -> None:
    sim = make_card()
    as_alice.get(f"/?market=US&iccid={sim.iccid}")
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), method=new_card(alice))
    assert "The SIM in this device" in as_alice.get("/review/").text
    draft.refresh_from_db()
    order = placing.place(draft, version=draft.version)
    assert "Reserving your eSIM" not in as_alice.get(f"/orders/{order.number}/").text

    settled(order)

    assert "Your SIM is ready" in as_alice.get(f"/orders/{order.number}/").text


def test_only_a_failed_order_offers_another_card(shopping: Client, alice: User) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    address = f"/orders/{order.number}/"

    assert where(shopping.post(f"{address}again/")) == (303, address)


def test_while_a_service_is_unavailable_the_page_says_that_nothing_is_charged(
    shopping: Client, alice: User
) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    Order.objects.update(state=OrderState.IN_PROGRESS, last_error="GatewayUnavailable: x")

    assert "been charged" in shopping.get(f"/orders/{order.number}/").text


def test_an_order_given_up_before_the_charge_says_that_nothing_was_charged(
    shopping: Client, alice: User
) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    Payment.objects.update(state=PaymentState.VOIDED)
    Order.objects.update(state=OrderState.FAILED, failure=Failure.GIVEN_UP)

    assert "been charged." in shopping.get(f"/orders/{order.number}/").text


def test_a_stored_card_is_chosen(shopping: Client, alice: User) -> None:
    draft = ready(alice)
    stored = make_method(alice, last4="1881")

    assert where(shopping.post("/payment/", sent(draft, method=stored.pk))) == (303, "/review/")
    assert Draft.objects.get().method == stored


def test_leaving_after_the_order_failed_says_why(shopping: Client, alice: User) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    Order.objects.update(state=OrderState.FAILED, failure=Failure.NO_PROFILE_LEFT)
    shopping.get(f"/orders/{order.number}/")

    assert where(shopping.post("/leave/")) == (303, "/handoff/")
    assert Handoff.objects.get().mo_direct_status == "ServiceError"


def test_once_the_esim_is_on_the_device_the_page_says_so(
    as_alice: Client, placed: Order, smdp: str
) -> None:
    order = settled(placed)
    assert order.profile is not None
    provisioning.move(order.profile, ProfileState.DOWNLOADED, downloaded_at=now())

    assert "The eSIM is on your device" in as_alice.get(f"/orders/{order.number}/").text
