"""Reads of the operator's data and legal texts."""

import structlog
from django.db import DatabaseError

from brand.models import LegalText, Operator

log = structlog.get_logger(__name__)
# How to reach support, as this process read it last. Error pages
# show it without the database.
_last_contact: dict[str, str] = {}


def operator() -> Operator:
    """Return the operator, or a placeholder if the installation is not set up."""
    found = Operator.objects.filter(pk=1).first() or Operator(pk=1, name="moportal")
    for name in ("support_phone", "support_hours", "support_email"):
        _last_contact[name] = getattr(found, name)
    return found


def remember_contact() -> None:
    """Read how to reach support, so that error pages show it from the first request on."""
    try:
        operator()
    except DatabaseError as error:
        log.warning("support contact not read", error=str(error))


def last_contact() -> dict[str, str]:
    """Return how to reach support without asking the database; empty if it was never read."""
    return dict(_last_contact)


def legal_text(kind: LegalText.Kind, *, market: str, language: str) -> LegalText | None:
    """Return the newest text that fits best.

    A text of the market comes before a general one, then the language before English.
    """
    candidates = LegalText.objects.filter(
        kind=kind, market__in=[market, ""], language__in=[language, "en"]
    )
    ranked = sorted(
        candidates,
        key=lambda text: (text.market == market, text.language == language, text.version),
    )
    return ranked[-1] if ranked else None
