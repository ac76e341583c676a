"""How long the tables of visits keep their rows. Their identifiers are erased earlier.

Anybody can begin a visit and leave it. If nobody signs in during the visit, it and all that belongs
to it are deleted soon, unless help was asked for.
"""

from django.db.models import Q

from mobileplans.domain.strangers import delete_beyond_limit
from mobileplans.models import Handoff, HostReport, LpaReport, Visit
from moportal.retention import Deleted, Timed, register

register(
    Timed(
        HostReport,
        "what the app reported after the handoff of a stranger",
        since="received_at",
        setting="STRANGER_DAYS",
        only=Q(handoff__visit__account=None),
    ),
    Timed(
        HostReport,
        "what the app reported after a customer's handoff",
        since="received_at",
        setting="SUPPORT_DAYS",
    ),
    Timed(
        Handoff,
        "handoffs of strangers",
        since="created_at",
        setting="STRANGER_DAYS",
        only=Q(visit__account=None),
    ),
    Timed(Handoff, "handoffs of customers", since="created_at", setting="SUPPORT_DAYS"),
    Timed(
        LpaReport,
        "errors that a stranger reported, without a request for help",
        since="received_at",
        setting="STRANGER_DAYS",
        only=Q(visit__account=None, asked_for_help_at=None),
    ),
    Timed(LpaReport, "all other errors", since="received_at", setting="SUPPORT_DAYS"),
    Timed(
        Visit,
        "visits in which nobody signed in",
        since="launched_at",
        setting="STRANGER_DAYS",
        only=Q(account=None),
    ),
    Deleted(
        Visit,
        "the oldest visits in which nobody signed in, and all that belongs to them",
        setting="STRANGER_VISITS",
        delete_batch=delete_beyond_limit,
        is_hourly=True,
    ),
    Timed(
        Visit,
        "visits of customers that no draft, order or repair refers to",
        since="launched_at",
        setting="SUPPORT_DAYS",
    ),
)
