"""The portal's database and models, with the settings that `startproject` writes."""

from moportal.settings import *  # noqa: F403 -- everything not set below is the portal's

ROOT_URLCONF = "bench.anchors.stock"
REST_FRAMEWORK: dict[str, object] = {}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
