"""What the tests of a recovery by staff do at the desk."""

from typing import Any

from django.http import HttpRequest
from django.test import RequestFactory

from accounts.domain import staff_recovery
from accounts.models import StaffRecovery, User
from tests.accounts.test_password_links import browser_of

REASON = "Has lost the phone. Ticket 17."
NEW = "another long pass phrase"


def request_of(user: User) -> HttpRequest:
    request = RequestFactory().post("/")
    request.user = user
    return request


def page_of(row: StaffRecovery) -> str:
    return f"/admin/accounts/staffrecovery/{row.pk}/change/"


def take_step(user: User, row: StaffRecovery, step: str, **form: Any) -> str:
    """Return the page after a step by this user."""
    answer = browser_of(user).post(page_of(row), {"step": step, **form}, follow=True)
    row.refresh_from_db()
    return answer.text


def read_out(row: StaffRecovery, asker: User, second: User) -> str:
    """Return the code of a recovery to which a second person has agreed."""
    staff_recovery.ask_second_person(row, actor=asker)
    staff_recovery.approve(row, actor=second, request=request_of(second))
    return staff_recovery.show_code(row, actor=asker)
