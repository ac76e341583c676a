"""The customer's own page."""

from django.urls import path

from selfcare import views

urlpatterns = [path("", views.account, name="account")]
