"""Sign-in, sign-up and recovery."""

from django.urls import path

from accounts.views import oidc, recovery, sign_in

urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-up/", sign_in.sign_up, name="sign-up"),
    path("recover/", recovery.recover, name="recover"),
    path("recover/code/", recovery.recover_by_code, name="recover-by-code"),
    path("recover/code/enter/", recovery.enter_code, name="recover-enter-code"),
    path("recover/code/again/", recovery.send_again, name="recover-send-again"),
    path("recovery-code/", recovery.recovery_code, name="recovery-code"),
    path("oidc/start/", oidc.start, name="oidc-start"),
    path("oidc/return/", oidc.come_back, name="oidc-return"),
    path("oidc/join/", oidc.join, name="oidc-join"),
    path("oidc/sign-out/", oidc.sign_out, name="oidc-sign-out"),
    path("oidc/signed-out/", oidc.signed_out, name="oidc-signed-out"),
    path("oidc/logout/", oidc.logout, name="oidc-logout"),
]
