"""axe finds nothing wrong on the pages of plans, receipts, new cards, own data and declarations."""

from collections.abc import Iterator

import pytest

from tests.browser import PageAt
from tests.e2e.axe import EASY, HARD, SIGHTS, Sight, findings, findings_of_form
from tests.e2e.shopper import Shopper
from tests.e2e.test_accessible import come_as
from tests.e2e.test_own_plans import LATER, NO_MONEY, SOLD
from tests.speeds import sampled
from tests.stack import Stack, on_postgresql

ADD, DECLARATIONS = "/account/methods/add/", ("/withdraw/", "/cancel/")
PAGES = ("/account/", "/account/receipts/", "/account/export/", "/account/delete/")
OF_A_PLAN = ("", "cancel/", "change/", "name/", "pay/")


@pytest.fixture(scope="module")
def bea(postgresql_stack: Stack) -> Iterator[Shopper]:
    """Return a customer with a receipt, and a monthly plan whose month is overdue."""
    shopper = Shopper(postgresql_stack.base_url)
    shopper.order()
    shopper.wait_for_end()
    reference = reference_of(shopper)
    postgresql_stack.manage(
        SOLD.format(identifier=shopper.identifier, numbers=(NO_MONEY,), reference=reference)
    )
    postgresql_stack.manage(LATER.format(reference=reference, months=1, days=0))
    shopper.open(f"/account/plans/{reference}/")
    shopper.wait_for_link("/pay/")
    yield shopper
    shopper.client.close()


def reference_of(shopper: Shopper) -> str:
    return shopper.identifier.partition("@")[0]


@on_postgresql
@pytest.mark.parametrize("sight", sampled(SIGHTS, in_short=(EASY, HARD)), ids=str)
def test_axe_finds_nothing_where_a_plan_is_paid_for(
    stack: Stack, bea: Shopper, page_at: PageAt, sight: Sight
) -> None:
    page = sight.open(page_at)
    come_as(bea, page)
    bea.open("/account/receipts/")
    paths = [*PAGES, bea.wait_for_link("/account/receipts/2")]
    plan = f"/account/plans/{reference_of(bea)}/"

    found = {ADD: findings_of_form(page, stack.base_url + ADD)}
    for path in DECLARATIONS:
        page.goto(stack.base_url + path)
        found[path] = findings(page)
        # What the account knows is filled in, so the next page asks to confirm it.
        page.locator("#bar .button-primary").click()
        page.wait_for_url("**step=confirm")
        found[f"{path} confirm"] = findings(page)
    for path in (*paths, *(plan + more for more in OF_A_PLAN)):
        page.goto(stack.base_url + path)
        found[path] = findings(page)
    page.goto(f"{stack.base_url}{plan}pay/")
    page.locator("#bar .button-primary").click()
    page.locator("[name=consent]").wait_for(state="attached")
    found["consent"] = findings(page)

    assert {path: texts for path, texts in found.items() if texts} == {}
