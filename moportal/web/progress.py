"""Pages that wait for something. Their script asks again and again, and mostly nothing has changed.

The page names what it shows by a digest. The script sends that back in a header. It is not in the
address, because the page's links name the address as their way back.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string

SHOWN = "Shown"
# Stands in the page for the digest until the page is complete. 64 bits tell two versions apart.
PLACE, DIGITS = "digest-of-this-page", 16
# What the script replaces.
PARTS = re.compile(r"<title>.*?</title>|<main.*</footer>", re.DOTALL)


def render_progress(
    request: HttpRequest, template: str, context: Mapping[str, Any]
) -> HttpResponse:
    """Render the page; for its script only the parts that it replaces, or 204 if it shows them.

    The digest is of all these parts, so none of them can change unnoticed. Only the CSRF token,
    which is masked differently in every answer, does not count.
    """
    token = get_token(request)
    page = render_to_string(template, {**context, "csrf_token": token, "shown": PLACE}, request)
    parts = "".join(PARTS.findall(page))
    digest = hashlib.sha256(parts.replace(token, "").encode()).hexdigest()[:DIGITS]
    shown = request.headers.get(SHOWN)
    if shown == digest:
        return HttpResponse(status=204)
    return HttpResponse((page if shown is None else parts).replace(PLACE, digest))
