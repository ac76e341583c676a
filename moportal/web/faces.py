"""What each face needs: middleware, templates, cookies, readiness checks (docs/architecture.md)."""

from pathlib import Path
from typing import Any

# LogContextMiddleware comes first, so that no line has another request's visit.
# SecurityHeadersMiddleware comes next, so that every answer gets its headers. HealthMiddleware
# answers probes before their Host is checked.
_EVERY_FACE = [
    "moportal.web.middleware.LogContextMiddleware",
    "moportal.web.headers.SecurityHeadersMiddleware",
    "moportal.health.HealthMiddleware",
]
# API callers have no session and no language. The proxy logs requests and enforces TLS.
API_MIDDLEWARE = _EVERY_FACE
# The first three checks require middleware for the admin, which this face does not serve.
# The others miss Django's middleware for headers and forms. SecurityHeadersMiddleware
# sends the headers, and the API has no forms and no cookies.
API_NEEDS_NO_CHECK = [
    *("admin.E408", "admin.E409", "admin.E410"),
    *("security.W001", "security.W002", "security.W003"),
]
# The order matters. LanguageMiddleware needs the session and the user. PageHeadersMiddleware and
# KeptFormMiddleware come before all that may answer in a view's place, so that redirects and CSRF
# failures get their header and keep their form.
PAGE_MIDDLEWARE = [
    *_EVERY_FACE,
    "django.middleware.security.SecurityMiddleware",
    # It adds random bytes: the length of a page must not give its secrets away (BREACH). Static
    # files are compressed already, except in the demo.
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "moportal.web.middleware.PageHeadersMiddleware",
    "moportal.web.kept_forms.KeptFormMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.SignInMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "mobileplans.middleware.VisitMiddleware",
    "moportal.web.middleware.LanguageMiddleware",
    "moportal.web.middleware.RequestLogMiddleware",
    "moportal.web.errors.BusyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def templates_in(folder: Path) -> list[dict[str, Any]]:
    """Return Django's setting for the templates of this folder."""
    context = [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
        "django.template.context_processors.i18n",
        "brand.context.brand",
        "mobileplans.context.launch",
        "orders.context.on_sale",
    ]
    tags = ["moportal.text.filters", "brand.tags"]
    return [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [folder],
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": context, "builtins": tags},
        }
    ]


def cookie_names(face: str, *, is_secure: bool) -> dict[str, str]:
    """Return the names of the cookies. Those of the desk are its own.

    So on a shared host neither face overwrites the other's cookies. Browsers accept a `__Host-`
    cookie only over HTTPS, which the demo does not have.
    """
    host = "__Host-" if is_secure else ""
    own = f"{host}desk-" if face == "desk" else host
    return {
        "session": f"{own}session",
        "csrf": f"{own}csrf",
        "handoff": f"{host}handoff",
        "form": f"{host}form",
        "browser": f"{own}browser",
        "oidc": f"{host}oidc",
    }


def readiness_checks(face: str, *, is_demo: bool, has_simulators: bool) -> list[str]:
    """Return what /readyz checks, by the names that it reports."""
    checks = [
        "moportal.health.database",
        "moportal.health.migrations",
        "moportal.health.catalogues",
    ]
    if face != "api" and not is_demo:
        checks.append("moportal.health.static_files")
    if has_simulators:
        checks.append("demo.checks.simulators")
    return checks


def storages(*, is_demo: bool) -> dict[str, dict[str, str]]:
    """Return where files are. Only production collects and compresses static files."""
    static = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
        if is_demo
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    )
    return {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": static},
    }


def upload_limits(face: str) -> dict[str, int]:
    """Return what one request may send.

    Customers' forms are small and have no files. The desk imports files of SIMs, which count as
    files and not as bytes.
    """
    if face == "portal":
        return {"bytes": 64 * 1024, "fields": 100, "files": 0}
    return {"bytes": 1024 * 1024, "fields": 1000, "files": 10}
