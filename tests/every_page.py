"""Open every page of the face that this process serves: `python -m tests.every_page PEOPLE`.

PEOPLE names the accounts, as JSON: a name, and the key of the account or null. The answers are
printed, as JSON. `tests/test_every_page.py` starts this process once for each face.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig
from django.core.signals import request_finished, request_started
from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.http import Http404
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

HOST = "portal.kestrel.example"
TOKEN = "a" * 32
# What these people send to every page besides GET. An empty POST shows the form's errors. The face
# `all` has the pages of the others, so GET is enough there.
METHODS = {
    "anonymous": ("HEAD", "POST", "PUT"),
    "customer": ("POST",),
    "administrator": ("POST",),
}
# What a view raises, and the status of the answer.
FAULTS: list[tuple[type[Exception], int]] = [
    (BadRequest, 400),
    (RequestDataTooBig, 400),
    (PermissionDenied, 403),
    (Http404, 404),
    (ZeroDivisionError, 500),
    (OperationalError, 503),
    (InterfaceError, 503),
]
_planted: list[type[Exception]] = []
Answer = dict[str, Any]


def main() -> None:
    # Pages need no collected files then.
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    django.setup(set_prefix=False)
    # They would close the connection whose transaction undoes each request.
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    routes = list(all_routes(get_resolver().url_patterns))
    for _template, route in routes:
        route.callback = _may_fail(route.callback)
    # The application looks up some views when it is imported.
    from moportal.wsgi import application  # noqa: PLC0415 -- see above

    fill = address_filler()
    addresses = sorted({fill(template) for template, _route in routes})
    cookies = {person: sign_in(key) for person, key in json.loads(sys.argv[1]).items()}
    answers = [
        {"person": person, **ask(application, method, address, cookie=cookie)}
        for person, cookie in cookies.items()
        for address in [*addresses, "/nothing/", "/admin/nothing/", "/v1/nothing"]
        for method in ("GET", *(METHODS.get(person, ()) if settings.FACE != "all" else ()))
    ]
    print(json.dumps({"answers": answers, "errors": list(errors(application, addresses))}))  # noqa: T201 -- its result


def errors(application: Any, addresses: list[str]) -> Iterator[Answer]:
    """Ask for every page while its view fails, and with a host name that is not the portal's.

    The API does not check the name, because it makes no addresses from it.
    """
    for number, address in enumerate(addresses):
        for fault, status in faults_of(number):
            _planted[:] = [fault]
            yield {"expected": status, **ask(application, "GET", address)}
        _planted.clear()
        if settings.FACE != "api":
            yield {"expected": 400, **ask(application, "GET", address, host="other.example")}


def faults_of(number: int) -> list[tuple[type[Exception], int]]:
    """Return what the view of the page with this number raises.

    The faces `portal` and `desk` have so many pages that each fault meets many of them in turn.
    """
    if settings.FACE in {"portal", "desk"}:
        return [FAULTS[number % len(FAULTS)]]
    return FAULTS


def all_routes(
    patterns: list[URLPattern | URLResolver], before: str = "/"
) -> Iterator[tuple[str, URLPattern]]:
    """Yield each route with its address, in which `<name>` stands for an argument."""
    for pattern in patterns:
        address = before + _template(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from all_routes(pattern.url_patterns, address)
        else:
            yield address, pattern


def _template(route: str) -> str:
    named = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route)
    return re.sub(r"<\w+:(\w+)>", r"<\1>", named).removeprefix("^").removesuffix("$")


def address_filler() -> Callable[[str], str]:
    """Return a function that replaces the arguments of an address by those of stored rows."""
    from django.contrib import admin  # noqa: PLC0415 -- needs the settings
    from django.contrib.contenttypes.models import ContentType  # noqa: PLC0415 -- the same

    from accounts.models import Export  # noqa: PLC0415 -- the same
    from brand.models import Operator  # noqa: PLC0415 -- the same
    from esim.models import Sim  # noqa: PLC0415 -- the same
    from mobileplans.models import LpaReport  # noqa: PLC0415 -- the same
    from orders.models import Order  # noqa: PLC0415 -- the same
    from payments.models import CardPage  # noqa: PLC0415 -- the same
    from plans.models import Plan  # noqa: PLC0415 -- the same
    from subscriptions.models import LineLink, Subscription  # noqa: PLC0415 -- the same
    from support.models import StaffAction  # noqa: PLC0415 -- the same

    models = {
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/": model
        for model in admin.site._registry  # noqa: SLF001 -- no public list
    }
    order, sim = Order.objects.get(), Sim.objects.order_by("pk")[0].iccid
    values = {
        "number": order.number,
        "account": order.account_id,
        "row": order.account_id,
        "asked": StaffAction.objects.get().pk,
        "key": CardPage.objects.get().key,
        "made": Export.objects.get().key,
        "link": LineLink.objects.get().key,
        "reference": Subscription.objects.get().reference,
        "code": "ABCD-EFGH",
        "what": "done",
        "sheet": "journey",
        "version": "now",
        "name": "simulator",
        "pk": Plan.objects.order_by("pk")[0].pk,
        "sim": sim,
        "app_label": "orders",
        "url": "nothing",
        "content_type_id": ContentType.objects.get_for_model(Order).pk,
    }

    rows = rows_of_customer()
    rows["/logo/"] = {"name": Operator.objects.get().initials[0].name}
    rows["/actions/"] = {"name": "end-sign-ins"}
    rows["/cases/"] = {"kind": "lpa-errors", "row": LpaReport.objects.order_by("pk")[0].pk}

    def fill(template: str) -> str:
        model = next((models[start] for start in models if template.startswith(start)), Order)
        row = model.objects.first()  # type: ignore[attr-defined]  # each model of the desk has it
        number = next((rows[part] for part in rows if part in template), {})
        known = {**values, **number, "object_id": getattr(row, "pk", 0)}
        return re.sub(r"<(\w+)>", lambda found: str(known[found[1]]), template)

    return fill


def rows_of_customer() -> dict[str, dict[str, Any]]:
    """Return a row's number for each part of an address that does not mean an order."""
    from accounts.models import (  # noqa: PLC0415 -- needs the settings
        AccountMessage,
        Address,
        OidcIdentity,
    )
    from payments.models import CreditNote, PaymentMethod, Receipt  # noqa: PLC0415 -- the same
    from plans.models import Plan  # noqa: PLC0415 -- the same
    from subscriptions.models import SimOnLine  # noqa: PLC0415 -- the same

    models: dict[str, Any] = {
        "/methods/": PaymentMethod,
        "/account/messages/": AccountMessage,
        "/account/addresses/": Address,
        "/account/security/operator/": OidcIdentity,
        "/devices/": SimOnLine,
        "/change/": Plan,
    }
    documents = {
        "/account/receipts/": Receipt.objects.get(),
        "/account/credit-notes/": CreditNote.objects.get(),
    }
    return {
        **{part: {"number": model.objects.order_by("pk")[0].pk} for part, model in models.items()},
        **{part: {"number": str(document)} for part, document in documents.items()},
    }


def ask(
    application: Any, method: str, address: str, *, cookie: str = "", host: str = HOST
) -> Answer:
    """Return the answer of the WSGI application. What the request changes is undone."""
    environ = (
        RequestFactory()
        .generic(
            method,
            address,
            headers={
                "Host": host,
                "X-Forwarded-Proto": "https",
                "Referer": f"https://{HOST}/",
                "Cookie": f"{settings.CSRF_COOKIE_NAME}={TOKEN}; {cookie}",
                "X-CSRFToken": TOKEN,
            },
            content_type="application/x-www-form-urlencoded",
        )
        .environ
    )
    started: list[Any] = []
    undone = transaction.atomic()
    # As Django's TestCase does: a count that must be committed at once is undone here too.
    undone._from_testcase = True  # type: ignore[attr-defined]  # noqa: SLF001 -- no public name
    with undone:
        body = application(environ, lambda *status_and_headers: started.extend(status_and_headers))
        content = b"".join(body)
        getattr(body, "close", lambda: None)()
        transaction.set_rollback(True)
    status, headers = int(started[0][:3]), dict(started[1])
    return {
        "method": method,
        "address": address,
        "status": status,
        "headers": headers,
        "has_content": bool(content),
    }


def sign_in(key: int | None) -> str:
    """Return the session cookie of a new session of this account."""
    from accounts.models import User  # noqa: PLC0415 -- needs the settings

    if key is None or settings.FACE == "api":
        return ""
    client = Client()
    client.force_login(User.objects.get(pk=key))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _may_fail(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def planted(*args: Any, **kwargs: Any) -> Any:
        for fault in _planted:
            raise fault("planted by the test")
        return view(*args, **kwargs)

    return planted


if __name__ == "__main__":
    main()
