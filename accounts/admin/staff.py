"""Who works at the desk."""

from django.http import HttpRequest

from accounts.models import User


def staff_of(request: HttpRequest) -> User:
    """Return the member of staff who is signed in at the desk."""
    assert isinstance(request.user, User)  # noqa: S101 -- the desk is behind its own sign-in
    return request.user
