"""The sign-in identifier: an email address or a phone number, each in one normal form."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.utils.translation import gettext_lazy as _

LONGEST = 254
_PHONE = re.compile(r"\+?[0-9]{6,15}", re.ASCII)


def normalise(text: str) -> str:
    """Return the normal form: an address in folded case, a phone number as plus and digits."""
    text = text.strip()
    if "@" in text:
        return text.casefold()
    bare = re.sub(r"[\s().\-/]", "", text)
    if re.fullmatch(r"00[0-9]{6,13}", bare, re.ASCII):
        return "+" + bare[2:]
    return bare if _PHONE.fullmatch(bare) else text.casefold()


def validate_identifier(text: str) -> None:
    """Raise `ValidationError` unless the text is an email address or a phone number."""
    kept = normalise(text)
    if _PHONE.fullmatch(kept):
        return
    try:
        # Folding the case can lengthen an address, so the normal form is what must fit.
        validate_email(kept)
        MaxLengthValidator(LONGEST)(kept)
    except ValidationError as error:
        raise ValidationError(
            _(
                "Enter an email address, such as name@example.com, "
                "or a phone number, such as +44 20 7946 0018."
            ),
            code="identifier",
        ) from error
