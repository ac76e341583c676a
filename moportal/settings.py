"""The settings, read from the environment. `.env.example` lists the variables with their meaning.

Production is the default: the portal does not start while a variable is missing, weak or malformed,
and names all of them at once. `manage.py check --deploy` names these and more. Only `DEMO=1`, which
`make run` sets, allows the simulators, SQLite, a broker in files and plain HTTP on loopback.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext

from moportal.brokers.connection import is_shared, transport_options, verified_broker_url
from moportal.brokers.schedule import beat_schedule
from moportal.database.connection import on_postgresql, on_sqlite
from moportal.environment import (
    SQLITE,
    Environment,
    is_header_name,
    is_origin,
    is_time_zone,
    missing_catalogues,
    translated,
)
from moportal.logs.configuration import configure_logging
from moportal.rooms import FRAMEWORKS, ROOMS
from moportal.web.api import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401 -- a setting
from moportal.web.faces import (
    API_MIDDLEWARE,
    API_NEEDS_NO_CHECK,
    PAGE_MIDDLEWARE,
    cookie_names,
    readiness_checks,
    storages,
    templates_in,
    upload_limits,
)
from moportal.web.policy import CONTENT_SECURITY_POLICY  # noqa: F401 -- a setting

# Allows `ModelAdmin[Order]` at run time, not only for the type checker.
django_stubs_ext.monkeypatch()

env = Environment(os.environ)
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

DEMO = env.bool("DEMO", default=False)
DEBUG = env.bool("DEBUG", default=False)


def _in_demo(value: str) -> dict[str, str]:
    """Return the default of a variable that production must set."""
    return {"default": value} if DEMO else {}


# The simulated host runs in the portal's own process, but never in production.
SIMULATORS = env.bool("SIMULATORS", default=DEMO)
env.require(
    DEMO or not SIMULATORS, "SIMULATORS=1 needs DEMO=1: simulators are never part of production."
)
env.require(DEMO or not DEBUG, "DEBUG=1 needs DEMO=1: it shows tracebacks and settings to anybody.")

# What this process serves: the customers' pages, the staff's desk, the API, or all of these.
FACE = env.choice("MOPORTAL_FACE", ["all", "portal", "desk", "api"])

# While a secret is being changed, both values are accepted (docs/secrets.md): the other one is in
# the variable with _FALLBACKS.
SECRET_KEY = env.key("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.fallbacks("SECRET_KEY", env.require_key)
# Fernet keys, newest first. The first one encrypts; all of them decrypt.
SEAL_KEYS = env.fernet_keys("SEAL_KEYS")
# The key of the digests that stand beside encrypted values. After a change, `manage.py reseal`
# computes all digests again.
DIGEST_KEY = env.key("DIGEST_KEY", default=SECRET_KEY)

PORTAL_URL = env.str("PORTAL_URL", default="http://127.0.0.1:8000" if DEMO else "")
# docs/policies.md#s3 and docs/policies.md#s4.
env.require(
    DEMO or is_origin(PORTAL_URL),
    "PORTAL_URL must be the portal's https:// address, without a path.",
)
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    default=["127.0.0.1", "localhost", "[::1]"] if DEMO else [urlsplit(PORTAL_URL).hostname or ""],
)
CSRF_TRUSTED_ORIGINS = [] if DEMO else [PORTAL_URL.rstrip("/")]

INSTALLED_APPS = [*FRAMEWORKS, *ROOMS]
MIDDLEWARE = [*(API_MIDDLEWARE if FACE == "api" else PAGE_MIDDLEWARE)]
SILENCED_SYSTEM_CHECKS = API_NEEDS_NO_CHECK if FACE == "api" else []
if DEMO:
    INSTALLED_APPS += ["demo"]
if SIMULATORS:
    INSTALLED_APPS += ["simulators.mobileplans"]
    MIDDLEWARE.insert(0, "simulators.mobileplans.middleware.WebViewMiddleware")

ROOT_URLCONF = "moportal.urls"
WSGI_APPLICATION = "moportal.wsgi.application"
TEMPLATES = templates_in(BASE_DIR / "templates")

_database = env.database("DATABASE_URL", **_in_demo(f"sqlite:///{VAR_DIR / 'portal.sqlite3'}"))
if _database["ENGINE"] == SQLITE:
    env.require(
        DEMO or "DATABASE_URL" not in env.ENVIRON,
        "DATABASE_URL must name a PostgreSQL database (postgres://…).",
    )
    _database = on_sqlite(_database)
else:
    _database = on_postgresql(
        _database,
        max_age=env.int("CONN_MAX_AGE", default=60),
        # Get Balance reconnects by itself when its connection is gone. A check before each
        # request would cost a round trip to the database.
        checks_health=FACE != "api",
        prepares=env.bool("DATABASE_PREPARES", default=True),
    )
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Tasks.
CELERY_BROKER_URL = verified_broker_url(
    env.str("BROKER_URL", **_in_demo(os.environ.get("REDIS_URL", "filesystem://")))
)
env.require(
    DEMO or is_shared(CELERY_BROKER_URL),
    "BROKER_URL must name a broker that all processes share, such as Redis.",
)
CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(
    CELERY_BROKER_URL, folder=Path(env.str("BROKER_DIR", default=str(VAR_DIR / "broker")))
)
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
# A message is acknowledged before its task runs. If the worker dies, the reconciler finds the row.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = "UTC"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.access.backend.CountingBackend"]
# How many passwords one process hashes at the same time. Others wait briefly, or get a 503.
PASSWORDS_AT_ONCE = env.positive("PASSWORDS_AT_ONCE", default=1)
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
LEAKED_PASSWORDS_FILE = env.str("LEAKED_PASSWORDS_FILE", default="")
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["username", "name"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.access.password_rules.OperatorNameValidator"},
]
if LEAKED_PASSWORDS_FILE:
    env.require(
        Path(LEAKED_PASSWORDS_FILE).is_file(), "LEAKED_PASSWORDS_FILE must name a readable file."
    )
    AUTH_PASSWORD_VALIDATORS.append(
        {
            "NAME": "accounts.access.password_rules.LeakedPasswordValidator",
            "OPTIONS": {"path": LEAKED_PASSWORDS_FILE},
        }
    )
# How many different wrong passwords an account, or a browser that it knows, has in an hour, and how
# many unknown identifiers and new accounts a network has. 0 means no limit.
PASSWORD_LIMIT = env.int("PASSWORD_LIMIT", default=10)
NETWORK_LIMIT = env.int("NETWORK_LIMIT", default=100)
# How many receipts of withdrawals and cancellations by law go to one address in an hour. How many
# days staff have for those that the portal did not carry out by itself.
DECLARATION_LIMIT = env.int("DECLARATION_LIMIT", default=5)
DECLARATION_ANSWER_DAYS = env.positive("DECLARATION_ANSWER_DAYS", default=3)
SIGN_UP_LIMIT = env.int("SIGN_UP_LIMIT", default=100)
# What support asks a caller who wants a new password, how many answers must be right, and how many
# different wrong ones an account has in a day (docs/accounts.md#support).
CALLER_CHECK = env.list(
    "CALLER_CHECK", default=["last_order", "iccid_ending", "last_receipt", "plan"]
)
CALLER_CHECK_RIGHT = env.positive("CALLER_CHECK_RIGHT", default=3)
CALLER_LIMIT = env.positive("CALLER_LIMIT", default=5)
# How many one-time codes may go to an address in an hour. 0 means no limit.
CODE_LIMIT = env.int("CODE_LIMIT", default=5)
# How long the portal remembers that a page asked again for the password or a code.
REENTRY_MINUTES = env.int("REENTRY_MINUTES", default=10)
# For how many hours after a recovery an account cannot attach, move or pay on the bill.
RECOVERY_RESTRAINT_HOURS = env.int("RECOVERY_RESTRAINT_HOURS", default=24)
# How many hours an attach or a move waits if SIM, password or addresses changed within a week.
MOVE_WAIT_HOURS = env.int("MOVE_WAIT_HOURS", default=48)
# The header in which the proxy passes the customer's address on. Without it networks are not
# counted, because all customers would seem to be in one.
CLIENT_ADDRESS_HEADER = env.str("CLIENT_ADDRESS_HEADER", default="")
# In seconds: how long a sign-in lasts without a request, and at most.
SIGN_IN_IDLE = env.int("SIGN_IN_IDLE", default=1800)
SIGN_IN_LIFETIME = env.int("SIGN_IN_LIFETIME", default=8 * 3600)
env.require(
    SIGN_IN_LIFETIME >= SIGN_IN_IDLE > 0,
    "SIGN_IN_IDLE must be above 0, and not longer than SIGN_IN_LIFETIME.",
)
LOGIN_URL = "sign-in"
# The operator's OpenID Connect provider (docs/accounts.md). Without it, customers sign in with the
# portal's own accounts alone.
OIDC_ISSUER = env.address("OIDC_ISSUER", default="")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_SCOPES = env.str("OIDC_SCOPES", default="openid profile email phone")
# What customers call the provider. By default the operator's name.
OIDC_NAME = env.str("OIDC_NAME", default="")
# The authorities of the provider's certificate (a PEM file). By default the system's.
OIDC_CA = env.str("OIDC_CA", default="")
env.require(
    bool(OIDC_ISSUER) == bool(OIDC_CLIENT_ID), "OIDC_ISSUER and OIDC_CLIENT_ID need each other."
)
env.require("openid" in OIDC_SCOPES.split(), "OIDC_SCOPES must contain openid.")

LOCALE_PATHS = [BASE_DIR / "locale"]
# Those that customers may choose. The first one is for browsers that ask for none of them.
LANGUAGES = env.languages("LANGUAGES", translated(LOCALE_PATHS[0]))
LANGUAGE_CODE = LANGUAGES[0][0]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(VAR_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = storages(is_demo=DEMO)
WHITENOISE_USE_FINDERS = DEMO
# The pages use the files from their own origin alone.
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_AUTOREFRESH = DEBUG

# -- Browsers.
# With "no-referrer" browsers would send `Origin: null`, which Django's CSRF check refuses.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "moportal.web.errors.csrf_failure"
SESSION_ENGINE = "moportal.web.sessions"
SESSION_COOKIE_AGE = SIGN_IN_LIFETIME
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEMO
_cookies = cookie_names(FACE, is_secure=SESSION_COOKIE_SECURE)
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = _cookies["session"], _cookies["csrf"]
HANDOFF_COOKIE_NAME, KEPT_FORM_COOKIE_NAME = _cookies["handoff"], _cookies["form"]
BROWSER_COOKIE_NAME, OIDC_COOKIE_NAME = _cookies["browser"], _cookies["oidc"]
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
_uploads = upload_limits(FACE)
DATA_UPLOAD_MAX_MEMORY_SIZE = _uploads["bytes"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = _uploads["fields"]
DATA_UPLOAD_MAX_NUMBER_FILES = _uploads["files"]
if not DEMO:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

LOGGING = configure_logging(
    level=env.choice("LOG_LEVEL", ["INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL"]),
    as_json=not DEMO,
)
LOGGING_CONFIG = "logging.config.dictConfig"

# -- Other systems. Their addresses come from the environment and are never stored in the database.
SMDP_URL = env.address("SMDP_URL", default="http://127.0.0.1:8001" if DEMO else "")
# PEM files: our client certificate for an SM-DP+, and the authorities of the SM-DP+'s certificate
# (default: the system's).
SMDP_CLIENT_CERTIFICATE = env.str("SMDP_CLIENT_CERTIFICATE", default="")
SMDP_CLIENT_KEY = env.str("SMDP_CLIENT_KEY", default="")
SMDP_CA = env.str("SMDP_CA", default="")
# The same for a single provider, by its code: for example SMDP_URL_KESTREL.
SMDP_BY_PROVIDER = {
    name: value
    for name, value in os.environ.items()
    if name.startswith(("SMDP_URL_", "SMDP_CLIENT_", "SMDP_CA_", "SMDP_CALLBACK_"))
}
PAYMENT_GATEWAY_URL = env.address(
    "PAYMENT_GATEWAY_URL", default="http://127.0.0.1:8002" if DEMO else ""
)
# The operator's voucher server, for the gateway payments.gateways.vouchers.VoucherServer, and the
# bearer token that it wants. VOUCHER_FORMAT is the form of a code, as a regular expression for
# digits and capital letters. By default it has 10 to 32 of them and is no card number.
VOUCHER_SERVER_URL = env.address("VOUCHER_SERVER_URL", default="")
VOUCHER_SERVER_TOKEN = env.str("VOUCHER_SERVER_TOKEN", default="")
VOUCHER_FORMAT = env.str("VOUCHER_FORMAT", default="")
# How many different codes one account may type in an hour.
VOUCHER_LIMIT = env.int("VOUCHER_LIMIT", default=5)
# How many new cards one account may give in an hour.
CARD_LIMIT = env.int("CARD_LIMIT", default=10)
# How many days before an unanswered dispute is lost the desk and the log warn staff.
DISPUTE_DUE_DAYS = env.positive("DISPUTE_DUE_DAYS", default=5)
# What a dispute does to the plan that was paid: park it until the bank has decided, nothing, or end
# it at once.
DISPUTE_REACTION = env.choice("DISPUTE_REACTION", ["park", "none", "end"])
# For how many days nothing is sold to a device after its payment was reported as fraud. 0: no
# device is stopped.
DEVICE_STOP_DAYS = env.int("DEVICE_STOP_DAYS", default=180)
# The operator's billing in CAMARA's form, for the gateway payments.gateways.carrier_billing
# .CarrierBilling: Carrier Billing, Carrier Billing Refund, and the bearer token for both. A file
# with the token is read for each request. The API does not say when a reservation ends (0: it has
# no end that we know).
CARRIER_BILLING_URL = env.address("CARRIER_BILLING_URL", default="")
CARRIER_BILLING_REFUND_URL = env.address("CARRIER_BILLING_REFUND_URL", default="")
CARRIER_BILLING_TOKEN = env.str("CARRIER_BILLING_TOKEN", default="")
CARRIER_BILLING_TOKEN_FILE = env.str("CARRIER_BILLING_TOKEN_FILE", default="")
CARRIER_BILLING_RESERVATION_MINUTES = env.int("CARRIER_BILLING_RESERVATION_MINUTES", default=0)
# The agreed fees for charges, in basis points and minor units: simulator:USD=290+30.
PAYMENT_FEES = env.list("PAYMENT_FEES", default=[])
# Stripe, for the gateway payments.gateways.stripe.StripeGateway. The worker sends the API key. The
# portal checks the webhooks: by the secret, and that they belong to this mode.
STRIPE_MODE = env.choice("STRIPE_MODE", ["live", "test"])
STRIPE_API_KEY = env.str("STRIPE_API_KEY", default="")
STRIPE_WEBHOOK_SECRET = env.secret("STRIPE_WEBHOOK_SECRET")
STRIPE_WEBHOOK_SECRET_FALLBACKS = env.fallbacks("STRIPE_WEBHOOK_SECRET", env.require_secret)
# The interface, and the hosts that a customer's device needs for Stripe's page.
STRIPE_URL = env.address("STRIPE_URL", default="https://api.stripe.com")
STRIPE_DEVICE_HOSTS = env.list(
    "STRIPE_DEVICE_HOSTS",
    default=[
        *("checkout.stripe.com", "js.stripe.com", "api.stripe.com", "hooks.stripe.com"),
        *("m.stripe.com", "m.stripe.network", "q.stripe.com", "r.stripe.com"),
        *("b.stripecdn.com", "merchant-ui-api.stripe.com"),
    ],
)
_PAYMENT_SIMULATOR = "payments.gateways.simulator.SimulatorGateway"
# The payment gateways' classes. Each gateway serves what belongs to it (docs/payments.md#several).
PAYMENT_GATEWAY = env.adapters("PAYMENT_GATEWAY", **_in_demo(_PAYMENT_SIMULATOR))
# The names of the gateways that take new payments, in this order (default: all), and the same for
# single markets, such as PAYMENT_OFFERED_DE.
PAYMENT_OFFERED = env.list("PAYMENT_OFFERED", default=[])
PAYMENT_OFFERED_BY_MARKET = env.lists_by_country("PAYMENT_OFFERED")
# The gateway signs its posts to /payments/webhook with this secret. Without it, all are refused.
PAYMENT_WEBHOOK_SECRET = env.secret("PAYMENT_WEBHOOK_SECRET")
PAYMENT_WEBHOOK_SECRET_FALLBACKS = env.fallbacks("PAYMENT_WEBHOOK_SECRET", env.require_secret)
# Where customers enter a new card: on a page of the gateway, or in the portal's own fields. Real
# cards must never reach the portal: the fields are for the simulator's test cards.
_take_no_cards = {
    "payments.gateways.vouchers.VoucherServer",
    "payments.gateways.carrier_billing.CarrierBilling",
}
_simulates_payment = set(PAYMENT_GATEWAY) - _take_no_cards == {_PAYMENT_SIMULATOR}
_card_entries = ["fields", "page"] if DEMO and _simulates_payment else ["page", "fields"]
PAYMENT_CARD_ENTRY = env.choice("PAYMENT_CARD_ENTRY", _card_entries)
env.require(
    PAYMENT_CARD_ENTRY == "page" or _simulates_payment,
    "PAYMENT_CARD_ENTRY must be page: with fields, card numbers reach the portal, and PCI DSS asks"
    " for SAQ D instead of SAQ A. Only the payment simulator works with fields.",
)
# The operator's network, in which a plan is activated before its eSIM is handed over.
NETWORK = env.adapter("NETWORK", default="subscriptions.networks.http.HttpNetwork")
NETWORK_URL = env.address("NETWORK_URL", default="http://127.0.0.1:8003" if DEMO else "")
NETWORK_TOKEN = env.str("NETWORK_TOKEN", default="")
# A way out of the walled garden, for a bank's page: how long the network keeps it open at most, how
# much data it takes, and how many a SIM gets in a day (0: no limit). With 0 minutes no way is ever
# asked for (docs/payments.md#way-out).
WAY_OUT_MINUTES = env.int("WAY_OUT_MINUTES", default=10)
WAY_OUT_MEGABYTES = env.positive("WAY_OUT_MEGABYTES", default=5)
WAY_OUT_LIMIT = env.int("WAY_OUT_LIMIT", default=10)
NETWORK_SIMULATOR_URL = env.str("NETWORK_SIMULATOR_URL", default=NETWORK_URL)
SMDP_SIMULATOR_URL = env.str("SMDP_SIMULATOR_URL", default=SMDP_URL)
PAYMENT_SIMULATOR_URL = env.str("PAYMENT_SIMULATOR_URL", default=PAYMENT_GATEWAY_URL)
# Messages to customers (docs/messages.md). The console prints them. It is for a copy without a
# gateway.
_console = "messages.senders.console.Console"
MAIL_SENDER = env.adapter("MAIL_SENDER", default=_console if DEMO else "messages.senders.mail.Mail")
SMS_SENDER = env.adapter("SMS_SENDER", default=_console if DEMO else "")
env.require(
    DEMO or _console not in {MAIL_SENDER, SMS_SENDER},
    "MAIL_SENDER and SMS_SENDER cannot be the console: it prints one-time codes.",
)
MAIL_FROM = env.str("MAIL_FROM", default="")
EMAIL_BACKEND = "messages.senders.mail.SmtpBackend"
_mail_server = env.mail_server("MAIL_URL")
EMAIL_HOST, EMAIL_PORT = _mail_server.host, _mail_server.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail_server.user, _mail_server.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail_server.starts_tls, _mail_server.is_tls
# Seconds for each answer of the mail server. OUTSIDE_CALL_TIMEOUT limits the whole conversation.
EMAIL_TIMEOUT = 5.0
MESSAGE_GATEWAY_URL = env.address(
    "MESSAGE_GATEWAY_URL", default="http://127.0.0.1:8004" if DEMO else ""
)
MESSAGE_GATEWAY_TOKEN = env.str("MESSAGE_GATEWAY_TOKEN", default="")
MESSAGE_SIMULATOR_URL = env.str("MESSAGE_SIMULATOR_URL", default=MESSAGE_GATEWAY_URL)
# The most messages in an hour to one address, to one number, and to all numbers of a country; 0: no
# limit. The countries that get SMS are the operator's (`brand`).
MAILS_PER_HOUR = env.int("MAILS_PER_HOUR", default=10)
SMS_PER_HOUR = env.int("SMS_PER_HOUR", default=10)
SMS_PER_COUNTRY_HOUR = env.int("SMS_PER_COUNTRY_HOUR", default=1000)
# How long a message is tried again, and after how many days its content is deleted.
MESSAGE_RETRY_HOURS = env.int("MESSAGE_RETRY_HOURS", default=24)
MESSAGE_DAYS = env.int("MESSAGE_DAYS", default=90)
# The hours in which a message that is not urgent waits, where its reader is. A demo is shown
# at any hour.
QUIET_HOURS = env.hours("QUIET_HOURS", default="none" if DEMO else "21-8")
# The operator's APIs in CAMARA's form (docs/numbers.md): whether a phone number changed hands, and
# one-time codes by SMS. Without NUMBER_CHECKS nobody is asked, and without CODE_SERVICE the codes
# are the portal's own.
NUMBER_CHECKS = env.adapter("NUMBER_CHECKS", default="")
SIM_SWAP_URL = env.address("SIM_SWAP_URL", default="")
NUMBER_RECYCLING_URL = env.address("NUMBER_RECYCLING_URL", default="")
CODE_SERVICE = env.adapter("CODE_SERVICE", default="")
ONE_TIME_PASSWORD_URL = env.address("ONE_TIME_PASSWORD_URL", default="")
OPERATOR_API_TOKEN = env.str("OPERATOR_API_TOKEN", default="")
# For how many days a new SIM makes its number suspect.
SIM_CHANGE_DAYS = env.positive("SIM_CHANGE_DAYS", default=7)
# Usage records (docs/usage.md). USAGE_TOKENS lists who may send them to /v1/usage, as name:token.
# The name becomes the records' source. CHARGING fetches them from a charging system instead.
USAGE_TOKENS = [tuple(pair.split(":", 1)) for pair in env.list("USAGE_TOKENS", default=[])]
env.require(
    all(len(pair) == 2 and all(pair) and len(pair[0]) <= 40 for pair in USAGE_TOKENS),  # noqa: PLR2004 -- a name of at most 40 characters, and its token
    "USAGE_TOKENS must be a list of name:token.",
)
USAGE_BATCH = env.positive("USAGE_BATCH", default=1000)
CHARGING = env.adapter("CHARGING", default="")
CHARGING_URL = env.address("CHARGING_URL", default="")
CHARGING_TOKEN = env.str("CHARGING_TOKEN", default="")
CHARGING_SOURCE = env.str("CHARGING_SOURCE", default="charging")
# The operator's customer system, from which customers link the lines that they have already
# (docs/customer-system.md). Without an adapter no line can be linked.
CUSTOMER_SYSTEM = env.adapter("CUSTOMER_SYSTEM", default="")
CUSTOMER_SYSTEM_URL = env.address("CUSTOMER_SYSTEM_URL", default="")
CUSTOMER_SYSTEM_TOKEN = env.str("CUSTOMER_SYSTEM_TOKEN", default="")
CUSTOMER_OPERATIONS = env.list("CUSTOMER_OPERATIONS", default=[])
env.require(
    set(CUSTOMER_OPERATIONS) <= {"may-attach", "attach", "detach", "cancel", "undo", "change"},
    "CUSTOMER_OPERATIONS may list may-attach, attach, detach, cancel, undo and change.",
)
# In minutes: how often a linked line's balances are fetched, and how old they may be.
LINE_BALANCE_REFRESH = env.positive("LINE_BALANCE_REFRESH", default=10)
LINE_BALANCE_AGE = env.positive("LINE_BALANCE_AGE", default=60)
env.require(
    LINE_BALANCE_AGE > LINE_BALANCE_REFRESH,
    "LINE_BALANCE_AGE must be more than LINE_BALANCE_REFRESH.",
)
CELERY_BEAT_SCHEDULE = beat_schedule(pulls_usage=bool(CHARGING), fetches_provider=bool(OIDC_ISSUER))
# In the demo, API callers need no certificate. Elsewhere a client certificate identifies the
# caller. The proxy forwards it together with this secret.
API_WITHOUT_CERTIFICATE = DEMO
PROXY_SECRET = env.secret("PROXY_SECRET")
PROXY_SECRET_FALLBACKS = env.fallbacks("PROXY_SECRET", env.require_secret)
# The one header that the proxy writes the certificate into. A name with "_" would reach the portal
# under the same WSGI name as one with "-".
CLIENT_CERTIFICATE_HEADER = env.str("CLIENT_CERTIFICATE_HEADER", default="X-Client-Certificate")
env.require(
    is_header_name(CLIENT_CERTIFICATE_HEADER),
    "CLIENT_CERTIFICATE_HEADER must be a header's name: letters, digits and hyphens.",
)
# Who may call Get Balance: the authorities, intermediates and revocation lists (PEM files) of the
# caller's certificate, the expected names or SHA-256 pins, and optionally a user:password.
BALANCE_CA = env.str("BALANCE_CA", default="")
BALANCE_INTERMEDIATES = env.str("BALANCE_INTERMEDIATES", default="")
BALANCE_REVOKED = env.str("BALANCE_REVOKED", default="")
BALANCE_NAMES = frozenset(env.list("BALANCE_NAMES", default=[]))
BALANCE_CREDENTIALS = env.credentials("BALANCE_CREDENTIALS")
BALANCE_CREDENTIALS_FALLBACKS = env.fallbacks("BALANCE_CREDENTIALS", env.require_credentials)
# Requests per second for each caller, and the hours for which a transaction id cannot be reused;
# 0: no limit.
BALANCE_RATE = env.float("BALANCE_RATE", default=1000.0)
BALANCE_REPLAY_HOURS = env.float("BALANCE_REPLAY_HOURS", default=24.0)
# The two spellings that Microsoft's documentation uses for this field.
BALANCE_DATA_KEY = env.choice("BALANCE_DATA_KEY", ["dataRemainingInMB", "dataRemaininginMB"])
# Who may notify as an SM-DP+: authorities, intermediates and revocation lists (PEM files).
SMDP_CALLBACK_CA = env.str("SMDP_CALLBACK_CA", default="")
SMDP_CALLBACK_INTERMEDIATES = env.str("SMDP_CALLBACK_INTERMEDIATES", default="")
SMDP_CALLBACK_REVOKED = env.str("SMDP_CALLBACK_REVOKED", default="")
# Seconds. The lease must be longer than any outside call that a worker makes under it.
OUTSIDE_CALL_TIMEOUT = env.float("OUTSIDE_CALL_TIMEOUT", default=8.0)
CARD_TOKEN_TIMEOUT = 5.0
OUTBOX_LEASE = env.float("OUTBOX_LEASE", default=20.0)
env.require(
    OUTBOX_LEASE > OUTSIDE_CALL_TIMEOUT > 0,
    "OUTBOX_LEASE must be longer than OUTSIDE_CALL_TIMEOUT.",
)

# -- The operator's choices (docs/contract.md#lpa-errors, docs/contract.md#handoff).
# The time zone in which a year of receipts begins and a month renews.
BILLING_ZONE = env.str("BILLING_ZONE", default="UTC")
env.require(is_time_zone(BILLING_ZONE), f"BILLING_ZONE: {BILLING_ZONE!r} is not a time zone.")
# Days after which a visit's EID, ICCIDs and IMEI are deleted.
VISIT_IDENTIFIERS_DAYS = env.int("VISIT_IDENTIFIERS_DAYS", default=30)
# How long rows are kept (docs/retention.md). Visits in which nobody signed in:
STRANGER_DAYS = env.positive("STRANGER_DAYS", default=2)
# Above this many of these visits, further launches with an LPA error are not stored.
STRANGER_VISITS = env.int("STRANGER_VISITS", default=100_000)
# What support looks up: visits, handoffs, LPA errors, calls to other systems, notices.
SUPPORT_DAYS = env.positive("SUPPORT_DAYS", default=180)
# Withdrawals and cancellations by law. Claims from them end three years after the year's end.
DECLARATION_DAYS = env.positive("DECLARATION_DAYS", default=1461)
# Closed tasks, and calls to the charging system.
TASK_DAYS = env.positive("TASK_DAYS", default=7)
# What staff did at the desk.
DESK_LOG_DAYS = env.positive("DESK_LOG_DAYS", default=730)
# Usage records. Older usage is refused, so that none counts twice.
USAGE_DAYS = env.positive("USAGE_DAYS", default=400)
# Orders, payments, refunds and receipts, for as long as the law demands.
BOOKS_YEARS = env.positive("BOOKS_YEARS", default=10)
# Days after a plan's end until its eSIM is cancelled if it was never downloaded; 0: never.
ESIM_EXPIRY_DAYS = env.int("ESIM_EXPIRY_DAYS", default=90)
# After this many equal LPA errors the customer is sent to support.
LPA_ERROR_LIMIT = env.int("LPA_ERROR_LIMIT", default=3)
# The check by which a customer proves that a SIM is theirs.
SIM_PROOF = env.str("SIM_PROOF", default="esim.domain.proofs.PukEnding")
# How many orders of one account, and for one device, may be open or cancelled within an hour before
# the next one has to wait; 0: no limit.
ORDER_LIMIT = env.int("ORDER_LIMIT", default=5)
DEVICE_ORDER_LIMIT = env.int("DEVICE_ORDER_LIMIT", default=10)
# How often a sold eSIM may be issued again.
REISSUE_LIMIT = env.int("REISSUE_LIMIT", default=2)
# Whether staff need a code of an authenticator app beside their password.
SECOND_FACTOR = env.bool("SECOND_FACTOR", default=not DEMO)
# What one of the staff may not do alone: the names of actions, such as take-back-order.
FOUR_EYES = env.list("FOUR_EYES", default=[])
# How many refunds one of the staff may ask for in 24 hours; 0: no limit.
REFUNDS_A_DAY = env.int("REFUNDS_A_DAY", default=0)
# After this many failed sign-ins, a customer who leaves returns to the host with LogOnFailed.
SIGN_IN_LIMIT = env.int("SIGN_IN_LIMIT", default=5)
# The status that the host receives for a refused payment.
PAYMENT_REFUSED_STATUS = env.choice("PAYMENT_REFUSED_STATUS", ["PurchaseFailed", "BillingError"])

# What /readyz checks, and the figures that it reports.
READINESS_CHECKS = readiness_checks(FACE, is_demo=DEMO, has_simulators=SIMULATORS)
READINESS_FIGURES = ["outbox.health.seconds_since_heartbeat"]

# Without compiled catalogues every text would be English, even in an Arabic page.
env.require_catalogues([] if DEMO else missing_catalogues(LOCALE_PATHS[0], LANGUAGES))
ENVIRONMENT_PROBLEMS = env.problems
env.stop_if_wrong()
