"""The customer's account."""

from django.urls import path

from selfcare.views import account, security

urlpatterns = [
    path("", account.account, name="account"),
    path("messages/<int:number>/", account.message, name="message"),
    path("messages/<int:number>/file/", account.message_file, name="message-file"),
    path("methods/<int:number>/remove/", account.remove_method, name="method-remove"),
    path("security/", security.overview, name="security"),
    path("security/password/", security.change_password, name="password"),
    path("security/recovery-code/", security.renew_recovery_code, name="renew-recovery-code"),
    path("security/sign-out-others/", security.sign_out_others, name="sign-out-others"),
]
