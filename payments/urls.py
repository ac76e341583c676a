"""The addresses that the payment gateway calls."""

from django.urls import path

from payments import views

urlpatterns = [
    path("webhook", views.webhook, name="payment-webhook"),
    path("webhook/<slug:name>", views.webhook, name="payment-webhook-of"),
]
