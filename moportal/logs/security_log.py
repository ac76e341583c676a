"""Log lines for sign-in, refused sign-in and sign-out, of customers and of staff.

They name an account by its key. What was typed is never logged, because people
type passwords into the wrong field: its keyed digest shows whether two
attempts were for the same name.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from moportal.sealed import digest

log = structlog.get_logger(__name__)
DIGEST_LENGTH = 12


def connect() -> None:
    """Log from now on. Django sends these signals on every face with pages."""
    user_logged_in.connect(log_sign_in, dispatch_uid="moportal.log_sign_in")
    user_login_failed.connect(log_refused_sign_in, dispatch_uid="moportal.log_refused_sign_in")
    user_logged_out.connect(log_sign_out, dispatch_uid="moportal.log_sign_out")


def log_sign_in(user: Any, **_signal: Any) -> None:
    log.info("signed in", account=user.pk, is_staff=user.is_staff)


def log_refused_sign_in(credentials: Mapping[str, Any], **_signal: Any) -> None:
    typed = str(credentials.get("username", ""))
    log.warning("sign-in refused", typed=digest(typed.casefold())[:DIGEST_LENGTH])


def log_sign_out(user: Any, **_signal: Any) -> None:
    if user is not None:
        log.info("signed out", account=user.pk)
