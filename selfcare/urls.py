"""The customer's account."""

from django.urls import path

from selfcare import views

urlpatterns = [
    path("", views.account, name="account"),
    path("messages/<int:number>/", views.message, name="message"),
    path("messages/<int:number>/file/", views.message_file, name="message-file"),
    path("methods/<int:number>/remove/", views.remove_method, name="method-remove"),
]
