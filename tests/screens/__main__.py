"""`make screens`: take a screenshot of every page of the portal into `docs/screens/`.

The pages are opened in separate running copies, in the order of a customer's journey.
`<page>-<language>-<size>.png` shows one window, so it also shows what is below the fold. With the
names of walks, as in `make screens ARGS="link_lines recovery"`, only their pictures are retaken.
"""

import argparse
import os
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import django
from playwright.sync_api import Browser

from tests.browser import launch_browser
from tests.e2e.customer import Customer
from tests.screens.photographer import LOOKS, SCREENS, Look, Photographer
from tests.stack import Stack, make_copy, running_stack

if TYPE_CHECKING:
    from tests.screens.courses import Course, Walk


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")
    django.setup()
    # They read models.
    from tests.oidc_provider import providing  # noqa: PLC0415
    from tests.screens.courses import courses  # noqa: PLC0415

    with providing() as provider:
        found = courses(provider)
        names = _names(set[str]().union(*(course.names for course in found)))
        if not names:
            _empty_folder()
        for course in found:
            chosen = course.only(names)
            if chosen.names:
                _take(chosen)
    return 0


def _names(known: set[str]) -> set[str]:
    """Return the names of the command line. None means all walks."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("walks", nargs="*", metavar="WALK", help=", ".join(sorted(known)))
    asked = set[str](parser.parse_args().walks)
    if unknown := sorted(asked - known):
        parser.error(f"no walk is called {', '.join(unknown)}")
    return asked


def _empty_folder() -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    for old in SCREENS.glob("*.png"):
        old.unlink()


def _take(course: "Course") -> None:
    with (
        tempfile.TemporaryDirectory(prefix="screens-") as folder,
        running_stack(make_copy("sqlite", Path(folder)), course.settings) as stack,
        contextmanager(launch_browser)() as browser,
    ):
        for prepare in course.prepare:
            prepare(stack)
        for look in LOOKS:
            for walk in course.few if look.pages else (*course.few, *course.many):
                _walk(browser, stack, look, walk)
        for desk_walk in course.desk:
            desk_walk(browser, stack)


def _walk(browser: Browser, stack: Stack, look: Look, walk: "Walk") -> None:
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
        host = walk.__name__ != "open_web"
        walk(
            Customer(page, stack.base_url, host=host, language=look.locale[:2]),
            Photographer(page, look, stack),
        )


if __name__ == "__main__":
    sys.exit(main())
