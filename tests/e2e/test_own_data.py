"""A customer's copy of their data, and the deletion of the account, in a browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.access import DESK, PLAIN_PHONE, Look, customer_at
from tests.e2e.customer import GOOD_CARD
from tests.e2e.test_own_plans import sees, sell
from tests.speeds import sampled
from tests.stack import Stack, on_sqlite


@on_sqlite
@pytest.mark.parametrize("look", sampled((DESK, PLAIN_PHONE), in_short=(PLAIN_PHONE,)), ids=str)
def test_a_customer_keeps_a_copy_and_deletes_the_account_which_ends_what_renews(
    stack: Stack, page_at: PageAt, tmp_path: Path, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    plan = sell(stack, noor, GOOD_CARD.replace(" ", ""))
    noor.page.goto(f"{stack.base_url}/account/")

    noor.page.get_by_role("link", name="Delete your account").click()
    noor.sees("Delete your account")
    sees(noor, "Monthly is cancelled at once. It no longer renews.")
    noor.page.get_by_role("link", name="Get a copy of your data first").click()
    noor.press("Make the file")
    noor.sees("Your file is ready")
    with noor.page.expect_download() as download:
        noor.page.get_by_role("link", name="Download").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert noor.identifier in file.read_text()
    assert json.loads(file.read_text())
    noor.page.goto(f"{stack.base_url}/account/delete/")
    noor.press("Delete my account")

    noor.sees("Your account will be deleted")
    noor.page.goto(f"{stack.base_url}{plan}")
    sees(noor, "Cancelled: ends on")
    noor.page.goto(f"{stack.base_url}/account/")
    sees(noor, "Your account will be deleted on")
    noor.press("Keep my account")
    sees(noor, "Your account stays. Nothing was deleted.")
    # What was cancelled stays cancelled.
    sees(noor, "Cancelled: ends on")
    expect(noor.page.get_by_role("button", name="Keep my account")).to_have_count(0)
