"""Customers, and the cards that Stripe keeps for them."""

from http import HTTPStatus
from typing import Any

from simulators.keys import Reply
from simulators.stripe import cards
from simulators.stripe.books import Books, Object
from simulators.stripe.errors import ApiError, missing


def create(books: Books) -> Reply:
    return HTTPStatus.OK, books.add("customer", "cus", {"email": None})


def attach_to_new(books: Books, method: Object, *about: Object) -> None:
    """Keep a card for a new customer, and name the customer in these objects.

    The caller saves these objects.
    """
    customer = books.add("customer", "cus", {"email": "customer@example.com"})
    for one in (method, *about):
        one["customer"] = customer["id"]
    books.save(method)


def attach(books: Books, identifier: str, form: dict[str, Any]) -> Reply:
    """Keep a card for a customer."""
    method = cards.find_method(books, identifier)
    if method is None or books.get(str(form.get("customer"))) is None:
        raise missing(identifier)
    method["customer"] = form["customer"]
    books.save(method)
    return HTTPStatus.OK, method


def detach(books: Books, identifier: str) -> Reply:
    """Detach a card from its customer, so that it can never be charged again."""
    method = books.get(identifier)
    if method is None:
        raise missing(identifier)
    if method["customer"] is None:
        raise ApiError("The card is not attached to a customer")
    method.update(customer=None, _detached=True)
    books.save(method)
    return HTTPStatus.OK, method
