"""Sign-in and sign-up."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-up/", views.sign_up, name="sign-up"),
    path("recover/", views.recover, name="recover"),
    path("recovery-code/", views.recovery_code, name="recovery-code"),
]
