"""The customer's account."""

from django.urls import path

from selfcare import views

urlpatterns = [
    path("", views.account, name="account"),
    path("methods/<int:number>/remove/", views.remove_method, name="method-remove"),
]
