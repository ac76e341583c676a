"""One-time codes in tests: ask for one, let the worker send it, and read it from its message."""

from typing import Any

from django.http import HttpRequest
from django.test import RequestFactory

from accounts.domain import addresses, code_sending, codes
from accounts.models import Address, CodeRequest, User
from accounts.states import Purpose
from messages.models import Message
from messages.states import Occasion
from moportal.web.sessions import SessionStore
from tests.processing import process_task


def a_request(*, transaction_id: str = "visit-1", **session: Any) -> HttpRequest:
    """Return a request of a browser of its own, in this visit."""
    request = RequestFactory().post("/")
    request.session = SessionStore()
    request.session.update({"transaction_id": transaction_id, **session})
    return request


def send_code(asked: CodeRequest | None = None) -> str:
    """Let a worker send this code, or the newest one, and return it. Empty: nothing was sent."""
    asked = asked or CodeRequest.objects.latest("pk")
    process_task(codes.KIND, asked.pk)
    key = code_sending.message_key(asked)
    message = Message.objects.filter(occasion=Occasion.CODE, key=key).first()
    return message.code if message else ""


def ask(
    account: User, address: str, *, purpose: Purpose = Purpose.PROVE
) -> tuple[HttpRequest, CodeRequest, str]:
    """Ask for a code and let it be sent. Return the browser's request, the row, and the code."""
    request = a_request()
    asked = codes.request_code(request, purpose, address, account=account)
    code = send_code(asked)
    asked.refresh_from_db()
    return request, asked, code


def prove(account: User, address: str) -> Address:
    """Let the account prove the address by a code."""
    request, _asked, code = ask(account, address)
    asked = codes.check_code(request, Purpose.PROVE, code, account=account)
    return addresses.prove(request, account, asked)
