"""Paying from another device: a code works once, for some minutes, for one order alone."""

import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import AttemptCount, User
from orders.domain import other_devices, placing
from orders.models import Order, PayingCode
from orders.states import OrderState
from payments.models import PaymentMethod
from tests.builders import make_order, make_pool, payment_of
from tests.orders.conftest import APPROVED, CUSTOMER_STEP, new_card, settled

Enter = Callable[..., Client]


@pytest.fixture
def at_bank(alice: User, gateway: str, smdp: str) -> Order:
    make_pool()
    return settled(make_order(alice, method=new_card(alice, CUSTOMER_STEP)))


@pytest.fixture
def code(as_alice: Client, at_bank: Order) -> str:
    """Return the code that Alice's page shows."""
    as_alice.post(f"/orders/{at_bank.number}/other-device/")
    return shown_code(as_alice, at_bank)


def shown_code(browser: Client, order: Order) -> str:
    found = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}(?=</bdi>)", page_of(browser, order))
    assert found is not None
    return found[0]


def page_of(browser: Client, order: Order) -> str:
    return browser.get(f"/orders/{order.number}/").text


def enter(code: str) -> Client:
    """Enter a code on another device, on which nobody is signed in."""
    browser = Client()
    browser.post("/pay/", {"code": code})
    return browser


def approve(order: Order) -> None:
    url = payment_of(order).customer_step_url
    httpx.post(url, data={"decision": "approve"}, trust_env=False)


def test_the_other_device_shows_what_is_paid_and_leads_to_the_bank(
    at_bank: Order, code: str
) -> None:
    page = enter(code).get("/pay/order/").text

    assert "$19.00" in page
    assert at_bank.plan_name in page
    assert payment_of(at_bank).customer_step_url in page
    # Nothing else of the account.
    for secret in ("alice", "Alice", at_bank.number, at_bank.display_number, "3184", at_bank.eid):
        assert secret not in page


def test_after_the_bank_both_devices_go_on(as_alice: Client, at_bank: Order, code: str) -> None:
    other = enter(code)
    assert "was entered on another device" in page_of(as_alice, at_bank)
    approve(at_bank)

    back = other.get(f"/orders/{at_bank.number}/returned/")
    assert (back.status_code, back.headers["location"]) == (303, "/pay/order/")
    assert settled(at_bank).state == OrderState.COMPLETED

    assert "The payment is confirmed" in other.get("/pay/order/").text
    assert "all set" in page_of(as_alice, at_bank)


def test_the_code_is_read_in_any_spelling(code: str) -> None:
    aloud = code.lower().replace("0", "o").replace("1", "l").replace("-", " ")

    assert enter(aloud).get("/pay/order/").status_code == 200


def test_the_address_of_the_qr_code_has_the_code_filled_in_and_does_not_use_it_up(
    at_bank: Order, code: str
) -> None:
    found = PayingCode.objects.get()
    address = other_devices.address_with(found)
    assert address.endswith(f"/pay/{code}/")

    page = Client().get(f"/pay/{code}/").text

    assert f'value="{code}"' in page
    assert enter(code).get("/pay/order/").status_code == 200


def test_a_code_works_once(code: str) -> None:
    enter(code)
    second = Client()

    assert "This code doesn&#x27;t work." in second.post("/pay/", {"code": code}).text
    assert second.get("/pay/order/").headers["location"] == "/pay/"


def test_of_two_devices_at_once_one_wins(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*_args: object, **_changes: object) -> bool:
        return False

    monkeypatch.setattr(other_devices, "compare_and_set", lose)

    assert other_devices.redeem(code, network="") is None


@pytest.mark.parametrize("typed", ["", "   ", "1234", "ABCD-EFGH-IJKL", "AAAA-AAAA"])
def test_another_text_opens_nothing(typed: str, code: str) -> None:
    browser = enter(typed)

    assert browser.get("/pay/order/").status_code == 303


def test_a_code_lapses_and_the_page_offers_a_new_one(
    as_alice: Client, at_bank: Order, code: str
) -> None:
    PayingCode.objects.update(expires_at=now() - timedelta(seconds=1))

    assert enter(code).get("/pay/order/").status_code == 303
    assert code not in page_of(as_alice, at_bank)
    as_alice.post(f"/orders/{at_bank.number}/other-device/")

    newer = shown_code(as_alice, at_bank)
    assert newer != code
    assert enter(newer).get("/pay/order/").status_code == 200


def test_asking_again_shows_the_same_code(as_alice: Client, at_bank: Order, code: str) -> None:
    as_alice.post(f"/orders/{at_bank.number}/other-device/")
    as_alice.get(f"/orders/{at_bank.number}/other-device/")

    assert shown_code(as_alice, at_bank) == code


def test_the_database_keeps_the_code_sealed_and_deletes_it_with_its_use(code: str) -> None:
    plain = code.replace("-", "")
    columns = list(PayingCode.objects.extra(select={"raw": "code"}).values_list("raw", flat=True))
    assert plain not in str(columns)

    enter(code)

    assert PayingCode.objects.get().code == ""


def test_guesses_are_limited_and_the_page_says_how_long_to_wait(
    code: str, settings: Settings
) -> None:
    settings.NETWORK_LIMIT = 2
    for guess in ("AAAAAAAA", "BBBBBBBB"):
        enter(guess)

    answer = Client().post("/pay/", {"code": code})

    assert "There were too many wrong attempts." in answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert PayingCode.objects.get().used_at is None


def test_a_right_code_does_not_count(code: str) -> None:
    enter(code)

    assert not AttemptCount.objects.filter(limit="paying codes").exists()


def test_the_other_device_sees_the_order_for_half_an_hour_only(code: str) -> None:
    other = enter(code)
    PayingCode.objects.update(used_at=now() - other_devices.USED_FOR)

    assert other.get("/pay/order/").headers["location"] == "/pay/"


def test_the_return_of_another_order_needs_a_sign_in(at_bank: Order, code: str) -> None:
    answer = enter(code).get("/orders/0000000000/returned/")

    assert answer.headers["location"].startswith("/sign-in/")


def test_an_order_that_waits_for_no_bank_gets_no_code(alice: User, as_alice: Client) -> None:
    order = make_order(alice)
    as_alice.post(f"/orders/{order.number}/other-device/")

    assert not PayingCode.objects.exists()


def test_a_code_of_a_cancelled_order_pays_nothing(alice: User, at_bank: Order, code: str) -> None:
    other = enter(code)
    placing.request_cancel(at_bank, actor=alice)

    page = other.get("/pay/order/").text

    assert "This payment has ended" in page
    assert payment_of(at_bank).customer_step_url not in page


def test_a_code_for_a_cancelled_order_is_not_accepted(
    alice: User, at_bank: Order, code: str
) -> None:
    placing.request_cancel(at_bank, actor=alice)

    assert enter(code).get("/pay/order/").status_code == 303


def test_a_stranger_gets_no_code_for_the_order(at_bank: Order, bob: User) -> None:
    stranger = Client()
    stranger.force_login(bob)

    assert stranger.post(f"/orders/{at_bank.number}/other-device/").status_code == 404
    assert not PayingCode.objects.exists()


# -- Another way to pay ----------------------------------------------------------------------------


def test_another_way_to_pay_cancels_the_order_and_keeps_the_plan(
    as_alice: Client, alice: User, at_bank: Order
) -> None:
    answer = as_alice.post(f"/orders/{at_bank.number}/other-way/", follow=True)

    # This browser has launched no device, so it is asked for one next.
    assert answer.redirect_chain[0] == ("/payment/", 303)
    assert "Nothing was charged. Choose another way to pay" in answer.text
    draft = alice.drafts.get(submitted_at=None)
    assert (draft.plan, draft.gross_minor_units) == (at_bank.plan, 1900)
    assert settled(at_bank).state == OrderState.CANCELLED


def test_a_charge_that_was_decided_meanwhile_is_not_cancelled(
    as_alice: Client, at_bank: Order
) -> None:
    Order.objects.update(charge_decided_at=now())

    answer = as_alice.post(f"/orders/{at_bank.number}/other-way/")

    assert answer.headers["location"] == f"/orders/{at_bank.number}/"
    assert Order.objects.get().cancel_requested_at is None


def test_only_an_order_at_the_bank_is_paid_another_way(as_alice: Client, alice: User) -> None:
    order = make_order(alice)
    as_alice.post(f"/orders/{order.number}/other-way/")

    order.refresh_from_db()
    assert order.cancel_requested_at is None


def test_a_card_that_needed_no_step_the_last_time_is_named(
    alice: User, at_bank: Order, vouchers: str
) -> None:
    from orders.views.bank import _ways_without_bank  # noqa: PLC0415 -- what the page says

    method = new_card(alice, APPROVED)
    assert _ways_without_bank(at_bank) == ["A voucher"]
    settled(make_order(alice, method=method, plan=at_bank.plan), times=2)

    assert _ways_without_bank(at_bank) == ["A voucher", "Visa ending in 4242"]
    assert PaymentMethod.objects.count() == 2
