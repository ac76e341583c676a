"""How long the desk keeps who opened a customer's page, and what staff did there."""

from moportal.retention import Timed, register
from support.models import CaseNote, CaseWork, Opening, StaffAction

register(
    Timed(
        Opening,
        "who opened which customer's page, and why",
        setting="DESK_LOG_DAYS",
        since="opened_at",
    ),
    Timed(
        StaffAction,
        "what staff did for a customer, and why",
        setting="DESK_LOG_DAYS",
        since="asked_at",
    ),
    Timed(CaseWork, "who has taken a case", setting="DESK_LOG_DAYS", since="changed_at"),
    Timed(CaseNote, "notes of staff about cases", setting="DESK_LOG_DAYS", since="written_at"),
)
