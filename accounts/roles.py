"""The roles of staff: groups with permissions, written again by every `migrate`.

The three groups belong to the product: a release may give or withdraw a permission. An operator who
wants other rights makes a group of its own. Only a superuser makes staff, groups and superusers.
"""

from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps

VIEWER, AGENT, ADMINISTRATOR = "viewer", "agent", "administrator"
# The rooms with pages at the desk. Permissions of Django's own apps, such as `auth`,
# are never given here.
ROOMS = frozenset(
    {
        "accounts",
        "balance_api",
        "brand",
        "customer_messages",
        "esim",
        "mobileplans",
        "orders",
        "outbox",
        "payments",
        "plans",
        "subscriptions",
    }
)
# What an agent may do besides reading. Money is not among it.
AGENT_CODENAMES = frozenset(
    {
        "change_lpareport",
        "clear_staff_alert",
        "end_mandate",
        "end_sign_ins",
        "fetch_books",
        "lift_lock",
        "reissue_esim",
        "resend_message",
        "resume_subscription",
        "retry_order",
        "settle_declaration",
        "settle_removal",
        "start_recovery",
    }
)


def write_groups(
    *, app_config: AppConfig, using: str, apps: Any = installed_apps, **_signal: Any
) -> None:
    """Give each role its permissions; the receiver of Django's `post_migrate`.

    Django sends the signal once for each app, and creates the app's permissions first. The groups
    are written with the last app, when all permissions are there.
    """
    with_models = [config for config in installed_apps.get_app_configs() if config.models_module]
    if app_config != with_models[-1]:
        return
    try:
        group_model = apps.get_model("auth", "Group")
        permission_model = apps.get_model("auth", "Permission")
    except LookupError:
        # `migrate` has gone back to before these tables.
        return

    permissions = permission_model.objects.using(using).filter(content_type__app_label__in=ROOMS)
    for role in (VIEWER, AGENT, ADMINISTRATOR):
        group, _ = group_model.objects.using(using).get_or_create(name=role)
        # `set` also withdraws what the role no longer has.
        group.permissions.set([row for row in permissions if _has(role, row.codename)])


def _has(role: str, codename: str) -> bool:
    if role == ADMINISTRATOR or codename.startswith("view_"):
        return True
    return role == AGENT and codename in AGENT_CODENAMES
