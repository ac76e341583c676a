"""The pages of the catalogue."""

from django.urls import path

from plans import views

urlpatterns = [path("plans/<int:pk>/terms/", views.terms, name="plan-terms")]
