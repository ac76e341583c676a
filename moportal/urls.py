"""The routes of each face (docs/architecture.md)."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

import balance_api.urls
from accounts.admin import passwords, second_factor
from balance_api import schema
from brand.views import logo

# In place of Django's "Django administration".
admin.site.site_header = admin.site.site_title = "Staff desk"
PORTAL: list[URLPattern | URLResolver] = [
    path("", include("mobileplans.urls")),
    path("", include("accounts.urls")),
    path("", include("orders.urls")),
    path("", include("plans.urls")),
    path("", include("brand.urls")),
    path("account/", include("selfcare.urls")),
    path("payments/", include("payments.urls")),
]
API: list[URLPattern | URLResolver] = [
    *balance_api.urls.urlpatterns,
    path("gsma/rsp2/es2plus/", include("esim.urls")),
]
DESK: list[URLPattern | URLResolver] = [
    path("", include("support.urls")),
    path("admin/interfaces/", schema.interfaces_page, name="interfaces"),
    path("admin/interfaces/openapi.yaml", schema.openapi_file, name="openapi"),
    path("admin/set-password/", passwords.set_password, name="set-password"),
    # The page of the operator shows it.
    path("logo/<str:name>", logo, name="logo"),
    path("admin/second-factor/", second_factor.second_factor, name="second-factor"),
    # In place of Django's page, which counts no wrong passwords.
    path("admin/password_change/", passwords.change_password),
    path("admin/", admin.site.urls),
]
FACES = {"portal": PORTAL, "api": API, "desk": DESK, "all": [*PORTAL, *API, *DESK]}
urlpatterns: list[URLPattern | URLResolver] = [*FACES[settings.FACE]]
handler400 = "moportal.web.errors.bad_request"
handler403 = "moportal.web.errors.permission_denied"
handler404 = "moportal.web.errors.not_found"
handler500 = "moportal.web.errors.server_error"

if settings.SIMULATORS:
    urlpatterns.append(path("simulator/", include("simulators.mobileplans.urls")))
    if settings.DEMO:
        urlpatterns.append(path("demo/", include("demo.urls")))
