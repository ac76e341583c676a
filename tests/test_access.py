"""Everybody opens every route: only the people that docs/access.md names are let in."""

from collections.abc import Callable
from http.cookies import SimpleCookie
from itertools import islice

import pytest
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import get_resolver
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Profile
from orders.models import Order
from orders.states import OrderState
from subscriptions.models import Subscription
from tests.access import NOT_FOUND, PAGE, PEOPLE, REFUSED, SIGN_IN, STAFF, Step, steps
from tests.accounts.test_roles import make_staff
from tests.every_page import address_filler, all_routes
from tests.test_every_page import make_rows

pytestmark = pytest.mark.django_db
# The host's own pages, which only the demo has.
SIMULATOR = ("/simulator/", "/demo/")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def fill(alice: User, settings: Settings) -> Callable[[str], str]:
    """Return a function that names Alice's rows in a route."""
    settings.API_WITHOUT_CERTIFICATE = False
    make_rows(alice)
    # An eSIM can be installed once it is sold.
    Order.objects.update(
        state=OrderState.COMPLETED,
        profile=Profile.objects.get(),
        subscription=Subscription.objects.get(),
        charge_decided_at=now(),
        completed_at=now(),
    )
    return address_filler()


def test_every_route_stands_in_the_table() -> None:
    routes = {route for route, _pattern in all_routes(get_resolver().url_patterns)}

    assert {route for route in routes if not route.startswith(SIMULATOR)} == {
        step.route for step in steps()
    }


# Python runs half as long again while its branches are measured. The administrator opens all pages
# of the desk. What agents and viewers may do is tested in `tests.accounts.test_roles` too.
MARKS = {
    "administrator": (),
    "agent": (pytest.mark.no_cover, pytest.mark.long),
    "viewer": (pytest.mark.no_cover, pytest.mark.long),
}


# The desk has so many pages that each walk through it is cut in parts.
PARTS = 3


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(
    "person",
    [pytest.param(person, marks=MARKS.get(person, pytest.mark.no_cover)) for person in PEOPLE],
)
def test_everybody_meets_what_the_table_says(
    person: str, part: int, fill: Callable[[str], str], alice: User, bob: User
) -> None:
    client = Client(raise_request_exception=False)
    if account := {"customer": alice, "another customer": bob}.get(person):
        client.force_login(account)
    elif person in STAFF:
        client.force_login(make_staff(person))

    wrong = []
    for step in islice(steps(), part, None, PARTS):
        met = go(client, step, fill(step.route))
        expected = step.meets[PEOPLE.index(person)]
        if met not in (expected, None):
            wrong.append(f"{step.method} {step.route}: {met}, not {expected}")

    assert not wrong, "\n".join(wrong)


def go(client: Client, step: Step, address: str) -> str | None:
    """Return what the person meets, or None if the route does not know the method.

    What the request changes is undone.
    """
    cookies = {name: cookie.value for name, cookie in client.cookies.items()}
    undone = transaction.atomic()
    # A view may demand that it is in no transaction but a test's own.
    undone._from_testcase = True  # type: ignore[attr-defined]  # noqa: SLF001 -- as Django's TestCase does
    with undone:
        answer = client.generic(step.method, address, content_type=FORM)
        transaction.set_rollback(True)
    client.cookies = SimpleCookie(cookies)
    return verdict(answer, address)


def verdict(answer: HttpResponseBase, address: str) -> str | None:
    location = answer.headers.get("Location", "")
    if answer.status_code == 405 or (location == address and "?" not in address):
        return None
    if "?next=" in location:
        return SIGN_IN
    if answer.status_code == 404:
        return NOT_FOUND
    if answer.status_code in (400, 401, 403):
        return REFUSED
    return PAGE if answer.status_code < 400 else str(answer.status_code)
