"""`/account/lines/link/`: link a line that the customer has with the operator to the account.

The customer types the number or the code from a bill, then the code that goes to the number. While
a worker asks the customer system, the page waits, also without script.
"""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import texts
from accounts.access.limiter import Locked
from accounts.domain import codes
from accounts.forms import CodeForm
from accounts.models import User
from accounts.states import Purpose
from accounts.views.codes import ask_for_code, code_context, shows_code_error
from accounts.views.shared import market_of
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from orders.views.steps import customer_only, redirect_to
from selfcare.forms import LinkLineForm
from subscriptions.domain import linking
from subscriptions.models import LineLink
from subscriptions.states import LinkState, Refusal

WHY_NOT_LINKED = {
    Refusal.UNKNOWN: gettext_lazy(
        "We found no line with this number or code. Check what you typed, or try the other of "
        "the two."
    ),
    Refusal.NOT_PROVEN: gettext_lazy(
        "The number isn't confirmed any more. Someone else may have confirmed it, or it changed "
        "hands. Confirm it again."
    ),
    Refusal.UNANSWERED: gettext_lazy(
        "The system that knows your lines didn't answer for a day. Try again later."
    ),
    Refusal.REFUSED: gettext_lazy("This line can't be added here. Contact our support team."),
}
# After this many failed attempts the page says that it takes longer.
PATIENCE = 2


@sensitive_post_parameters("bill_code")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(LinkLineForm)
@customer_only
def begin(request: HttpRequest, user: User) -> HttpResponse:
    """Take the number, the code from a bill, or both, and send a code to the number."""
    if not linking.is_offered():
        return redirect_to("account")
    if request.method != "POST":
        form = restore_form(request, LinkLineForm, {"phone": request.GET.get("phone", "")})
        context = {"form": form, "back_url": reverse("account")}
        return render(request, "selfcare/link_line.html", context)

    form = LinkLineForm(request.POST, market=market_of(request))
    link = _begin(request, user, form) if form.is_valid() else None
    if link is None:
        return redirect_back(request, form)
    forget_form(request)
    return redirect_to("link-code") if _has_code(request, link) else redirect_to("link", link.key)


def _begin(request: HttpRequest, user: User, form: LinkLineForm) -> LineLink | None:
    """Begin to link, and ask for the code. If that fails, the form says why."""
    number, bill_code = form.cleaned_data["phone"], form.cleaned_data["bill_code"]
    try:
        link = linking.begin(user, number=number, bill_code=bill_code)
    except Locked as locked:
        form.add_error("bill_code", texts.too_many_text(locked))
        return None
    is_proving = link.state == LinkState.PROVING
    error = ask_for_code(request, Purpose.LINK, link.number, user) if is_proving else ""
    if error:
        form.add_error("phone", error)
    return None if error else link


def _has_code(request: HttpRequest, link: LineLink) -> bool:
    asked = codes.find_request(request, Purpose.LINK, account=link.account)
    return link.state == LinkState.PROVING and asked is not None and asked.address == link.number


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def progress(request: HttpRequest, user: User, link: UUID) -> HttpResponse:
    """Wait for the customer system, then lead to the account. A POST sends the code."""
    mine = LineLink.objects.select_related("account")
    row = get_object_or_404(mine, account=user, key=link)
    if row.state == LinkState.PROVING:
        return _offer_code(request, row)
    if request.method == "POST":
        return redirect_to("link", row.key)
    if row.state == LinkState.LAPSED:
        return redirect_to("link-line")
    if row.state == LinkState.LINKED:
        _say_linked(request, row)
        return redirect_to("account")
    context = {
        "phase": "refused" if row.state == LinkState.REFUSED else "waiting",
        "is_slow": row.tries >= PATIENCE,
        "why_not": WHY_NOT_LINKED[Refusal(row.refusal)] if row.refusal else "",
        "back_url": reverse("link-line"),
    }
    return render(request, "selfcare/link_progress.html", context)


def _offer_code(request: HttpRequest, link: LineLink) -> HttpResponse:
    """Send a one-time code to the number that belongs to the code from the bill."""
    if request.method == "POST" or _has_code(request, link):
        error = ""
        if not _has_code(request, link):
            error = ask_for_code(request, Purpose.LINK, link.number, link.account)
        if not error:
            return redirect_to("link-code")
        messages.warning(request, error)
        return redirect_to("link", link.key)
    context = {"phase": "found", "last4": link.number[-4:], "back_url": reverse("link-line")}
    return render(request, "selfcare/link_progress.html", context)


def _say_linked(request: HttpRequest, link: LineLink) -> None:
    last4 = {"last4": link.number[-4:]}
    messages.success(request, _("The line ending in %(last4)s is in your account.") % last4)
    if link.is_bill_code_right is False:
        messages.warning(
            request,
            _(
                "The code from the bill isn't right, so you can see the line and top it up, but "
                "not change it."
            ),
        )


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(CodeForm)
@customer_only
def enter_code(request: HttpRequest, user: User) -> HttpResponse:
    """Wait until the code was sent, then take it. It proves the number."""
    asked = codes.find_request(request, Purpose.LINK, account=user)
    if asked is None:
        return redirect_to("link-line")
    if request.method != "POST":
        context = code_context(request, asked, page="link-code", others="link-line")
        # Somebody who types the code from a stranger's bill must not learn its number.
        context["address"] = f"•••• {asked.address[-4:]}"
        context["others_text"] = _("Use another number")
        return render(request, "selfcare/code.html", context)
    form, link = CodeForm(request.POST), None
    try:
        if form.is_valid():
            with shows_code_error(form):
                typed = form.cleaned_data["code"]
                asked = codes.check_code(request, Purpose.LINK, typed, account=user)
                link = linking.confirm(user, asked)
    except codes.CodeBeingChecked:
        return redirect_to("link-code")
    if link is None:
        return redirect_back(request, form)
    codes.forget(request, Purpose.LINK)
    forget_form(request)
    return redirect_to("link", link.key)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def send_again(request: HttpRequest, user: User) -> HttpResponse:
    """Send a new code to the same number. A GET only leads to the page of the code."""
    asked = codes.find_request(request, Purpose.LINK, account=user)
    if request.method == "POST" and asked is not None:
        error = ask_for_code(request, Purpose.LINK, asked.address, user)
        if error:
            messages.warning(request, error)
    return redirect_to("link-code")
