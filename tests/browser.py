"""Chromium as the Linux distribution ships it, driven by Playwright. Nothing is downloaded.

It is the package with the engine alone. The same pages cost the whole browser four times the CPU.
"""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WINDOW = (800, 600)

PageAt = Callable[..., Page]


def launch_browser() -> Iterator[Browser]:
    """Start a headless browser, yield it, and close it afterwards."""
    path = shutil.which("chromium-headless-shell")
    if not path:
        message = "chromium-headless-shell is missing: run `make services`"
        raise RuntimeError(message)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    yield from launch_browser()


@pytest.fixture
def page_at(browser: Browser) -> Iterator[PageAt]:
    """Open pages, each in its own browser session: `page_at(360, 640, "ar", script=False)`."""
    opened: list[BrowserContext] = []

    def open_page(
        width: int = WINDOW[0], height: int = WINDOW[1], locale: str = "en", *, script: bool = True
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, java_script_enabled=script
        )
        opened.append(context)
        return context.new_page()

    yield open_page
    for context in opened:
        context.close()
