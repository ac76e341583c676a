"""The middleware of each face (docs/architecture.md)."""

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
# The order matters. LanguageMiddleware needs the session and the user. PageHeadersMiddleware and
# KeptFormMiddleware come before all that may answer in a view's place, so that redirects and CSRF
# failures get their header and keep their form.
PAGE_MIDDLEWARE = [
    *_EVERY_FACE,
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "moportal.web.middleware.PageHeadersMiddleware",
    "moportal.web.kept_forms.KeptFormMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "mobileplans.middleware.VisitMiddleware",
    "moportal.web.middleware.LanguageMiddleware",
    "moportal.web.middleware.RequestLogMiddleware",
    "moportal.web.errors.BusyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
