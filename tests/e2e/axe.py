"""axe on a page: the looks in which it is asked, and what it finds."""

from dataclasses import dataclass
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # no types
from playwright.sync_api import Page

from tests.browser import PageAt

# So tall that the bar at the bottom covers nothing: axe skips covered elements, or reports them.
HEIGHT = 2000
OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


@dataclass(frozen=True)
class Sight:
    """A language, the width of the window, and the colour scheme."""

    locale: str
    width: int
    scheme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.locale} {self.width} {self.scheme}"

    def open(self, page_at: PageAt) -> Page:
        """Return an empty page that is seen so."""
        page = page_at(self.width, HEIGHT, self.locale)
        page.emulate_media(color_scheme=self.scheme, reduced_motion="reduce")
        return page


# Each pair of a language, a width and a scheme comes once.
SIGHTS = [
    *(Sight("en", 800, "light"), Sight("en", 360, "dark"), Sight("en", 320, "light")),
    *(Sight("ar-AE", 800, "dark"), Sight("ar-AE", 360, "light"), Sight("ar-AE", 320, "dark")),
]
EASY, HARD = Sight("en", 800, "light"), Sight("ar-AE", 320, "dark")


def findings(page: Page) -> list[str]:
    """Return what axe finds, and whether the page is wider than its window."""
    violations: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    found = [f"{one['id']}: {node['html']}" for one in violations for node in one["nodes"]]
    sizes = "document.documentElement.scrollWidth > window.innerWidth"
    return [*found, "wider than its window"] if page.evaluate(sizes) else found


def findings_of_form(page: Page, url: str) -> list[str]:
    """Examine a page, then the same page with the errors of its empty form."""
    page.goto(url)
    empty = findings(page)
    page.eval_on_selector("main form", "form => { form.noValidate = true; }")
    page.locator("#bar .button-primary").click()
    page.locator("#errors").wait_for()
    return empty + findings(page)
