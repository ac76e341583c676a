"""The apps that Django loads: the frameworks, and the rooms from the lowest to the highest."""

FRAMEWORKS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    # Before staticfiles, so that `runserver` serves files as production does.
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "drf_spectacular",
]
# In the order of the layers in pyproject.toml: each may import those before it.
ROOMS = [
    "moportal",
    "brand",
    "outbox",
    "messages",
    "accounts",
    "plans",
    "esim",
    "payments",
    "subscriptions",
    "mobileplans",
    "orders",
    "selfcare",
    "balance_api",
    "support",
]
