"""The visit in the browser's session.

The session of somebody who is not signed in is a cookie (`moportal.web.sessions`), and anybody may
launch the portal. Therefore such a visit is kept in the session alone, by its columns. It becomes a
row when the customer signs in or leaves. If the launch reports an LPA error, it becomes a row at
once, because support staff work on it; but strangers cannot make rows without end.
"""

from datetime import datetime

from django.db.models import F
from django.http import HttpRequest

from mobileplans.models import Visit

SESSION_KEY, TRANSACTION_KEY = "visit", "transaction_id"
# Signing in starts a new session. Within that request the visit is found under this key.
REQUEST_KEY = "moportal.visit"
# The columns of a visit that is not a row yet.
UNSAVED_KEY = "unsaved_visit"
UNSAVED_COLUMNS = (
    *("transaction_id", "transaction_id_is_generated", "is_launched", "eid", "eid_from", "iccid"),
    *("iccids", "imei", "location", "market", "refused_as", "refused_because", "remarks"),
    "failed_sign_ins",
)
# Counting stops here, so that an attacker cannot overflow the column.
MOST_FAILED_SIGN_INS = 1000


def store(request: HttpRequest, visit: Visit) -> None:
    """Store in the session which visit is under way, or the whole visit if it is no row."""
    request.META[REQUEST_KEY] = visit.pk
    if visit.is_stored:
        request.session.pop(UNSAVED_KEY, None)
        request.session[SESSION_KEY] = visit.pk
    else:
        request.session.pop(SESSION_KEY, None)
        columns = {name: getattr(visit, name) for name in UNSAVED_COLUMNS}
        columns["launched_at"] = visit.launched_at.isoformat()
        request.session[UNSAVED_KEY] = columns
    # The transaction id is kept too, so that the middleware can log it without a query.
    request.session[TRANSACTION_KEY] = visit.transaction_id
    request.session["market"] = visit.market


def find(request: HttpRequest) -> Visit | None:
    """Return the visit of this session, or None. It may be no row yet."""
    if unsaved := request.session.get(UNSAVED_KEY):
        launched_at = datetime.fromisoformat(unsaved["launched_at"])
        return Visit(**{**unsaved, "launched_at": launched_at})
    pk = request.META.get(REQUEST_KEY) or request.session.get(SESSION_KEY)
    return Visit.objects.filter(pk=pk).first() if pk else None


def count_failed_sign_in(request: HttpRequest) -> None:
    """Count a failed sign-in of this session's visit, wherever the visit is kept."""
    if unsaved := request.session.get(UNSAVED_KEY):
        count = min(unsaved["failed_sign_ins"] + 1, MOST_FAILED_SIGN_INS)
        request.session[UNSAVED_KEY] = {**unsaved, "failed_sign_ins": count}
    elif pk := request.META.get(REQUEST_KEY):
        Visit.objects.filter(pk=pk, failed_sign_ins__lt=MOST_FAILED_SIGN_INS).update(
            failed_sign_ins=F("failed_sign_ins") + 1
        )
