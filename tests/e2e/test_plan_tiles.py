"""The tiles as one table of figures, in a browser that has subgrids."""

from playwright.sync_api import Locator, expect

from tests.browser import PageAt
from tests.e2e.axe import findings
from tests.e2e.shopper import Shopper
from tests.e2e.test_accessible import come_as
from tests.stack import Stack, on_sqlite

LINES = (".plan-name", ".plan-data", ".plan-where", ".plan-price")


def tops(found: Locator) -> list[float]:
    measured: list[float] = found.evaluate_all("all => all.map(e => e.getBoundingClientRect().top)")
    return measured


@on_sqlite
def test_the_tiles_of_a_row_share_their_lines(stack: Stack, page_at: PageAt) -> None:
    page = page_at(800, 600)
    shopper = Shopper(stack.base_url)
    with shopper.client:
        shopper.launch()
        shopper.sign_up()
        come_as(shopper, page)
    page.goto(f"{stack.base_url}/plans/?category=prepaid")
    prices = tops(page.locator(".plan-price"))

    for line in LINES:
        assert len(set(tops(page.locator(line))[:3])) == 1, line
    page.locator(".plans-where summary").click()
    expect(page.locator(".plans-where dl")).to_be_visible()
    assert tops(page.locator(".plan-price")) == prices
    assert findings(page) == []

    page.get_by_role("radio").nth(1).check(force=True)
    name = page.locator(".plan-name").nth(1).inner_text()
    page.get_by_role("button", name=f"Plan terms · {name}", exact=True).click()
    expect(page.locator(".guidance")).to_have_text(name)
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page.get_by_role("radio").nth(1)).to_be_checked()
