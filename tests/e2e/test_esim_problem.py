"""Failed downloads and their remedies, from the app's headers to the SM-DP+'s books."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.conftest import ShopperAt
from tests.e2e.customer import EID, Customer
from tests.e2e.outside import balances, download, es2_calls, payments, profiles
from tests.e2e.payload import purchase_result
from tests.e2e.shopper import Shopper, order_number
from tests.stack import Stack, on_postgresql

OTHER_EID = "89049032000000000000000000000066"
REPAIRED = purchase_result("Existing", "None", "New", "Complete", "Day pass")


def buy(alice: Shopper) -> tuple[str, dict[str, Any]]:
    """Buy a day pass and leave. Return the order's number and the payload."""
    number = alice.order()
    alice.wait_for_end()
    return number, alice.finish()


def state_at_smdp(stack: Stack, iccid: str) -> str:
    """Return the profile's state in the SM-DP+'s books, or nothing if it was withdrawn."""
    return next((p["state"] for p in profiles(stack) if p["iccid"] == iccid), "")


def test_after_an_eid_mismatch_a_new_profile_replaces_the_old_one(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    number, first = buy(alice)
    assert download(stack, first["activationCode"], OTHER_EID)["error"] == "EidMismatch"

    page = alice.relaunch("EidMismatch", first["iccid"], eid=OTHER_EID)
    assert page.heading == "This eSIM was made for another device"
    alice.sign_in()
    alice.open("/esim-problem/")
    alice.send("remedy")
    alice.wait_for("remedy")
    alice.send("remedy")
    second = alice.handed_over()

    assert second["purchaseResult"] == REPAIRED
    assert second["iccid"] != first["iccid"]
    assert state_at_smdp(stack, first["iccid"]) == ""
    assert download(stack, second["activationCode"], OTHER_EID)["result"] == "success"
    assert state_at_smdp(stack, second["iccid"]) == "Installed"
    assert download(stack, first["activationCode"], OTHER_EID)["result"] == "failed"
    assert [payment["status"] for payment in payments(stack, number)] == ["captured"]
    assert [b["dataRemainingInMB"] for b in balances(stack, second["iccid"])] == [1000]
    assert [b["type"] for b in balances(stack, first["iccid"])] == ["NONE"]


def test_retry_hands_over_the_same_code_and_orders_nothing(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    number, first = buy(alice)
    before = len(es2_calls(stack))

    alice.relaunch("ServerNotReachable", first["iccid"], times="11/21/2026 3:07:05 PM")
    alice.sign_in()
    alice.open("/esim-problem/")
    alice.send("remedy")
    again = alice.handed_over()

    assert again == {**first, "transactionId": alice.transaction_id, "purchaseResult": REPAIRED}
    assert len(es2_calls(stack)) == before
    assert len(payments(stack, number)) == 1


@on_postgresql
@pytest.mark.parametrize("code", ["EidMismatch", "CardBusy", "IccidAlreadyExists"])
def test_a_stranger_with_the_iccid_gets_nothing(
    stack: Stack, shopper_at: ShopperAt, code: str
) -> None:
    alice, mallory = shopper_at(stack.base_url), shopper_at(stack.base_url)
    _number, first = buy(alice)

    mallory.relaunch(code, first["iccid"], iccids=first["iccid"])
    mallory.sign_up()
    page = mallory.open("/esim-problem/")

    assert first["activationCode"] not in page.text
    assert page.form("remedy").fields["remedy"] == "support"
    for remedy in ("retry", "reissue", "activate", "ready"):
        assert mallory.send("remedy", remedy=remedy).address == "/esim-problem/"
    assert mallory.leave()["success"] is False
    assert state_at_smdp(stack, first["iccid"]) == "Released"


@on_postgresql
def test_a_downloaded_profile_is_never_issued_again(stack: Stack, shopper_at: ShopperAt) -> None:
    alice = shopper_at(stack.base_url)
    _number, first = buy(alice)
    download(stack, first["activationCode"], EID)

    alice.relaunch("ProfileNotPresent", first["iccid"])
    alice.sign_in()
    page = alice.open("/esim-problem/")

    assert page.form("remedy").fields["remedy"] == "support"
    assert state_at_smdp(stack, first["iccid"]) == "Installed"


@on_postgresql
def test_an_installed_profile_is_handed_over_to_be_turned_on(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    _number, first = buy(alice)
    download(stack, first["activationCode"], EID)

    alice.relaunch("IccidAlreadyExists", first["iccid"], iccids=first["iccid"])
    alice.sign_in()
    alice.open("/esim-problem/")
    alice.send("remedy")
    payload = alice.handed_over()

    assert payload["iccid"] == first["iccid"]
    assert "activationCode" not in payload
    row = purchase_result("Existing", "None", "Existing", "Complete", "Day pass")
    assert payload["purchaseResult"] == row


@on_postgresql
def test_the_browser_shows_how_the_new_esim_is_prepared(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(), stack.base_url)
    noor.buy()
    noor.sees("You're all set")
    number = order_number(noor.page.evaluate("location.pathname"))
    first = noor.finish()

    headers = {"X-MP-LPAError-Codes": "18", "X-MP-LPAError-ICCIDs": first["iccid"]}
    noor.page.context.set_extra_http_headers(headers)
    noor.launch(eid=OTHER_EID)
    noor.page.context.set_extra_http_headers({})
    noor.sees("This eSIM was made for another device")
    noor.page.get_by_role("link", name="Sign in").click()
    noor.sign_in(noor.identifier, noor.password)
    noor.press("Get a new eSIM")
    noor.sees("Your eSIM is ready")
    noor.press("Continue")
    second = noor.handed_over()

    assert second["iccid"] != first["iccid"]
    assert len(payments(stack, number)) == 1
    expect(noor.page.locator("#by-hand")).to_be_hidden()
