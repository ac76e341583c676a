"""Notices: what staff tell everybody, above the content of each page (docs/desk.md)."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.roles import SUPERVISOR, VIEWER
from brand.models import Notice
from brand.queries import last_read, operator_of_page
from tests.accounts.test_roles import make_staff
from tests.builders import make_notice, make_operator
from tests.orders.journey import LAUNCH

TEXT = "Top-ups are slow today."
PAGE = "/admin/brand/notice/"
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db
PAGES = [
    *("/sign-in/", "/sign-up/", "/support/", "/language/", "/cancel/", "/nothing/"),
    *("/options/", "/account/", "/account/security/"),
]


def over() -> dict[str, Any]:
    return {"starts_at": now() - HOUR, "ends_at": now()}


@pytest.mark.parametrize("address", PAGES)
def test_every_page_has_the_notice_once_above_its_heading(as_alice: Client, address: str) -> None:
    make_notice()
    as_alice.get(LAUNCH)
    browser = as_alice if address.startswith(("/options", "/account")) else Client()

    page = browser.get(address).text

    assert page.count(TEXT) == 1
    assert page.index('<main class="main"') < page.index(TEXT) < page.index("<h1>")


def test_a_notice_is_no_live_region_which_every_page_would_read_out_again() -> None:
    make_operator()
    make_notice(tone="warning")

    page = Client().get("/support/").text

    notice = page[page.index('<div class="notice') : page.index(TEXT)]
    assert "notice-warning" in notice
    assert ">Warning:</span>" in notice
    assert "role=" not in notice


def test_a_notice_is_shown_from_its_start_to_its_end() -> None:
    make_operator()
    make_notice(**over())
    make_notice(starts_at=now() + HOUR)
    assert TEXT not in Client().get("/support/").text

    make_notice(starts_at=now() - HOUR, ends_at=now() + HOUR)
    assert Client().get("/support/").text.count(TEXT) == 1


def test_warnings_come_first_then_the_newest() -> None:
    make_operator()
    for text, tone in (("One.", "warning"), ("Two.", "information"), ("Three.", "information")):
        make_notice(text=text, tone=tone)

    page = Client().get("/support/").text

    assert sorted(("One.", "Two.", "Three."), key=page.index) == ["One.", "Three.", "Two."]


def test_a_notice_is_in_the_customers_language_otherwise_in_english() -> None:
    make_operator()
    make_notice(translations={"de": "<Heute> dauert es länger."})

    in_german = Client(headers={"Accept-Language": "de"}).get("/support/").text
    in_french = Client(headers={"Accept-Language": "fr"}).get("/support/").text

    assert "&lt;Heute&gt; dauert es länger." in in_german
    assert TEXT in in_french


def test_without_a_notice_a_page_has_no_more_bytes_and_asks_no_more_queries() -> None:
    make_operator()
    make_notice(**over())

    with CaptureQueriesContext(connection) as asked:
        page = Client().get("/support/").text

    [one] = [query["sql"] for query in asked if "brand_notice" in query["sql"]]
    assert 'FROM "brand_operator"' in one
    assert '<main class="main" id="main" tabindex="-1">' in page
    between = page[page.index('tabindex="-1">') + len('tabindex="-1">') : page.index("<h1>")]
    assert between.strip() == ""


def test_the_page_of_an_outage_has_no_notice_because_it_asks_nothing() -> None:
    make_operator()
    make_notice()
    shown, has_notice = operator_of_page()
    assert (shown, has_notice) == (last_read(), True)

    context = {"page": {"title": "Away", "text": "x"}, "is_bare": True, "brand": last_read()}
    with CaptureQueriesContext(connection) as asked:
        page = render_to_string("error.html", context)

    assert TEXT not in page
    assert len(asked) == 0


# -- At the desk -----------------------------------------------------------------------------------


@pytest.fixture
def desk(client: Client) -> Client:
    make_operator()
    client.force_login(make_staff(SUPERVISOR))
    return client


def post(desk: Client, **changes: object) -> str:
    begun = now() - HOUR
    form = {
        "text": TEXT,
        "tone": "information",
        "starts_at_0": f"{begun:%Y-%m-%d}",
        "starts_at_1": f"{begun:%H:%M:%S}",
        **changes,
    }
    return desk.post(f"{PAGE}add/", form, follow=True).text


def test_a_supervisor_posts_a_notice_and_ends_it(desk: Client) -> None:
    post(desk, translations_fr="C'est lent.", is_at_desk="on")

    notice = Notice.objects.get()
    assert (notice.translations, str(notice)) == ({"fr": "C'est lent."}, TEXT)
    assert TEXT in Client().get("/support/").text

    desk.post(PAGE, {"action": "end_now", "_selected_action": [notice.pk]})
    assert TEXT not in Client().get("/support/").text
    assert LogEntry.objects.latest("pk").change_message == "Ended."


def test_the_desk_shows_only_what_is_for_staff_too(desk: Client) -> None:
    make_notice(text="For customers.")
    make_notice(text="For everybody.", is_at_desk=True, tone="warning")

    page = desk.get("/admin/").text

    assert page.count("For everybody.") == 1
    assert "For customers." not in page


def test_a_text_that_is_blank_or_too_long_is_refused(desk: Client) -> None:
    assert "This field is required." in post(desk, text=" ")
    assert "at most 300 characters" in post(desk, translations_de="x" * 301)
    assert not Notice.objects.exists()


def test_a_viewer_reads_notices_and_posts_none() -> None:
    make_operator()
    notice = make_notice()
    viewer = Client()
    viewer.force_login(make_staff(VIEWER))

    assert viewer.get(f"{PAGE}{notice.pk}/change/").status_code == 200
    assert "End now" not in viewer.get(PAGE).text
    assert viewer.post(f"{PAGE}add/", {"text": "x"}).status_code == 403
