"""What staff can do with a customer's account (`moportal.actions`)."""

from accounts.access import sessions
from accounts.models import User
from moportal.actions import Action

END_SIGN_INS = Action(
    name="end-sign-ins",
    title="Sign out everywhere",
    permission="accounts.end_sign_ins",
    rows=lambda account: User.objects.filter(pk=account),
    is_possible=lambda account: account.is_active,
    label=lambda account: f"account {account.username}",
    consequence=(
        "Every browser and app in which the customer is signed in must sign in again. Plans, "
        "orders and payments do not change."
    ),
    say=(
        "I have signed you out on all devices. Sign in again with your password, and change it if "
        "somebody else may know it."
    ),
    run=lambda account, actor, _values: sessions.end_all_by_staff(account, actor=actor),
)
ACTIONS = (END_SIGN_INS,)
