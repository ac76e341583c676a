"""A system check of the operator's own data."""

from typing import Any

from django.core.checks import CheckMessage, Warning, register  # noqa: A004 -- their name
from django.db import DatabaseError

from brand.models import Operator

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
