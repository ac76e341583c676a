"""The pages that every page links to, and the brand's colours.

Support and privacy policy are reachable from every page:
docs/policies.md#b5, docs/policies.md#b6.
"""

import re

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_safe

from brand import stylesheets
from brand.models import LegalText
from brand.queries import legal_text, logo_named, operator
from brand.signals import language_chosen


@require_safe
def support(request: HttpRequest) -> HttpResponse:
    """Show how to contact support."""
    return render(request, "brand/support.html", {"back_url": _back_url(request)})


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    """Show the terms of service of the visit's market."""
    return _legal(request, LegalText.Kind.TERMS, "brand/terms.html")


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Show the privacy policy of the visit's market."""
    return _legal(request, LegalText.Kind.PRIVACY, "brand/privacy.html")


def _legal(request: HttpRequest, kind: LegalText.Kind, template: str) -> HttpResponse:
    market = request.session.get("market") or operator().market
    legal = legal_text(kind, market=market, language=get_language() or settings.LANGUAGE_CODE)
    return render(request, template, {"legal": legal, "back_url": _back_url(request)})


@require_http_methods(["GET", "HEAD", "POST"])
def language(request: HttpRequest) -> HttpResponse:
    """Set the language of this visit, and of the account that is signed in.

    The language never decides the market.
    """
    chosen = request.POST.get("language", "")
    if request.method == "POST" and chosen in dict(settings.LANGUAGES):
        request.session["language"] = chosen
        language_chosen.send(sender=HttpRequest, request=request, language=chosen)
        return HttpResponseRedirect(_back_url(request), status=303)
    return render(
        request, "brand/language.html", {"next": _back_url(request), "back_url": _back_url(request)}
    )


def _back_url(request: HttpRequest) -> str:
    """Return the `next` address if it is a path of this portal, otherwise the options page."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if target.startswith("/") and is_ours else reverse("options")


@require_safe
def stylesheet(request: HttpRequest, sheet: str, version: str) -> HttpResponse:
    """Return a stylesheet, with the operator's colours. A new text has a new address.

    An older version gets the text of now: while processes are replaced, two versions are in use.
    """
    if sheet not in stylesheets.SHEETS:
        raise Http404
    found = stylesheets.stylesheet(sheet, operator())
    is_current = version == found.version
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-cache",
        "Vary": "Accept-Encoding",
    }
    takes_brotli = re.search(r"\bbr\b", request.headers.get("Accept-Encoding", ""))
    if takes_brotli:
        headers["Content-Encoding"] = "br"
    text = found.compressed if takes_brotli else found.text
    return HttpResponse(text, content_type="text/css; charset=utf-8", headers=headers)


@require_safe
def logo(_request: HttpRequest, name: str) -> HttpResponse:
    """Return a logo. Its address changes with it, so browsers keep it.

    It is a picture that somebody uploaded: even opened by itself, it can do and load nothing.
    """
    found = logo_named(name)
    if found is None:
        raise Http404
    media_type, content = found
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return HttpResponse(content, content_type=media_type, headers=headers)
