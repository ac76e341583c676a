"""Reads of the operator's data and legal texts."""

from brand.models import LegalText, Operator


def operator() -> Operator:
    """Return the operator, or a placeholder if the installation is not set up."""
    return Operator.objects.filter(pk=1).first() or Operator(pk=1, name="moportal")


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
