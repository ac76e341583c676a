"""Addresses of the portal's pages, as banks, gateways and other devices need them."""

from django.conf import settings
from django.urls import reverse


def absolute_url(page: str, *args: object) -> str:
    """Return the page's address at the portal's declared host (`PORTAL_URL`)."""
    portal: str = settings.PORTAL_URL
    return portal.rstrip("/") + reverse(page, args=args)
