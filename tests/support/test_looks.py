"""The page of the search on a large screen and on a small one, light and dark."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from typing import Literal
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, Route
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Profile
from mobileplans.models import LpaReport
from orders.models import Order
from support.models import StaffAction
from tests.browser import launch_browser
from tests.builders import make_visit
from tests.e2e.axe import findings
from tests.support.searching import TRANSACTION_ID, find
from tests.support.test_customer import at_the_desk, opened

pytestmark = [pytest.mark.django_db, pytest.mark.processes]
SITE, WIDTHS, HEIGHT = "http://desk.example", (1280, 800), 700
# In pixels: three rows.
HIGHEST_HEADER = 140
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def test_axe_finds_nothing_and_nothing_is_cut(
    desk: Client, order: Order, alice: User, settings: Settings
) -> None:
    customer = f"/customers/{alice.pk}/"
    error = {"code": "CardBusy", "code_as_sent": "CardBusy", "visit": make_visit()}
    LpaReport.objects.create(iccid=Profile.objects.get().sim.iccid, **error)
    covered = desk.get(customer).content
    wrong_answers = desk.post(customer, {"step": "check", "plan": "none"}).content
    desk.post(customer, {"step": "open", "reason": "Ticket 4711"})
    action = f"{customer}actions/end-sign-ins/{alice.pk}/"
    settings.FOUR_EYES = ["end-sign-ins"]
    supervisor = at_the_desk("supervisor")
    opened(supervisor, alice)
    supervisor.post(action, {"because": "Ticket 4711"})
    asked = StaffAction.objects.get()
    pages = {
        "/covered": covered,
        "/wrong-answers": wrong_answers,
        "/customer": supervisor.get(customer).content,
        "/action": supervisor.get(action).content,
        "/decision": supervisor.get(f"/decisions/{asked.pk}/").content,
        "/cases": supervisor.get("/cases/").content,
        "/case": supervisor.get(f"/cases/lpa-errors/{LpaReport.objects.get().pk}/").content,
        "/dashboard": supervisor.get("/dashboard/").content,
        "/home": desk.get("/admin/").content,
        "/found": find(desk, TRANSACTION_ID).content,
        "/nothing": find(desk, "no such thing").content,
    }

    # In the thread that runs Playwright, Django would take another connection to the database.
    with ThreadPoolExecutor(1) as thread:
        wrong = thread.submit(look_at, pages).result()

    assert wrong == []


def look_at(pages: dict[str, bytes]) -> list[str]:
    with contextmanager(launch_browser)() as browser:
        return [*_findings(browser, pages)]


def _findings(browser: Browser, pages: dict[str, bytes]) -> Iterator[str]:
    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        file = path.startswith("/static/") and finders.find(path.removeprefix("/static/"))
        if path in pages:
            route.fulfill(body=pages[path], content_type="text/html; charset=utf-8")
        elif file:
            route.fulfill(path=file)
        else:
            route.abort()

    for width, scheme in product(WIDTHS, SCHEMES):
        page = browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
        page.route(f"{SITE}/**", answer)
        for path in pages:
            page.goto(f"{SITE}{path}", wait_until="domcontentloaded")
            wrong = findings(page)
            header = page.locator("#header").bounding_box()
            if header is None or header["height"] > HIGHEST_HEADER:
                wrong.append("the header is too high")
            yield from (f"{path} {width} {scheme}: {found}" for found in wrong)
