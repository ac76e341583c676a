"""The pages that take a withdrawal or a cancellation by law, for somebody who is not signed in."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from orders.models import Declaration
from tests.builders import make_operator, make_order

TYPED = {
    "name": "Alice",
    "address": "Alice@Example.com",
    "contract": "abcde-12345",
    "note": "At the end of June.",
}
PAGES = ("/withdraw/", "/cancel/")


@pytest.fixture
def kestrel(db: None) -> None:
    make_operator(default_market="DE")


def to_confirm(browser: Client, page: str, **changes: str) -> Any:
    """Send the first page, and return the confirm page with what it will send."""
    answer = browser.post(page, TYPED | changes)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?step=confirm")
    confirm = browser.get(f"{page}?step=confirm")
    sent = dict(re.findall(r'type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', confirm.text))
    return confirm, sent


@pytest.mark.parametrize(
    ("page", "button"), [("/withdraw/", "Confirm withdrawal"), ("/cancel/", "Cancel now")]
)
def test_two_pages_lead_to_a_receipt_that_is_also_a_file(
    kestrel: None, client: Client, page: str, button: str
) -> None:
    confirm, sent = to_confirm(client, page)
    answer = client.post(page, sent)

    assert button in confirm.text
    assert (answer.status_code, answer.headers["location"]) == (303, "/declared/")
    declaration = Declaration.objects.get()
    assert (declaration.address, declaration.market) == ("alice@example.com", "DE")
    saved = client.get("/declared/file/")
    assert f"receipt-{declaration.reference}.html" in saved.headers["Content-Disposition"]
    for shown in (client.get("/declared/").text, saved.text):
        for text in ("abcde-12345", "At the end of June.", declaration.reference, "UTC"):
            assert text in shown
    # What was typed is not filled in for the next person.
    assert "abcde" not in client.get(page).text


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_are_the_same_whether_the_contract_exists_or_not(
    kestrel: None, alice: User, page: str
) -> None:
    known = {"contract": make_order(alice).number, "address": "alice@example.com"}
    unknown = {"contract": "0000000000", "address": "nobody@example.com"}

    def walk(typed: dict[str, str]) -> list[tuple[int, str]]:
        browser = Client()
        confirm, sent = to_confirm(browser, page, **typed)
        answers = [confirm, browser.post(page, sent), browser.get("/declared/")]
        return [(one.status_code, _without(one.text, typed)) for one in answers]

    assert walk(known) == walk(unknown)


def _without(page: str, typed: dict[str, str]) -> str:
    """Return the page without what was typed, its keys and its time."""
    for text in typed.values():
        page = page.replace(text, "")
    changing = r'value="[^"]{32,}"|<time.*</time>|<bdi class="figures".*</bdi>'
    return re.sub(changing, "", page)


def test_a_form_with_errors_comes_back_filled_in(kestrel: None, client: Client) -> None:
    answer = client.post("/cancel/", TYPED | {"address": "no address"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/cancel/")
    page = client.get("/cancel/").text
    assert "such as name@example.com" in page
    assert "abcde-12345" in page
    # Without a whole form there is nothing to confirm.
    assert 'name="key"' not in client.get("/cancel/?step=confirm").text


@pytest.mark.parametrize("changes", [{"key": "x"}, {"name": ""}])
def test_a_confirm_page_that_was_changed_declares_nothing(
    kestrel: None, client: Client, changes: dict[str, str]
) -> None:
    _confirm, sent = to_confirm(client, "/cancel/")

    assert client.post("/cancel/", sent | changes).status_code == 303
    assert not Declaration.objects.exists()


def test_who_sends_many_is_told_to_wait(kestrel: None, client: Client, settings: Settings) -> None:
    settings.DECLARATION_LIMIT = 1
    for _ in range(2):
        _confirm, sent = to_confirm(client, "/cancel/")
        answer = client.post("/cancel/", sent)

    assert answer.headers["location"] == "/cancel/"
    assert "Several of these forms were sent just now. Try again in" in client.get("/cancel/").text
    assert Declaration.objects.count() == 1


def test_the_fields_of_a_customer_who_is_signed_in_are_filled_in(
    kestrel: None, as_alice: Client, alice: User
) -> None:
    assert 'value="alice@example.com"' in as_alice.get("/cancel/").text
    order = make_order(alice)
    assert order.display_number in as_alice.get("/cancel/").text

    _confirm, sent = to_confirm(as_alice, "/cancel/")
    as_alice.post("/cancel/", sent)

    assert Declaration.objects.get().account == alice


def test_an_account_without_an_address_has_no_address_filled_in(
    kestrel: None, as_alice: Client, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(username="erased-1")
    alice.addresses.all().delete()

    assert 'name="address"' in as_alice.get("/withdraw/").text


@pytest.mark.parametrize("page", ["/declared/", "/declared/file/"])
def test_without_a_declaration_there_is_no_receipt(
    kestrel: None, client: Client, page: str
) -> None:
    assert client.get(page).headers["location"] == "/withdraw/"


@pytest.mark.parametrize(("market", "links"), [("DE", PAGES), ("GB", ("/withdraw/",)), ("US", ())])
def test_every_page_links_to_what_the_market_gives(
    kestrel: None, client: Client, market: str, links: tuple[str, ...]
) -> None:
    client.get(f"/?market={market}&location={market}")

    page = client.get("/support/").text

    assert tuple(link for link in PAGES if f'href="{link}"' in page) == links
