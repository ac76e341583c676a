"""The gateway's door."""

from django.urls import path

from payments import views

urlpatterns = [path("webhook", views.webhook, name="payment-webhook")]
