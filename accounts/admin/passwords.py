"""How staff get and change their own password. No page shows or sets anybody else's."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.access.limiter import Locked
from accounts.admin.staff import staff_of
from accounts.domain import password_links
from accounts.domain import sign_in as domain
from accounts.forms import DeskPasswordChangeForm, DeskPasswordForm
from accounts.models import User
from accounts.texts import too_many_text
from messages.domain.budget import NotAllowed


@require_http_methods(["GET", "HEAD", "POST"])
def password_link(request: HttpRequest, object_id: str) -> HttpResponse:
    """Give one of the staff a link to set a password: shown once, or sent by mail."""
    actor = staff_of(request)
    user = get_object_or_404(User, pk=object_id) if object_id.isdecimal() else None
    if user is None or not password_links.may_give(actor, user):
        raise PermissionDenied
    context: dict[str, Any] = {"user_of_link": user, "can_mail": "@" in user.username}
    if request.method != "POST":
        return _render(request, "password_link.html", "Password link", context)
    page = request.build_absolute_uri(reverse("set-password")) + "?link="
    by_mail = "mail" in request.POST
    try:
        token = password_links.give(user, actor=actor, page=page, by_mail=by_mail)
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect(request.path)
    if by_mail:
        messages.success(request, f"The link is being sent to {user.username}.")
        return redirect("admin:accounts_user_change", object_id=user.pk)
    return _render(
        request, "password_link.html", "Password link", {**context, "link": page + token}
    )


@sensitive_post_parameters("new", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: HttpRequest) -> HttpResponse:
    """Let the holder of a link set a password. The desk's sign-in is the next page.

    The link's secret is in the query, which no log has, and then in the form.
    """
    token = request.POST.get("link") or request.GET.get("link", "")
    try:
        user = password_links.find(token)
        form = DeskPasswordForm(request.POST or None)
        if form.is_valid() and _set_password(form, token):
            messages.success(request, "Your password is set. Sign in with it.")
            return redirect("admin:login")
    except password_links.LinkOver:
        return _render(request, "set_password.html", "Set your password", {}, status=404)
    context = {"form": form, "link": token, "user_name": user.user.username}
    return _render(request, "set_password.html", "Set your password", context)


def _set_password(form: DeskPasswordForm, token: str) -> bool:
    try:
        password_links.set_password(token, form.cleaned_data["new"])
    except ValidationError as error:
        form.add_error("new", error)
        return False
    return True


@sensitive_post_parameters("current", "new", "again")
@admin.site.admin_view
def change_password(request: HttpRequest) -> HttpResponse:
    """Let staff change their own password. Wrong current ones are counted, as in the portal."""
    form = DeskPasswordChangeForm(request.POST or None)
    if form.is_valid():
        current, new = form.cleaned_data["current"], form.cleaned_data["new"]
        try:
            domain.change_password(request, staff_of(request), current=current, new=new)
        except domain.WrongCredentials:
            form.add_error("current", "This is not your current password.")
        except Locked as locked:
            form.add_error("current", too_many_text(locked))
        except ValidationError as error:
            form.add_error("new", error)
        else:
            return redirect("admin:password_change_done")
    return _render(request, "change_password.html", "Change your password", {"form": form})


def _render(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), "title": title, **context}
    return render(request, f"admin/accounts/{template}", whole, status=status)
