"""What the tests of the journey's pages share: a launch, forms, and where an answer leads."""

from django.http import HttpResponseBase

from accounts.models import User
from mobileplans.models import Visit
from orders.models import Draft
from tests.builders import EID, make_draft
from tests.orders.conftest import APPROVED

LAUNCH = f"/?market=US&location=US&transactionId=T1&eid={EID}"


def where(response: HttpResponseBase) -> tuple[int, str]:
    return response.status_code, response.headers.get("Location", "")


def sent(draft: Draft, **fields: object) -> dict[str, object]:
    return {"draft": draft.pk, "version": draft.version, **fields}


def card(**changes: str) -> dict[str, str]:
    typed = {
        "method": "new",
        "number": APPROVED,
        "expiry": "12/40",
        "csc": "123",
        "holder": "Alice",
    }
    return {**typed, **changes}


def ready(account: User) -> Draft:
    return make_draft(account, visit=Visit.objects.latest("pk"))
