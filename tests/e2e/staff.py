"""Staff at the desk, in Chromium."""

import time

from playwright.sync_api import Locator, Page

from simulators.mobileplans.samples import STAFF, STAFF_PASSWORD

# In seconds.
PATIENCE = 30.0


class Staff:
    """An administrator on one page of a browser session of their own, signed in."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        page.goto(f"{base_url}/admin/")
        page.fill("[name=username]", STAFF)
        page.fill("[name=password]", STAFF_PASSWORD)
        page.click("[type=submit]")
        page.locator("#user-tools").wait_for()

    def search(self, path: str, text: str) -> None:
        """Open a list of the desk with what is found for a text."""
        self.page.goto(f"{self.base_url}/admin/{path}/?q={text}")
        self._wait_for(self.page.locator("#result_list tbody tr"))

    def open_first(self) -> None:
        """Open the first row of the list."""
        self.page.locator("#result_list tbody th a").first.click()
        self.page.locator("#content-main").wait_for()

    def act(self, action: str, because: str) -> None:
        """Choose an action for the first row of the list, and confirm it with a reason."""
        self.page.locator("#result_list [name=_selected_action]").first.check()
        self.page.select_option("[name=action]", action)
        self.page.locator("[name=index]").first.click()
        self.page.fill("[name=because]", because)
        self.page.click("[type=submit][value^=Yes]")
        self.page.locator(".messagelist").wait_for()

    def sees(self, text: str) -> None:
        """Reload the open page until it shows this text."""
        self._wait_for(self.page.get_by_text(text))

    def _wait_for(self, shown: Locator) -> None:
        deadline = time.monotonic() + PATIENCE
        while not shown.count():
            assert time.monotonic() < deadline, f"no {shown}"
            time.sleep(0.2)
            self.page.reload()
