"""The pages that every page links to, the brand's stylesheet and its logo."""

from django.urls import path

from brand import views

urlpatterns = [
    path("support/", views.support, name="support"),
    path("terms/", views.terms, name="terms"),
    path("privacy/", views.privacy, name="privacy"),
    path("language/", views.language, name="language"),
    path("styles/<slug:sheet>-<slug:version>.css", views.stylesheet, name="stylesheet"),
    path("logo/<str:name>", views.logo, name="logo"),
]
