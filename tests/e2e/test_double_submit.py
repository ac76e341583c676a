"""Submit order, pressed many times, in parallel or in several tabs."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx

from tests.e2e.conftest import ShopperAt
from tests.e2e.outside import payments, profiles
from tests.e2e.shopper import LoadedPage, Shopper
from tests.stack import Stack

TIMES = 20


def test_the_review_form_sent_twenty_times_at_once_makes_one_order(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.come_to_review()
    before = {profile["iccid"] for profile in profiles(stack)}

    answers = _send_at_once(alice)

    (address,) = {answer.headers["location"] for answer in answers}
    assert [answer.status_code for answer in answers] == [303] * TIMES
    alice.open(address)
    assert alice.wait_for_end().heading == "You're all set"
    number = address.split("/")[2]
    assert [payment["status"] for payment in payments(stack, number)] == ["captured"]
    assert len({profile["iccid"] for profile in profiles(stack)} - before) == 1
    assert alice.open("/account/").text.count('class="orders-state"') == 1


def test_a_review_form_sent_again_after_the_purchase_leads_to_its_order(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    spent = alice.come_to_review()
    address = alice.send("submit-order").address
    alice.wait_for_end()

    alice.page = spent
    again = alice.send("submit-order")

    assert again.address == address
    assert len(payments(stack, address.split("/")[2])) == 1


def test_an_older_tab_with_another_plan_orders_nothing(stack: Stack, shopper_at: ShopperAt) -> None:
    alice = shopper_at(stack.base_url)
    older_tab = alice.come_to_review()
    alice.choose_plan(1)
    alice.open("/review/")
    address = alice.send("submit-order").address
    done = alice.wait_for_end()

    alice.page = older_tab
    refused = alice.send("submit-order")

    assert refused.address == address
    assert "came too late" in refused.text
    assert plans_on(refused) == plans_on(done) != plans_on(older_tab)
    (payment,) = payments(stack, address.split("/")[2])
    assert str(payment["amount"] // 100) in done.text


def plans_on(page: LoadedPage) -> list[str]:
    """Return the plans that the page names."""
    return [name for name in ("Day pass", "Traveller", "World") if name in page.text]


def _send_at_once(shopper: Shopper) -> list[httpx.Response]:
    """Send the form from twenty clients of one session. All wait and then send together."""
    form = shopper.page.form("submit-order")
    cookies = {cookie.name: cookie.value or "" for cookie in shopper.client.cookies.jar}
    start = Barrier(TIMES)

    def send(_number: int) -> httpx.Response:
        with httpx.Client(
            base_url=shopper.client.base_url, cookies=cookies, trust_env=False, timeout=60
        ) as client:
            # Open the connection before the start, so that
            # only the form is sent after it.
            client.get("/support/")
            start.wait()
            return client.post(form.action, data=form.fields)

    with ThreadPoolExecutor(TIMES) as threads:
        return list(threads.map(send, range(TIMES)))
