"""Refuse to test without the real servers, with a sentence that says what to type.

pytest loads this before Django's settings, which would complain in their own words.
"""

import os

import pytest

missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(name)]
if missing:
    message = (
        f"{' and '.join(missing)} not set: the tests need their own PostgreSQL and Redis. "
        "Run `make test` (ARGS='-k name' for a part), which starts both."
    )
    raise pytest.UsageError(message)
