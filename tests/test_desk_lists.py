"""Each list of the desk shows all of its columns, on a large screen and on a small one."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.db.models import CharField, Field, Model, TextField
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Route

from accounts.models import User
from brand.models import Operator
from tests.browser import launch_browser
from tests.test_every_page import make_rows

pytestmark = pytest.mark.processes
SITE = "http://desk.example"
HEIGHT, WIDTHS = 800, (1280, 800)
LONG_ADDRESS = "wilhelmina.von-hohenstein@mail.some-company.example"
LONG_ID = "MSFT_4f1c09be7a2d4c55/+9e31.x"
# What staff read there may be this long.
LONG_TEXT = "The service answered 503 three times. Look at https://smdp.example/gsma/rsp2/es2plus"
TEXTS = ("last_error", "detail", "refusal", "note", "device", "transaction_id")
SHOW = """(page) => {
    const read = new DOMParser().parseFromString(page, "text/html");
    document.body.replaceWith(read.body);
    // The script that is not loaded here opens the menu.
    document.querySelector("#main").classList.add("shifted");
}"""
# A list is cut if it is wider than the box that it scrolls in, or the page than the window.
IS_CUT = """() => {
    const boxes = [document.querySelector("#changelist-form .results"), document.documentElement];
    return boxes.some((box) => box.scrollWidth > box.clientWidth);
}"""


@pytest.fixture
def lists(alice: User, clara: User) -> dict[str, bytes]:
    """Return the desk's lists by their address. Each has a row with long texts."""
    make_rows(alice)
    desks: dict[type[Model], Any] = admin.site._registry  # noqa: SLF001 -- no public list
    for model, desk in desks.items():
        texts = [field for field in model._meta.fields if _is_text_in(desk.list_display, field)]
        if changes := {field.name: _long(field) for field in texts}:
            model._default_manager.update(**changes)  # noqa: SLF001 -- Django documents it
    User.objects.filter(pk=alice.pk).update(username=LONG_ADDRESS)
    client = Client()
    client.force_login(clara)
    # The operator has no list: it is one row, and its address leads to that.
    return {
        address: client.get(address).content
        for model in desks
        if model is not Operator
        for address in [reverse(admin_name(model))]
    }


def admin_name(model: type[Model]) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"


def _is_text_in(columns: Sequence[str], field: "Field[object, object]") -> bool:
    is_text = isinstance(field, CharField | TextField) and not (field.choices or field.unique)
    return is_text and field.name in TEXTS and field.name in columns


def _long(field: "Field[object, object]") -> str:
    text = LONG_ID if field.name == "transaction_id" else LONG_TEXT
    return text[: field.max_length]


def test_no_list_of_the_desk_is_cut(lists: dict[str, bytes]) -> None:
    # In the thread that runs Playwright, Django would take another connection to the database.
    with ThreadPoolExecutor(1) as thread:
        cut = thread.submit(find_cut, lists).result()

    assert cut == []


def find_cut(lists: dict[str, bytes]) -> list[str]:
    """Look at each list in a browser, and return those that are cut."""
    cut = []
    with contextmanager(launch_browser)() as browser:
        page = browser.new_page()
        page.route(f"{SITE}/**", style_sheet)
        # All lists have the same style sheets, so they are loaded once.
        page.set_content(first_of(lists), wait_until="load")
        for address, content in lists.items():
            page.evaluate(SHOW, content.decode())
            assert page.locator("#result_list tbody tr").count(), address
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                cut += [f"{address} at {width}"] if page.evaluate(IS_CUT) else []
    return cut


def first_of(lists: dict[str, bytes]) -> str:
    """Return a page whose style sheets have addresses that the browser asks for."""
    page = next(iter(lists.values())).decode()
    return page.replace("<head>", f'<head><base href="{SITE}">')


def style_sheet(route: Route) -> None:
    """Answer the browser, which needs no scripts and no pictures here."""
    path = urlsplit(route.request.url).path
    file = finders.find(path.removeprefix("/static/")) if path.endswith(".css") else None
    if file:
        route.fulfill(path=file)
    else:
        route.abort()
