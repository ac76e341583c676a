"""`/account/addresses/`: the customer's email addresses and phone numbers.

An address is added by a code that goes to it. Each change asks for the password or a code again,
except the proof of the address with which the customer signs in.
"""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain import addresses, codes, reentry
from accounts.forms import AddressForm, CodeForm
from accounts.identifier import is_identifier
from accounts.models import Address, User
from accounts.states import Purpose
from accounts.views.codes import ask_for_code, code_context, shows_code_error
from accounts.views.shared import market_of, own_target, redirect_to_next, redirect_to_page
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from orders.views.steps import after_reentry, customer_only, redirect_to, redirect_to_reentry

TOO_MANY = gettext_lazy("You have several addresses already. Remove one first.")


@require_safe
@customer_only
def overview(request: HttpRequest, user: User) -> HttpResponse:
    """List the addresses with what can be done with each."""
    context = {
        "rows": [_row(address, user) for address in addresses.addresses_of(user)],
        "has_identifier": is_identifier(user.username),
        "back_url": reverse("security"),
    }
    return render(request, "selfcare/addresses.html", context)


def _row(address: Address, user: User) -> dict[str, Any]:
    is_identifier_now = address.value == user.username
    is_proven, is_lost = address.proven_at is not None, address.lost_at is not None
    return {
        "address": address,
        "is_identifier": is_identifier_now,
        "may_prove": not is_proven,
        "may_sign_in": is_proven and not is_identifier_now,
        "may_remove": not is_identifier_now and not is_lost,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(AddressForm)
@customer_only
@after_reentry
def add(request: HttpRequest, user: User) -> HttpResponse:
    """Send a code to a new address. The account gets the address when the code is typed."""
    if request.method != "POST":
        form = restore_form(request, AddressForm, {})
        context = {"form": form, "back_url": reverse("addresses")}
        return render(request, "selfcare/address_add.html", context)
    form = AddressForm(request.POST, market=market_of(request))
    if form.is_valid():
        try:
            addresses.check_room(user, form.cleaned_data["address"])
            error = ask_for_code(request, Purpose.PROVE, form.cleaned_data["address"], user)
        except addresses.TooMany:
            error = str(TOO_MANY)
        if not error:
            forget_form(request)
            return redirect_to_page("address-code", "")
        form.add_error("address", error)
    return redirect_back(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def prove(request: HttpRequest, user: User, number: int) -> HttpResponse:
    """Offer to send a code to an address of the account, and send it."""
    address = _own(user, number)
    target = request.POST.get("next") or request.GET.get("next", "")
    if address.value != user.username and not reentry.is_fresh(request):
        return redirect_to_reentry(request)
    if address.proven_at is not None:
        return redirect_to_next(target, default="addresses")
    if request.method == "POST":
        error = ask_for_code(request, Purpose.PROVE, address.value, user)
        if not error:
            return redirect_to_page("address-code", target)
        messages.warning(request, error)
        return redirect_to("address-prove", number, query=request.GET.urlencode())
    back_url = own_target(target) or reverse("addresses")
    context = {"address": address, "next": target, "back_url": back_url}
    return render(request, "selfcare/address_prove.html", context)


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(CodeForm)
@customer_only
def enter_code(request: HttpRequest, user: User) -> HttpResponse:
    """Wait until the code was sent, then check what was typed, and add the address."""
    asked = codes.find_request(request, Purpose.PROVE, account=user)
    if asked is None:
        return redirect_to("addresses")
    if request.method != "POST":
        context = code_context(request, asked, page="address-code", others="addresses")
        return render(request, "selfcare/code.html", context)
    form = CodeForm(request.POST)
    try:
        if form.is_valid():
            _take_code(request, user, form)
    except codes.CodeBeingChecked:
        return redirect_to_page("address-code", form.cleaned_data["next"])
    if form.errors:
        return redirect_back(request, form)
    codes.forget(request, Purpose.PROVE)
    forget_form(request)
    messages.success(request, _("Confirmed: %(address)s") % {"address": asked.address})
    return redirect_to_next(form.cleaned_data["next"], default="addresses")


def _take_code(request: HttpRequest, user: User, form: CodeForm) -> None:
    with shows_code_error(form):
        typed = form.cleaned_data["code"]
        asked = codes.check_code(request, Purpose.PROVE, typed, account=user)
        try:
            addresses.prove(request, user, asked)
        except addresses.TooMany:
            form.add_error("code", TOO_MANY)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def send_again(request: HttpRequest, user: User) -> HttpResponse:
    """Send a new code to the same address. A GET only leads to the page of the code."""
    target = request.POST.get("next", "")
    asked = codes.find_request(request, Purpose.PROVE, account=user)
    if request.method == "POST" and asked is not None:
        error = ask_for_code(request, Purpose.PROVE, asked.address, user)
        if error:
            messages.warning(request, error)
    return redirect_to_page("address-code", target)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
@after_reentry
def remove(request: HttpRequest, user: User, number: int) -> HttpResponse:
    """Remove an address, after a page that asks the customer to confirm."""
    address = _own(user, number)
    if request.method != "POST":
        context = {"address": address, "back_url": reverse("addresses")}
        return render(request, "selfcare/address_remove.html", context)
    try:
        addresses.remove(request, user, address)
    except addresses.CannotRemove:
        text = _("You use this address to sign in. First choose another one to sign in with.")
        messages.warning(request, text)
    else:
        messages.info(request, _("Removed: %(address)s") % {"address": address.value})
    return redirect_to("addresses")


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
@after_reentry
def sign_in_with(request: HttpRequest, user: User, number: int) -> HttpResponse:
    """Let the customer sign in with another proven address from now on."""
    address = _own(user, number)
    if address.proven_at is None:
        return redirect_to("addresses")
    if request.method != "POST":
        context = {"address": address, "back_url": reverse("addresses")}
        return render(request, "selfcare/address_sign_in.html", context)
    try:
        addresses.sign_in_with(request, user, address)
    except addresses.AddressTaken:
        messages.warning(request, _("You can't sign in with this address. Choose another one."))
    else:
        messages.info(request, _("You now sign in with %(address)s.") % {"address": address.value})
    return redirect_to("addresses")


def _own(user: User, number: int) -> Address:
    """Return the customer's address. For another customer's address the answer is 404."""
    for address in addresses.addresses_of(user):
        if address.pk == number:
            return address
    raise Http404
