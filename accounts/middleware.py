"""What surrounds every page for the sake of sign-ins."""

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.access import second_factor
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


class SecondFactorMiddleware:
    """Let staff who have typed the password only be signed out, on every page.

    So no page of the desk can forget to ask. The page of the sign-in leads on to the one that takes
    the code. It comes right after `SignInMiddleware`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if second_factor.is_missing(request):
            page = reverse("second-factor")
            if request.path == reverse("admin:login"):
                return redirect(f"{page}?{request.GET.urlencode()}")
            if request.path not in {page, reverse("admin:logout")}:
                request.user = AnonymousUser()
        return self.get_response(request)
