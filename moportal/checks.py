"""System checks of the settings: what stops the start, and what `check --deploy` adds to it."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register  # noqa: A004 -- Django's name
from django.db import DatabaseError
from django.utils.module_loading import import_string

from moportal.database.resealing import sealed_columns
from moportal.environment import SQLITE
from moportal.trust.trust_files import InvalidTrust, trust_files

ADAPTERS = (
    *("NETWORK", "CHARGING", "SIM_PROOF", "MAIL_SENDER", "SMS_SENDER"),
    *("NUMBER_CHECKS", "CODE_SERVICE", "CUSTOMER_SYSTEM"),
)
# The gateways that have settings of their own.
WITH_OWN_SETTINGS = (
    "payments.gateways.carrier_billing.",
    "payments.gateways.stripe.",
    "payments.gateways.vouchers.",
)
SAFE_SSL_MODES = {"verify-ca", "verify-full"}


@register
def environment(**_options: Any) -> list[CheckMessage]:
    """Return an error for each problem that stops the start."""
    return [Error(problem, id="moportal.E001") for problem in settings.ENVIRONMENT_PROBLEMS]


@register
def adapters(**_options: Any) -> list[CheckMessage]:
    """Return an error for each setting that names a class which cannot be imported."""
    found: list[CheckMessage] = []
    paths = [(name, getattr(settings, name)) for name in ADAPTERS]
    paths += [("PAYMENT_GATEWAY", path) for path in settings.PAYMENT_GATEWAY]
    for name, path in paths:
        try:
            if path:
                import_string(path)
        except ImportError as error:
            found.append(Error(f"{name}: {error}", id="moportal.E002"))
    return found


@register(deploy=True)
def hosts(**_options: Any) -> list[CheckMessage]:
    """Return a warning if the portal answers to any host name."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    hint = "List the portal's host names. /livez and /readyz answer to any host name in any case."
    return [Warning("ALLOWED_HOSTS is *.", hint=hint, id="moportal.W001")]


@register(deploy=True)
def database_connection(**_options: Any) -> list[CheckMessage]:
    """Return a warning if the connection to a database on another machine may be read or diverted.

    By default PostgreSQL's library encrypts only if the server offers it, and verifies nothing.
    """
    database = settings.DATABASES["default"]
    host = database.get("HOST") or ""
    is_local = not host or host.startswith("/") or host in {"localhost", "127.0.0.1", "::1"}
    mode = database["OPTIONS"].get("sslmode")
    if database["ENGINE"] == SQLITE or is_local or mode in SAFE_SSL_MODES:
        return []
    hint = "Add ?sslmode=verify-full&sslrootcert=… to DATABASE_URL."
    return [
        Warning(
            "DATABASE_URL: the database's certificate is not verified.",
            hint=hint,
            id="moportal.W002",
        )
    ]


@register(deploy=True)
def secrets(**_options: Any) -> list[CheckMessage]:
    """Return a warning for each missing secret without which the portal refuses a caller."""
    missing = []
    posts_events = not settings.PAYMENT_GATEWAY or _needs_gateway_settings()
    is_portal = settings.FACE in {"portal", "all"}
    if posts_events and is_portal and not settings.PAYMENT_WEBHOOK_SECRET:
        missing.append(
            "PAYMENT_WEBHOOK_SECRET is not set: all webhooks from the gateway are refused."
        )
    if not settings.PROXY_SECRET and settings.FACE in {"api", "all"}:
        missing.append("PROXY_SECRET is not set: no client certificate is accepted.")
    return [Warning(text, id="moportal.W003") for text in missing]


@register(deploy=True)
def unfinished_changes(**_options: Any) -> list[CheckMessage]:
    """Return a note for each secret whose change has not been finished (docs/secrets.md)."""
    names = (
        *("SECRET_KEY", "PAYMENT_WEBHOOK_SECRET", "STRIPE_WEBHOOK_SECRET", "PROXY_SECRET"),
        "BALANCE_CREDENTIALS",
    )
    found: list[CheckMessage] = [
        Info(
            f"{name}_FALLBACKS is set: a second value of {name} is accepted.",
            hint="Remove it when nobody uses that value any more.",
            id="moportal.I002",
        )
        for name in names
        if getattr(settings, f"{name}_FALLBACKS")
    ]
    if len(settings.SEAL_KEYS) > 1:
        text = f"SEAL_KEYS has {len(settings.SEAL_KEYS)} keys."
        hint = "Run `manage.py reseal`, then remove all keys but the first."
        found.append(Info(text, hint=hint, id="moportal.I002"))
    return found


@register(deploy=True)
def seal_keys(**_options: Any) -> list[CheckMessage]:
    """Return an error for each sealed column whose oldest or newest row no key opens."""
    try:
        columns = [column for column in sealed_columns() if column.has_unreadable_end()]
    except DatabaseError:
        # Without a database, or before the first migration, there is nothing to open.
        return []
    hint = "Add the key that was removed too early, then run `manage.py reseal --check`."
    text = "no key of SEAL_KEYS opens its oldest or newest row."
    return [Error(f"{column}: {text}", hint=hint, id="moportal.E005") for column in columns]


@register(deploy=True)
def trusted_files(**_options: Any) -> list[CheckMessage]:
    """Return an error for each file of certificates that is missing or unreadable."""
    problems = []
    for name in ("BALANCE", "SMDP_CALLBACK"):
        files = [getattr(settings, f"{name}_{part}") for part in ("CA", "INTERMEDIATES", "REVOKED")]
        trust = trust_files(*files, frozenset())
        if trust is None and any(files):
            problems.append(f"{name}_CA is not set, so the other files of {name}_… are not used.")
        try:
            if trust:
                trust.load()
        except InvalidTrust as error:
            problems.append(f"{name}_CA and its lists: {error}")
    return [Error(problem, id="moportal.E003") for problem in problems]


@register(deploy=True)
def smdp_files(**_options: Any) -> list[CheckMessage]:
    """Return an error for each file for the SM-DP+ that is missing or is not used."""
    problems = [
        f"{name}: there is no file {getattr(settings, name)!r}."
        for name in ("SMDP_CLIENT_CERTIFICATE", "SMDP_CLIENT_KEY", "SMDP_CA")
        if getattr(settings, name) and not Path(getattr(settings, name)).is_file()
    ]
    if settings.SMDP_CLIENT_KEY and not settings.SMDP_CLIENT_CERTIFICATE:
        problems.append("SMDP_CLIENT_KEY is not used without SMDP_CLIENT_CERTIFICATE.")
    return [Error(problem, id="moportal.E004") for problem in problems]


def _needs_gateway_settings() -> bool:
    """Return whether a gateway is listed that PAYMENT_GATEWAY_URL and its secret are for."""
    return any(not path.startswith(WITH_OWN_SETTINGS) for path in settings.PAYMENT_GATEWAY)


@register(deploy=True)
def other_systems(**_options: Any) -> list[CheckMessage]:
    """Return a warning for each adapter without its address, and for each unused address."""
    found: list[CheckMessage] = []
    pairs = [
        ("CHARGING", "CHARGING_URL"),
        ("CODE_SERVICE", "ONE_TIME_PASSWORD_URL"),
        ("CUSTOMER_SYSTEM", "CUSTOMER_SYSTEM_URL"),
    ]
    # Each of the two number checks has an address of its own, and one of them is enough.
    only_recycling = settings.NUMBER_RECYCLING_URL and not settings.SIM_SWAP_URL
    pairs.append(("NUMBER_CHECKS", "NUMBER_RECYCLING_URL" if only_recycling else "SIM_SWAP_URL"))
    if _needs_gateway_settings() or not settings.PAYMENT_GATEWAY:
        pairs.insert(0, ("PAYMENT_GATEWAY", "PAYMENT_GATEWAY_URL"))
    if settings.NETWORK.endswith(".HttpNetwork"):
        pairs.append(("NETWORK", "NETWORK_URL"))
    for adapter, url in pairs:
        if bool(getattr(settings, adapter)) != bool(getattr(settings, url)):
            is_set, is_missing = (adapter, url) if getattr(settings, adapter) else (url, adapter)
            text = f"{is_set} is set and {is_missing} is not."
            found.append(Warning(text, id="moportal.W004"))
    if any(path.endswith(".SimulatorGateway") for path in settings.PAYMENT_GATEWAY):
        text = "PAYMENT_GATEWAY has the simulator: it charges no money."
        found.append(Info(text, hint="Set it to your gateway's adapter.", id="moportal.I001"))
    return found
