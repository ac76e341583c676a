"""Pictures of a recovery by staff: the customer's page, the caller check, the code, the events."""

import json
from contextlib import closing

from playwright.sync_api import Browser, BrowserContext, Page

from simulators.mobileplans.samples import STAFF, STAFF_PASSWORD
from tests.e2e.shopper import Shopper
from tests.screens.photographer import take_whole_window
from tests.stack import Stack

WINDOW = (1280, 900)
COLLEAGUE, COLLEAGUES_PASSWORD = "omar@kestrel.example", "a colleague's pass phrase"


def recovery(browser: Browser, stack: Stack) -> None:
    """Check a caller and read a code out, after a second person has agreed."""
    caller = _customer_with_order(stack)
    answers = _prepare(stack, caller)
    with closing(_window(browser)) as desk, closing(_window(browser)) as elsewhere:
        page, colleague = desk.new_page(), elsewhere.new_page()
        _sign_in(page, f"{stack.base_url}/admin/accounts/user/?q={caller}", STAFF, STAFF_PASSWORD)
        page.locator("#result_list tbody th a").first.click()
        start = page.get_by_role("link", name="Start a recovery")
        start.wait_for()
        take_whole_window(page, "desk-customer")
        start.click()
        page.fill("[name=reason]", "Has lost phone and recovery code. Ticket 17.")
        take_whole_window(page, "desk-recovery-start")
        page.get_by_role("button", name="Start").click()

        page.fill("[name=plan]", "No such plan")
        page.get_by_role("button", name="Check answers").click()
        page.get_by_text("running: wrong").wait_for()
        take_whole_window(page, "desk-recovery-check")
        for name, answer in answers.items():
            page.fill(f"[name={name}]", answer)
        page.get_by_role("button", name="Check answers").click()
        ask = page.get_by_role("button", name="Ask a second person")
        ask.wait_for()
        take_whole_window(page, "desk-recovery-checked")
        ask.click()
        page.get_by_text("Ask a colleague").wait_for()
        _sign_in(colleague, page.url, COLLEAGUE, COLLEAGUES_PASSWORD)
        approve = colleague.get_by_role("button", name="Approve")
        approve.wait_for()
        take_whole_window(colleague, "desk-recovery-approve")
        approve.click()
        colleague.get_by_text("Stop this recovery").wait_for()
        page.reload()
        page.get_by_role("button", name="Show the code").click()
        page.locator(".desk-code").wait_for()
        take_whole_window(page, "desk-recovery-code")
        page.goto(f"{stack.base_url}/admin/accounts/accessevent/?q={caller}")
        take_whole_window(page, "desk-events")


def _window(browser: Browser) -> BrowserContext:
    width, height = WINDOW
    return browser.new_context(viewport={"width": width, "height": height})


def _customer_with_order(stack: Stack) -> str:
    shopper = Shopper(stack.base_url)
    with closing(shopper.client):
        shopper.order()
        shopper.wait_for_end()
    return shopper.identifier


def _prepare(stack: Stack, caller: str) -> dict[str, str]:
    """Add a colleague, and return what the caller would say."""
    said = stack.manage(
        "import json;"
        "from django.contrib.auth.models import Group;"
        "from accounts.access import caller_facts;"
        "from accounts.models import User;"
        "from accounts.roles import AGENT;"
        f"omar = User.objects.create_user({COLLEAGUE!r}, {COLLEAGUES_PASSWORD!r}, is_staff=True);"
        "omar.groups.add(Group.objects.get(name=AGENT));"
        f"caller = User.objects.get(username={caller!r});"
        "known = caller_facts.facts_of(caller);"
        "print(json.dumps({fact.name: next(iter(fact.answers(caller))) for fact in known}))"
    )
    answers: dict[str, str] = json.loads(said)
    return answers


def _sign_in(page: Page, url: str, username: str, password: str) -> None:
    page.goto(url)
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.click("[type=submit]")
