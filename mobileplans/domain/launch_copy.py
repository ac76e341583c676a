"""A signed copy of the launch in the forms to sign in and to sign up.

Until the customer signs in, the visit is kept in the session's cookie alone. If that cookie is lost
while one of these forms is open, the form brings the launch back. So a customer whose launch named
the device is not asked to type an EID (docs/contract.md#launch).
"""

from datetime import datetime

from django.conf import settings
from django.core import signing
from django.http import HttpRequest

from mobileplans.domain import session
from mobileplans.models import Visit

FIELD, SALT = "launch", "mobileplans.launch_copy"


def sign(request: HttpRequest) -> str:
    """Return the launch of this session, signed; empty if there is none or it is a row already."""
    columns = request.session.get(session.UNSAVED_KEY)
    return signing.dumps(columns, salt=SALT, compress=True) if columns else ""


def restore(request: HttpRequest) -> None:
    """Store the form's launch in the session, if the session has no visit."""
    copy = request.POST.get(FIELD)
    if not copy or session.UNSAVED_KEY in request.session or session.SESSION_KEY in request.session:
        return
    try:
        columns = signing.loads(copy, salt=SALT, max_age=settings.SESSION_COOKIE_AGE)
    except signing.BadSignature:
        return
    launched_at = datetime.fromisoformat(columns["launched_at"])
    session.store(request, Visit(**{**columns, "launched_at": launched_at}))
