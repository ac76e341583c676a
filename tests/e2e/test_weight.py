"""How many bytes and requests a page costs a customer in the walled garden: `make weight`."""

from collections import defaultdict
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, Page

from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.stack import Stack, on_sqlite

# For a page that is opened first, with nothing in the browser's cache. TCP's first ten segments
# carry 14 kB: nothing has to wait for another round trip.
FIRST_VIEW_BYTES, FIRST_VIEW_REQUESTS = 14 * 1024, 5
PURCHASE_BYTES = 45 * 1024
FIRST_PAGES = ["/sign-in/", "/sign-up/", "/recover/", "/support/", "/language/", "/cancel/"]


class Meter:
    """Counts what the browser loads: headers and bodies as they were on the wire."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._sizes: dict[str, list[int]] = defaultdict(list)
        self._paths: dict[str, str] = {}
        session: CDPSession = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.responseReceived", self._note_address)
        session.on("Network.loadingFinished", self._note_size)

    @property
    def requests(self) -> dict[str, int]:
        """Return the bytes of each path that was not in the cache."""
        return {path: sum(sizes) for path, sizes in self._sizes.items()}

    def _note_address(self, event: dict[str, Any]) -> None:
        self._paths[event["requestId"]] = urlsplit(event["response"]["url"]).path

    def _note_size(self, event: dict[str, Any]) -> None:
        if event["encodedDataLength"]:
            self._sizes[self._paths[event["requestId"]]].append(int(event["encodedDataLength"]))


def show(title: str, requests: dict[str, int]) -> None:
    print(f"\n{sum(requests.values()):7} bytes {len(requests):3} requests  {title}")
    for path, size in requests.items():
        print(f"{size:7}  {path}")


@on_sqlite
def test_a_first_view_fits_into_the_first_ten_segments(stack: Stack, page_at: PageAt) -> None:
    for path in FIRST_PAGES:
        page = page_at()
        meter = Meter(page)
        page.goto(f"{stack.base_url}{path}", wait_until="networkidle")

        show(path, meter.requests)
        assert sum(meter.requests.values()) <= FIRST_VIEW_BYTES, path
        assert len(meter.requests) <= FIRST_VIEW_REQUESTS, path


@on_sqlite
def test_a_purchase_weighs_little(stack: Stack, page_at: PageAt) -> None:
    page = page_at()
    meter = Meter(page)
    noor = Customer(page, stack.base_url)

    noor.buy()
    noor.sees("You're all set")
    noor.finish()

    show("a purchase", meter.requests)
    assert sum(meter.requests.values()) <= PURCHASE_BYTES
