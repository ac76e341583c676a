"""The customer's account."""

from django.urls import path

from selfcare.views import (
    account,
    addresses,
    lines,
    own_data,
    plan_payment,
    plans,
    receipts,
    reentry,
    security,
)

urlpatterns = [
    path("", account.account, name="account"),
    path("messages/<int:number>/", account.message, name="message"),
    path("messages/<int:number>/file/", account.message_file, name="message-file"),
    path("receipts/", receipts.overview, name="receipts"),
    path("receipts/<str:number>/", receipts.receipt, name="receipt"),
    path("receipts/<str:number>/file/", receipts.receipt_file, name="receipt-file"),
    path("credit-notes/<str:number>/", receipts.credit_note, name="credit-note"),
    path("credit-notes/<str:number>/file/", receipts.credit_note_file, name="credit-note-file"),
    path("lines/link/", lines.begin, name="link-line"),
    path("lines/link/code/", lines.enter_code, name="link-code"),
    path("lines/link/code/again/", lines.send_again, name="link-code-again"),
    path("lines/link/<uuid:link>/", lines.progress, name="link"),
    path("plans/<str:reference>/", plans.plan, name="plan"),
    path("plans/<str:reference>/cancel/", plans.cancel, name="plan-cancel"),
    path("plans/<str:reference>/cancel/undo/", plans.undo_cancel, name="plan-undo-cancel"),
    path("plans/<str:reference>/name/", plans.name_line, name="line-name"),
    path("plans/<str:reference>/pay/", plan_payment.pay, name="plan-pay"),
    path("methods/<int:number>/remove/", account.remove_method, name="method-remove"),
    path("security/", security.overview, name="security"),
    path("security/password/", security.change_password, name="password"),
    path("security/password/first/", security.set_first_password, name="first-password"),
    path("security/recovery-code/", security.renew_recovery_code, name="renew-recovery-code"),
    path("security/sign-out-others/", security.sign_out_others, name="sign-out-others"),
    path(
        "security/operator/<int:number>/remove/", security.remove_identity, name="identity-remove"
    ),
    path("addresses/", addresses.overview, name="addresses"),
    path("addresses/add/", addresses.add, name="address-add"),
    path("addresses/code/", addresses.enter_code, name="address-code"),
    path("addresses/code/again/", addresses.send_again, name="address-code-again"),
    path("addresses/<int:number>/prove/", addresses.prove, name="address-prove"),
    path("addresses/<int:number>/sign-in/", addresses.sign_in_with, name="address-sign-in"),
    path("addresses/<int:number>/remove/", addresses.remove, name="address-remove"),
    path("export/", own_data.export, name="export"),
    path("export/<uuid:made>/", own_data.export_file, name="export-file"),
    path("delete/", own_data.delete, name="delete-account"),
    path("delete/undo/", own_data.undo, name="undo-deletion"),
    path("confirm/", reentry.confirm, name="confirm"),
    path("confirm/address/", reentry.choose_address, name="confirm-address"),
    path("confirm/code/", reentry.enter_code, name="confirm-code"),
    path("confirm/code/again/", reentry.send_again, name="confirm-code-again"),
]
