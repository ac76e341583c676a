"""The pages that every page links to, and the brand's stylesheet."""

from django.urls import path

from brand import views

urlpatterns = [
    path("support/", views.support, name="support"),
    path("terms/", views.terms, name="terms"),
    path("privacy/", views.privacy, name="privacy"),
    path("language/", views.language, name="language"),
    path("styles/<slug:sheet>-<slug:version>.css", views.stylesheet, name="stylesheet"),
]
