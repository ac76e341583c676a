"""How long the desk keeps who opened a customer's page."""

from moportal.retention import Timed, register
from support.models import Opening

register(
    Timed(
        Opening,
        "who opened which customer's page, and why",
        setting="DESK_LOG_DAYS",
        since="opened_at",
    ),
)
