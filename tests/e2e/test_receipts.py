"""A receipt in a browser: from the order to one page of A4, and to a file that opens by itself."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.stack import Stack, on_sqlite

A4 = (595, 842)
BOXES = re.compile(rb"/MediaBox\s*\[\s*0\s+0\s+([0-9.]+)\s+([0-9.]+)\s*\]")
A_PAGE = re.compile(rb"/Type\s*/Page[^s]")


def printed(page: Page) -> list[tuple[int, int]]:
    """Print the page as its style sheet says, and return the size of each sheet in points."""
    pdf = page.pdf(prefer_css_page_size=True)
    sizes = [(round(float(box[1])), round(float(box[2]))) for box in BOXES.finditer(pdf)]
    assert len(sizes) == len(A_PAGE.findall(pdf))
    return sizes


@on_sqlite
def test_a_receipt_prints_on_one_page_in_english_and_arabic(
    stack: Stack, page_at: PageAt, tmp_path: Path
) -> None:
    noor = Customer(page_at(360, 640), stack.base_url)
    noor.buy()
    noor.sees("You're all set")
    order_url = noor.page.url
    assert printed(noor.page) == [A4]

    noor.page.get_by_role("link", name=re.compile("Receipt")).click()

    expect(noor.page.locator(".document")).to_contain_text("Kestrel Mobile, Inc.")
    expect(noor.page.get_by_role("button", name="Print")).to_be_visible()
    assert printed(noor.page) == [A4]
    receipt_url = noor.page.url
    with noor.page.expect_download() as kept:
        noor.page.get_by_role("link", name="Save as a file").click()
    noor.page.get_by_role("link", name="Back").click()
    expect(noor.page).to_have_url(order_url)

    noor.page.goto(f"{stack.base_url}/language/")
    noor.page.locator("button[value=ar]").click()
    noor.page.goto(receipt_url)
    expect(noor.page.locator("html")).to_have_attribute("dir", "rtl")
    assert printed(noor.page) == [A4]

    file = tmp_path / kept.value.suggested_filename
    kept.value.save_as(file)
    noor.page.goto(file.as_uri())
    expect(noor.page.locator(".document")).to_contain_text("Kestrel Mobile, Inc.")
    assert printed(noor.page) == [A4]
