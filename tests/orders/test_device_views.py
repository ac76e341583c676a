"""`/device/`: the open web names its device, and profiles that are there are offered."""

import re
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.test import Client

from accounts.models import User
from mobileplans.models import Visit
from orders.domain import drafts
from orders.models import Draft, Order
from orders.states import OrderState
from orders.views.device import SALT
from plans.models import Plan
from tests.builders import EID, OTHER_EID, make_card, make_draft, make_method, make_plan
from tests.orders.conftest import settled
from tests.orders.test_targets import installed

EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/64.0 Edge/18.19041"


@pytest.fixture
def plan(alice: User) -> Plan:
    return make_plan()


@pytest.fixture
def browser(as_alice: Client, plan: Plan) -> Client:
    """Return Alice's ordinary browser, a plan chosen."""
    as_alice.get("/?market=US")
    choose_plan(as_alice, plan)
    return as_alice


def choose_plan(client: Client, plan: Plan) -> str:
    client.get("/plans/")
    draft = Draft.objects.get(submitted_at=None)
    told = {"draft": draft.pk, "version": draft.version, "plan": plan.pk}
    return client.post("/plans/", told).headers["Location"]


def choose(client: Client, target: str = "new", **fields: str) -> str:
    """Send the form of the device page; return where that leads."""
    draft = Draft.objects.get(submitted_at=None)
    told = {"draft": str(draft.pk), "version": str(draft.version), "target": target, **fields}
    return client.post("/device/", told).headers["Location"]


def test_a_launch_with_an_eid_skips_the_device_page(as_alice: Client, plan: Plan) -> None:
    as_alice.get(f"/?market=US&eid={EID}")

    assert choose_plan(as_alice, plan) == "/payment/"
    assert as_alice.get("/device/").headers["Location"] == "/payment/"


def test_an_ordinary_browser_is_asked_for_the_device(browser: Client, plan: Plan) -> None:
    assert choose_plan(browser, plan) == "/device/"
    for page in ("/payment/", "/review/"):
        assert browser.get(page).headers["Location"] == "/device/"


@pytest.mark.parametrize("typed", [EID, f" {EID} ", f"{EID[:4]} {EID[4:16]}-{EID[16:]}"])
def test_an_eid_is_accepted_in_any_grouping(browser: Client, typed: str) -> None:
    assert choose(browser, eid=typed) == "/payment/"

    visit = Visit.objects.get()
    assert (visit.eid, visit.eid_from) == (EID, "typed")
    assert visit.is_open_web


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "Enter the EID"),
        (EID[:-1], "You entered 31."),
        (EID[:-1] + "6", "At least one digit is wrong"),
        ("x" * 32, "You entered 32."),
    ],
)
def test_a_wrong_eid_returns_with_the_reason(browser: Client, typed: str, told: str) -> None:
    assert choose(browser, eid=typed) == "/device/"

    page = browser.get("/device/").text
    assert told in page
    assert f'value="{typed}"' in page or not typed
    assert Visit.objects.get().eid == ""


def test_another_device_makes_open_forms_stale(browser: Client) -> None:
    choose(browser, eid=EID)
    version = Draft.objects.get().version

    choose(browser, eid=OTHER_EID)

    assert Draft.objects.get().version == version + 1
    assert Visit.objects.get().eid == OTHER_EID


def test_only_windows_can_fill_in_the_eid(browser: Client) -> None:
    assert "ms-settings:" not in browser.get("/device/").text
    assert "ms-settings:" in browser.get("/device/", headers={"User-Agent": EDGE}).text


def callback(client: Client, eid: str, imei: str = "") -> str:
    """Return the address that Windows opens: the callback it is given, its braces filled in."""
    page = client.get("/device/", headers={"User-Agent": EDGE}).text
    found = re.search(r'href="ms-settings:cellular-id\?callbackUrl=([^"]+)"', page)
    assert found is not None
    url = urlsplit(found[1].replace("&amp;", "&"))
    assert url.query.endswith("&eid={eid}&imei={imei}")
    return f"{url.path}?{url.query}".replace("{eid}", eid).replace("{imei}", imei)


def test_an_eid_shared_by_windows_is_saved_for_the_draft(browser: Client) -> None:
    answer = browser.get(callback(browser, EID, "490154203237518"))

    visit = Visit.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (303, "/payment/")
    assert (visit.eid, visit.imei, visit.eid_from) == (EID, "490154203237518", "shared")


def test_an_eid_may_be_shared_from_another_browser(browser: Client) -> None:
    other = Client()

    answer = other.get(callback(browser, EID))

    assert answer.headers["Location"] == "/device/told/thanks/"
    assert EID not in other.get("/device/told/thanks/").text
    assert browser.get("/review/").headers["Location"] == "/payment/"


def test_an_eid_shared_from_another_browser_is_not_shown_in_full(browser: Client) -> None:
    Client().get(callback(browser, EID))

    page = browser.get("/device/").text
    assert EID not in page
    assert EID[-4:] in page
    assert choose(browser, eid="") == "/payment/"
    assert Visit.objects.filter(eid=EID, eid_from="shared").exists()


def test_a_relaunch_does_not_ask_for_the_device_again(browser: Client) -> None:
    choose(browser, eid=EID)

    browser.get("/?market=US")

    assert browser.get("/review/").headers["Location"] == "/payment/"
    assert Visit.objects.latest("pk").eid == EID


def test_the_sharing_link_works_once(browser: Client) -> None:
    address = callback(browser, EID)
    browser.get(address)

    again = Client().get(address.replace(EID, OTHER_EID))

    assert again.headers["Location"] == "/device/told/stale/"
    assert Visit.objects.get().eid == EID


@pytest.mark.parametrize(
    "state",
    ["x", "a:b:c", signing.dumps([1, 1], salt="other"), signing.dumps("x", salt=SALT), "\x00"],
    ids=["junk", "looks signed", "signed for another use", "signed and odd", "NUL"],
)
def test_without_a_signed_state_nothing_is_saved(browser: Client, state: str) -> None:
    answer = browser.get("/device/shared/", {"state": state, "eid": EID})

    assert answer.headers["Location"] == "/device/told/stale/"
    assert Visit.objects.get().eid == ""


@pytest.mark.parametrize("eid", ["", "%7Beid%7D", "1" * 32, "%00"])
def test_an_invalid_eid_is_reported(browser: Client, eid: str) -> None:
    answer = browser.get(callback(browser, eid))

    assert answer.headers["Location"] == "/device/told/unreadable/"
    assert Client().get("/device/told/unreadable/").status_code == 200


def test_an_unknown_result_page_redirects_to_the_device_page(browser: Client) -> None:
    assert browser.get("/device/told/x/").headers["Location"] == "/device/"


def test_the_customer_chooses_between_several_profiles(
    as_alice: Client, alice: User, plan: Plan
) -> None:
    one, other = installed(alice, alice)
    as_alice.get(f"/?market=US&eid={EID}&iccids={one.iccid},{other.iccid}")

    assert choose_plan(as_alice, plan) == "/device/"
    page = as_alice.get("/device/").text
    assert page.count('name="target"') == 3
    assert " checked" not in page
    assert choose(as_alice, "") == "/device/"
    assert "Choose which eSIM to use for this plan." in as_alice.get("/device/").text
    assert choose(as_alice, str(other.pk)) == "/payment/"
    assert Draft.objects.get().sim == other


def test_a_profile_of_another_customer_cannot_be_chosen(
    as_alice: Client, alice: User, bob: User, plan: Plan
) -> None:
    mine, bobs = installed(alice, bob)
    as_alice.get(f"/?market=US&eid={EID}&iccids={mine.iccid},{bobs.iccid}")
    choose_plan(as_alice, plan)

    assert choose(as_alice, str(bobs.pk)) == "/device/"
    assert Draft.objects.get().sim is None


def test_a_single_installed_profile_is_preselected(
    as_alice: Client, alice: User, plan: Plan
) -> None:
    (mine,) = installed(alice)
    as_alice.get(f"/?market=US&eid={EID}&iccids={mine.iccid}")

    assert choose_plan(as_alice, plan) == "/payment/"
    page = as_alice.get("/device/").text
    assert re.search(rf'value="{mine.pk}" checked', " ".join(page.split()))
    assert choose(as_alice, "new") == "/payment/"
    assert Draft.objects.get().wants_new_esim


def test_a_sim_card_that_was_retired_meanwhile_is_refused(as_alice: Client, plan: Plan) -> None:
    card = make_card()
    as_alice.get(f"/?market=US&iccid={card.iccid}")
    assert choose_plan(as_alice, plan) == "/payment/"
    type(card).objects.update(state="retired")

    assert as_alice.get("/payment/").headers["Location"] == "/device/"
    assert as_alice.get("/device/").headers["Location"] == "/launch-refused/"
    assert as_alice.get("/options/").headers["Location"] == "/launch-refused/"


def test_a_profile_that_was_retired_meanwhile_is_replaced_by_a_new_one(
    as_alice: Client, alice: User, plan: Plan
) -> None:
    (mine,) = installed(alice)
    as_alice.get(f"/?market=US&eid={EID}&iccids={mine.iccid}")
    choose_plan(as_alice, plan)
    choose(as_alice, str(mine.pk))
    type(mine).objects.update(state="retired")

    assert as_alice.get("/payment/").headers["Location"] == "/device/"
    assert as_alice.get("/device/").headers["Location"] == "/payment/"
    assert "a new one" in as_alice.get("/payment/").text


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's order, complete, its eSIM not downloaded."""
    return settled(placed)


def test_the_account_links_to_an_esim_that_is_not_installed(as_alice: Client, sold: Order) -> None:
    assert f"/orders/{sold.number}/install/" in as_alice.get("/account/").text
    assert sold.profile is not None

    page = as_alice.get(f"/orders/{sold.number}/install/")

    assert str(sold.profile.activation_code) in page.text
    assert 'class="qr"' in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_after_the_download_no_code_is_shown(as_alice: Client, sold: Order) -> None:
    assert sold.profile is not None
    type(sold.profile).objects.update(state="downloaded", downloaded_at=sold.created_at)

    page = as_alice.get(f"/orders/{sold.number}/install/").text

    assert "1$" not in page
    assert "The eSIM is on your device" in page
    assert "/install/" not in as_alice.get("/account/").text


def test_a_customer_cannot_open_another_customers_esim(
    client: Client, bob: User, sold: Order
) -> None:
    client.force_login(bob)

    assert client.get(f"/orders/{sold.number}/install/").status_code == 404


def test_a_failed_order_has_no_install_page(as_alice: Client, sold: Order) -> None:
    Order.objects.update(state=OrderState.ACKNOWLEDGED)

    assert as_alice.get(f"/orders/{sold.number}/install/").status_code == 404


def test_a_form_that_names_no_draft_changes_nothing(browser: Client) -> None:
    assert browser.post("/device/", {"draft": "x"}).headers["Location"] == "/device/"
    assert "Your choices changed" in browser.get("/device/").text


def test_the_second_of_two_choices_is_stale(browser: Client) -> None:
    draft = Draft.objects.get()
    told = {"draft": draft.pk, "version": draft.version, "target": "new", "eid": EID}
    browser.post("/device/", told)

    again = browser.post("/device/", {**told, "eid": OTHER_EID})

    assert again.headers["Location"] == "/payment/"
    assert Visit.objects.get().eid == EID


def test_the_review_names_the_chosen_sim(as_alice: Client, alice: User, plan: Plan) -> None:
    (mine,) = installed(alice)
    as_alice.get(f"/?market=US&eid={EID}&iccids={mine.iccid}")
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), plan=plan)
    drafts.choose_target(draft, mine, version=draft.version)

    page = as_alice.get("/review/").text

    assert f"The eSIM ending in {mine.iccid[-4:]}" in page
    assert "nothing to download" in page


def test_the_review_names_the_device_that_was_typed(browser: Client, alice: User) -> None:
    choose(browser, eid=EID)
    draft = Draft.objects.get()
    drafts.choose_method(draft, make_method(alice), version=draft.version)

    assert f"For the device with the EID ending in {EID[-4:]}" in browser.get("/review/").text
