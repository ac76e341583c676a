"""System checks of the operator's own data."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Info, Warning, register  # noqa: A004 -- their name
from django.db import DatabaseError

from brand.models import LegalText, Operator

# What receipts and credit notes say of the seller.
SELLER = ("legal_name", "legal_address", "tax_number")


@register(deploy=True)
def seller(**_options: Any) -> list[CheckMessage]:
    """Return a warning for each part of the seller's data that receipts lack."""
    try:
        operator = Operator.objects.first()
    except DatabaseError:
        # Without a database, or before the first migration, nothing is sold.
        return []
    if operator is None:
        return []
    missing = [name for name in SELLER if not getattr(operator, name)]
    names = [name.replace("_", " ") for name in missing]
    hint = "Enter it at the desk, under Operators. A receipt keeps what it said when it was issued."
    return [
        Warning(f"The operator has no {name}: receipts lack it.", hint=hint, id="brand.W001")
        for name in names
    ]


@register(deploy=True)
def legal_texts(**_options: Any) -> list[CheckMessage]:
    """Return a note for each kind of legal text that some language lacks."""
    try:
        written = {*LegalText.objects.values_list("kind", "language").distinct()}
    except DatabaseError:
        return []
    if not written:
        # The portal is not set up yet.
        return []
    hint = "Enter it at the desk, under Legal texts, or leave the language out of LANGUAGES."
    languages = [code for code, _name in settings.LANGUAGES]
    missing = {
        kind.label: [code for code in languages if (kind.value, code) not in written]
        for kind in LegalText.Kind
    }
    return [
        Info(f"No text in {', '.join(codes)}: {label}.", hint=hint, id="brand.I001")
        for label, codes in missing.items()
        if codes
    ]
