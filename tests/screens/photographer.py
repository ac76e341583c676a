"""Looks, and the photographer who takes the screenshots of one look."""

from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Page

from demo.parts import ROOT
from tests.stack import Stack

SCREENS = ROOT / "docs/screens"
DESK, PHONE = (800, 600), (360, 640)
Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Look:
    """A language, window size and colour scheme. Empty `pages` means all pages."""

    locale: str
    size: tuple[int, int]
    scheme: Scheme = "light"
    pages: frozenset[str] = frozenset()

    @property
    def suffix(self) -> str:
        dark = "-dark" if self.scheme == "dark" else ""
        return f"{self.locale[:2]}{dark}-{self.size[0]}x{self.size[1]}"


FEW = frozenset(
    {
        *("plans", "review", "order-done", "device", "install", "problem-device"),
        *("problem-reissue", "bank-unreachable", "bank-other-device"),
    }
)
LOOKS = [
    *(Look(locale, size) for locale in ("en", "ar-AE") for size in (DESK, PHONE)),
    *(Look("de-DE", size, pages=FEW) for size in (DESK, PHONE)),
    Look("en", DESK, "dark", FEW),
]


class Photographer:
    """Takes the screenshots of one look, in one running copy."""

    def __init__(self, page: Page, look: Look, stack: Stack) -> None:
        self.page = page
        self.look = look
        self.stack = stack

    def take(self, name: str) -> None:
        if self.look.pages and name not in self.look.pages:
            return
        self.page.evaluate("document.fonts.ready.then(function () {})")
        self.page.mouse.move(0, 0)
        path = SCREENS / f"{name}-{self.look.suffix}.png"
        self.page.screenshot(path=path, animations="disabled", caret="hide")
        print(path.relative_to(ROOT))


def take_whole_window(page: Page, name: str) -> None:
    """Take one picture that has no other looks."""
    page.screenshot(path=SCREENS / f"{name}.png", animations="disabled", caret="hide")
