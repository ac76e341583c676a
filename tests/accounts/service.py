"""The operator's codes in tests: what reached the phone, and what a worker does."""

import re

import pytest
from django.http import HttpRequest

from accounts.domain import codes, typed_codes
from accounts.models import CodeRequest, CodeServiceCall, TypedCode
from accounts.states import Purpose, TypedVerdict
from outbox.domain import RetryAfter
from tests.processing import process_task
from tests.providers import books

NUMBER = "+12025550142"
# A browser that asked for a code, and the row of its request.
Asked = tuple[HttpRequest, CodeRequest]


def process(row: CodeRequest) -> RetryAfter | None:
    """Let a worker send the code."""
    answer = process_task(codes.KIND, row.pk)
    row.refresh_from_db()
    return answer


def process_typed() -> RetryAfter | None:
    """Let a worker check what was typed last."""
    return process_task(typed_codes.KIND, TypedCode.objects.latest("pk").pk)


def texts(service: str) -> list[str]:
    """Return what reached the phone, newest first."""
    return [message["text"] for message in books(service)["messages"]]


def code_on(service: str) -> str:
    """Return the code that reached the phone last."""
    found = re.search(r"\d{6}", texts(service)[0])
    assert found
    return found[0]


def wrong(code: str) -> str:
    """Return another code."""
    return f"{(int(code) + 1) % 10**6:06}"


def outcomes(row: CodeRequest, operation: str = "send") -> list[str]:
    """Return the outcomes of the calls for this request."""
    calls = CodeServiceCall.objects.filter(request=row, operation=operation).order_by("pk")
    return [call.outcome for call in calls]


def type_code(request: HttpRequest, code: str, purpose: Purpose = Purpose.PROVE) -> TypedCode:
    """Type a code into the page, and return its row, which waits for a worker."""
    with pytest.raises(codes.CodeBeingChecked):
        codes.check_code(request, purpose, code)
    return TypedCode.objects.latest("pk")


def type_and_process(
    request: HttpRequest, code: str, purpose: Purpose = Purpose.PROVE
) -> TypedVerdict | None:
    """Type a code, let a worker check it, and return the service's verdict."""
    row = type_code(request, code, purpose)
    assert process_typed() is None
    return typed_codes.verdict_of(row.request)
