"""`make screens`: take a screenshot of every page of the portal into `docs/screens/`.

The pages are opened in a separate running copy, in the order of a customer's journey.
`<page>-<language>-<size>.png` shows one window, so it also shows what is below the fold.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path

import django
from playwright.sync_api import Browser

from tests.browser import launch_browser
from tests.e2e.customer import Customer
from tests.providers import break_it
from tests.screens import access, desk, journey
from tests.screens.photographer import LOOKS, SCREENS, Look, Photographer
from tests.stack import Stack, make_copy, running_stack

Walk = Callable[[Customer, Photographer], None]

FEW_WALKS: tuple[Walk, ...] = (journey.buy, journey.open_web, journey.problems)
WALKS: tuple[Walk, ...] = (
    *(*FEW_WALKS, journey.read, journey.fail, journey.failed_download),
    *(access.recover, access.account, access.confirm_sim),
)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")
    django.setup()
    SCREENS.mkdir(parents=True, exist_ok=True)
    for old in SCREENS.glob("*.png"):
        old.unlink()
    with (
        tempfile.TemporaryDirectory(prefix="screens-") as folder,
        running_stack(make_copy("sqlite", Path(folder))) as stack,
        contextmanager(launch_browser)() as browser,
    ):
        _slow_down(stack)
        access.take_sim_as_stranger(stack)
        for look in LOOKS:
            for walk in FEW_WALKS if look.pages else WALKS:
                _walk(browser, stack, look, walk)
        desk.simulator(browser, stack)
        desk.orders(browser, stack)
    with (
        tempfile.TemporaryDirectory(prefix="screens-") as folder,
        running_stack(make_copy("sqlite", Path(folder)), {"PAYMENT_CARD_ENTRY": "page"}) as stack,
        contextmanager(launch_browser)() as browser,
    ):
        _slow_down(stack)
        for look in LOOKS:
            if not look.pages:
                _walk(browser, stack, look, journey.card_page)
    return 0


def _slow_down(stack: Stack) -> None:
    """Slow both providers down, so that each step of the progress is visible."""
    for url, function in (
        (stack.smdp_url, "downloadOrder"),
        (stack.payment_url, "open_page"),
        (stack.payment_url, "fetch_page"),
    ):
        break_it(url, function, "delay", times=1000, seconds=3)


def _walk(browser: Browser, stack: Stack, look: Look, walk: Walk) -> None:
    width, height = look.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale=look.locale,
        color_scheme=look.scheme,
        reduced_motion="reduce",
        device_scale_factor=1,
    )
    with closing(context):
        page = context.new_page()
        # Only an app puts its object into the page.
        host = walk is not journey.open_web
        walk(
            Customer(page, stack.base_url, host=host, language=look.locale[:2]),
            Photographer(page, look),
        )


if __name__ == "__main__":
    sys.exit(main())
