"""Requests that no page of the portal sends. Each gets a page and never a 5xx."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.conftest import ShopperAt
from tests.stack import Stack

SUPPORT = "help@kestrel.example"
HUGE = "9" * 40
ADDRESSES = [
    "/?imei=%00&eid=%00&iccid=%00&iccids=%00,%00&location=%00&market=%00",
    "/?transactionId=%00",
    "/?transactionId=%FF%FE&imei=%FF",
    f"/?iccids={'1,' * 3000}",
    "/?%00=%00&=&&&",
    "/?eid=٨٩٠٤٩٠٣٢١٢٣٤٥١٢٣٤٥١٢٣٤٥٦٧٨٩٠١٢٣٥",
    "/plans/?category=%00",
    f"/plans/{HUGE}/terms/",
    "/plans/0/terms/",
    "/orders/%00/",
    f"/orders/{HUGE}/",
    "/orders/0000000000/",
    "/sign-in/?next=//elsewhere.example/",
    "/sign-in/?next=%00",
    "/support/?next=javascript:alert(1)",
    "/language/?next=%00",
    "/terms/?next=%0d%0aSet-Cookie:x",
    "/handoff/?x=1",
    "/leave/",
    "/launch-refused/",
    "/%00",
    "/v1/sims/%00/balances",
    f"/v1/sims/{HUGE}/balances",
    "/v1/sims/8944110000000000008/balances?limit=%00&location=%00",
    "/static/../moportal/settings.py",
]
# The form, its page, and the fields that are changed.
FORMS = [
    ("sign-in", "/sign-in/", {"username": "\x00", "password": "\x00"}),
    ("sign-in", "/sign-in/", {"username": HUGE * 10, "password": HUGE * 10}),
    ("sign-up", "/sign-up/", {"username": "a@example.com\x00", "name": "\x00", "password": "x"}),
    ("sign-up", "/sign-up/", {"username": "", "name": "", "password": "", "next": "\x00"}),
]
CUSTOMER_FORMS = [
    ("choose-plan", "/plans/", {"plan": HUGE}),
    ("choose-plan", "/plans/", {"plan": "-1"}),
    ("choose-plan", "/plans/", {"draft": HUGE, "version": HUGE, "plan": "1"}),
    ("choose-plan", "/plans/", {"draft": "", "version": "", "plan": ""}),
    ("pay-with", "/payment/", {"method": HUGE[:20]}),
    ("pay-with", "/payment/", {"method": "\x00"}),
    ("pay-with", "/payment/", {"method": "new", "number": "\x00" * 5, "expiry": "13/99"}),
    ("pay-with", "/payment/", {"draft": HUGE, "version": HUGE}),
    ("submit-order", "/review/", {"version": HUGE}),
    ("submit-order", "/review/", {"draft": HUGE}),
    ("submit-order", "/review/", {"draft": "x", "version": "y"}),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_odd_address_is_never_a_server_error(
    stack: Stack, shopper_at: ShopperAt, address: str
) -> None:
    assert shopper_at(stack.base_url).open(address).status < 500


@pytest.mark.parametrize(("form", "address", "fields"), FORMS)
def test_an_odd_form_of_a_stranger_is_never_a_server_error(
    stack: Stack, shopper_at: ShopperAt, form: str, address: str, fields: dict[str, str]
) -> None:
    mallory = shopper_at(stack.base_url)
    mallory.open(address)

    page = mallory.send(form, **fields)

    assert (page.address, page.status) == (address, 200)


def test_odd_forms_of_a_customer_change_nothing_and_are_no_server_errors(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    chosen = _summary(alice.come_to_review().text)

    seen = []
    for form, address, fields in CUSTOMER_FORMS:
        alice.open(address)
        seen.append((fields, alice.send(form, **fields).status))

    assert [odd for odd in seen if odd[1] != 200] == []
    assert _summary(alice.open("/review/").text) == chosen


NOTICE = json.dumps({"iccid": "8988211000000000011", "notificationPointId": 3}).encode()


# The second one is longer than the address allows. The third one is no notice.
@pytest.mark.parametrize(
    ("body", "status"), [(NOTICE, 204), (b"[" * 70_000, 413), (b"", 400)], ids=[204, 413, 400]
)
def test_a_body_in_chunks_is_read(stack: Stack, body: bytes, status: int) -> None:
    def chunks() -> Iterator[bytes]:
        yield body[:20]
        yield body[20:]

    url = f"{stack.base_url}/gsma/rsp2/es2plus/handleDownloadProgressInfo"
    with httpx.Client(trust_env=False) as client:
        answer = client.post(url, content=chunks(), headers={"Content-Type": "application/json"})

    assert answer.request.headers["Transfer-Encoding"] == "chunked"
    assert answer.status_code == status


@pytest.mark.parametrize("address", ["/nothing/", "/orders/0000000000/", "/plans/0/terms/"])
def test_an_unknown_address_shows_a_page_of_the_portal(
    stack: Stack, shopper_at: ShopperAt, address: str
) -> None:
    alice = shopper_at(stack.base_url)
    alice.launch()
    alice.sign_up()

    page = alice.open(address)

    assert (page.status, page.heading) == (404, "We can't find that page")
    assert page.text.count(SUPPORT) == 1
    assert page.text.count("<main ") == 1
    assert alice.leave()["success"] is False


def test_a_form_with_a_stale_token_comes_back_filled_with_the_reason(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.launch()
    alice.open("/sign-in/")

    page = alice.send("sign-in", csrfmiddlewaretoken="stale", username="a@b.example", password="b")

    assert (page.address, page.status) == ("/sign-in/", 200)
    assert page.form("sign-in").fields["username"] == "a@b.example"
    assert page.text.count("nothing was sent. Please send the form again.") == 1


def test_a_form_without_the_session_cookie_shows_a_page_that_explains_it(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.launch()
    alice.open("/sign-in/")
    alice.client.cookies.clear()

    page = alice.send("sign-in", username="a@b.example", password="b")

    assert (page.status, page.heading) == (403, "Please send the form again")
    assert page.text.count(SUPPORT) == 1


def test_opening_a_forms_address_redirects_to_its_page(stack: Stack, shopper_at: ShopperAt) -> None:
    alice = shopper_at(stack.base_url)
    number = alice.order()
    alice.wait_for_end()

    page = alice.open(f"/orders/{number}/continue/")

    assert (page.address, page.status) == (f"/orders/{number}/", 200)


def test_another_customers_order_is_not_found(stack: Stack, shopper_at: ShopperAt) -> None:
    alice, bob = shopper_at(stack.base_url), shopper_at(stack.base_url)
    number = alice.order()
    bob.launch()
    bob.sign_up()

    assert bob.open(f"/orders/{number}/").status == 404
    assert alice.open(f"/orders/{number}/").status == 200


def _summary(text: str) -> str:
    """Return the summary on the review page."""
    return text.partition('<dl class="card summary">')[2].partition("</dl>")[0]
