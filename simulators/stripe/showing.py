"""How an answer shows an object: without the stand-in's own fields, expanded where asked."""

from typing import Any

from simulators.stripe.books import Books, Object


def shown(found: Any) -> Any:
    """Return a value without the fields whose names begin with an underscore."""
    if isinstance(found, dict):
        return {name: shown(part) for name, part in found.items() if name[:1] != "_"}
    if isinstance(found, list):
        return [shown(part) for part in found]
    return found


def expand(books: Books, found: Object, paths: list[str]) -> Object:
    """Put objects in place of their ids along each path, such as `payment_intent.latest_charge`."""
    for path in paths:
        _expand(books, found, path.split("."))
    return found


def _expand(books: Books, place: Any, path: list[str]) -> None:
    if isinstance(place, list):
        for member in place:
            _expand(books, member, path)
    elif isinstance(place, dict) and path and place.get(path[0]):
        if isinstance(place[path[0]], str):
            place[path[0]] = books.get(place[path[0]])
        _expand(books, place[path[0]], path[1:])
