"""What surrounds every page for the sake of sign-ins."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.access.known_browsers import write_cookie
from accounts.access.sessions import end_if_expired


class SignInMiddleware:
    """End a sign-in that is too old, before any view sees the user. Remember new ones.

    It comes right after the authentication.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        end_if_expired(request)
        response = self.get_response(request)
        write_cookie(response, request)
        return response
