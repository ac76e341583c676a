"""The visit in the template context of the forms to sign in and sign up."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from mobileplans.domain import launch_copy


def launch(request: HttpRequest) -> dict[str, Any]:
    """Return the signed launch, which only these two forms read."""
    return {"signed_launch": SimpleLazyObject(lambda: launch_copy.sign(request))}
