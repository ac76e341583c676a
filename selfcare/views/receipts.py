"""The customer's receipts and credit notes: pages to print, and files to keep."""

import re
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.contrib.staticfiles import finders
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.views.shared import own_target
from orders.views.steps import customer_only
from payments.domain.receipts import credit_notes_of, receipts_of
from payments.models import CreditNote, Receipt

NUMBER = re.compile(r"C?([0-9]{4})-([0-9]{6,9})")
STYLES = ("css/document.css", "css/document-file.css")
AnyDocument = TypeVar("AnyDocument", Receipt, CreditNote)


@require_safe
@customer_only
def overview(request: HttpRequest, user: User) -> HttpResponse:
    """List the customer's receipts and credit notes, newest first."""
    rows = [
        *(_row(one, one, "receipt") for one in receipts_of(user)),
        *(_row(one, one.receipt, "credit-note") for one in credit_notes_of(user)),
    ]
    rows.sort(key=lambda row: row["issued_on"], reverse=True)
    context = {"rows": rows, "back_url": reverse("account")}
    return render(request, "selfcare/receipts.html", context)


def _row(document: Receipt | CreditNote, receipt: Receipt, page: str) -> dict[str, Any]:
    here = urlencode({"next": reverse("receipts")})
    return {
        "document": document,
        "is_credit_note": document is not receipt,
        "item": receipt.item,
        "issued_on": document.issued_on,
        "url": f"{reverse(page, args=[document])}?{here}",
    }


@require_safe
@customer_only
def receipt(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Show one of the customer's receipts."""
    return _page(request, _find(receipts_of(user), number))


@require_safe
@customer_only
def receipt_file(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Return one of the customer's receipts as a file to keep."""
    return _file(request, _find(receipts_of(user), number))


@require_safe
@customer_only
def credit_note(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Show one of the customer's credit notes."""
    return _page(request, _find(credit_notes_of(user), number))


@require_safe
@customer_only
def credit_note_file(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Return one of the customer's credit notes as a file to keep."""
    return _file(request, _find(credit_notes_of(user), number))


def _find(documents: QuerySet[AnyDocument], number: str) -> AnyDocument:
    """Return the document with this number. For another customer's number the answer is 404."""
    parts = NUMBER.fullmatch(number)
    if parts is None:
        raise Http404
    return get_object_or_404(documents, year=int(parts[1]), number=int(parts[2]))


def _page(request: HttpRequest, document: Receipt | CreditNote) -> HttpResponse:
    name = "credit-note-file" if isinstance(document, CreditNote) else "receipt-file"
    context = {
        **_context(document),
        "file_url": reverse(name, args=[document]),
        "back_url": own_target(request.GET.get("next", "")) or reverse("account"),
    }
    return render(request, "selfcare/document.html", context)


def _file(request: HttpRequest, document: Receipt | CreditNote) -> HttpResponse:
    """Return one HTML file that needs nothing else, so that it still opens in ten years."""
    answer = render(
        request, "selfcare/document_file.html", {**_context(document), "style": _style()}
    )
    kind = "credit-note" if isinstance(document, CreditNote) else "receipt"
    answer["Content-Disposition"] = f'attachment; filename="{kind}-{document}.html"'
    return answer


def _context(document: Receipt | CreditNote) -> dict[str, Any]:
    is_note = isinstance(document, CreditNote)
    receipt = document.receipt if isinstance(document, CreditNote) else document
    return {
        "document": document,
        "seller_lines": document.seller_address.splitlines(),
        "is_credit_note": is_note,
        "receipt": receipt,
        "method": receipt.payment.method.label,
        "order": getattr(receipt.payment, "order", None),
        "credit_notes": [] if is_note else list(receipt.credit_notes.all()),
    }


@cache
def _style() -> str:
    """Return the style sheets that each file contains."""
    paths = [finders.find(name) for name in STYLES]
    return "\n".join(Path(path).read_text(encoding="utf-8") for path in paths if path)
