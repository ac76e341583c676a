"""The roles of staff: groups with permissions, written again by every `migrate`.

These groups belong to the product: a release may give or withdraw a permission. An operator who
wants other rights makes a group of its own. Only a superuser makes staff, groups and superusers.

Each role has the least that its work needs. A person with two tasks gets two roles.
"""

from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.db.models import Q

# The rooms with pages at the desk. Of Django's own apps, only `STAFF_ACTS` is given.
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
        "support",
    }
)
# Who opened which customer's page is for auditors.
READ_BY_MANY = ROOMS - {"support"}


@dataclass(frozen=True)
class Role:
    """What a role reads, edits and does. A room is named by its app label."""

    name: str
    # The rooms whose rows it reads.
    reads: frozenset[str] = frozenset()
    # The rooms whose rows it adds, changes and deletes, where the desk offers that.
    edits: frozenset[str] = frozenset()
    # What else it may do, by codename.
    may: frozenset[str] = frozenset()

    def has(self, room: str, codename: str) -> bool:
        """Return whether the role has this permission of this room."""
        if codename in self.may:
            return True
        if codename.startswith("view_"):
            return room in self.reads
        return codename.startswith(("add_", "change_", "delete_")) and room in self.edits


# Without these, nobody sees a customer's page.
OPENS = frozenset({"open_customer"})
# Work with one customer on the phone. Money is not among it.
HELPS = frozenset(
    {
        "cancel_subscription",
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
        "work_cases",
    }
)
# What gives a customer money back, ends a plan, or lets a device or a SIM pass that was stopped.
# And what stops a sale, or tells all customers something, at once.
DECIDES = frozenset(
    {
        "carry_out_declaration",
        "decide_takeover",
        "extend_subscription",
        "lift_stop",
        "pause_sales",
        "post_notice",
        "refund_charge",
        "refund_order",
    }
)
# What agrees the portal's money with the banks and gateways.
SETTLES = frozenset(
    {"decide_dispute", "fetch_books", "settle_difference", "settle_removal", "work_cases"}
)

VIEWER, AGENT, SUPERVISOR = "viewer", "agent", "supervisor"
CATALOGUE_EDITOR, FINANCE = "catalogue editor", "finance"
AUDITOR, ADMINISTRATOR = "auditor", "administrator"
STAFF_ACTS = frozenset({"view_logentry"})
ROLES = (
    Role(VIEWER, reads=READ_BY_MANY, may=OPENS),
    Role(AGENT, reads=READ_BY_MANY, may=OPENS | HELPS),
    Role(SUPERVISOR, reads=READ_BY_MANY, may=OPENS | HELPS | DECIDES),
    # A catalogue editor sees no customer. Finance sees the customers' orders and payments alone.
    Role(
        CATALOGUE_EDITOR,
        reads=frozenset({"brand", "plans"}),
        edits=frozenset({"brand", "plans"}),
        may=frozenset({"announce_price", "post_notice", "view_pricechange"}),
    ),
    Role(FINANCE, reads=frozenset({"payments"}), may=SETTLES | {"view_order"}),
    Role(AUDITOR, reads=ROOMS, may=OPENS | STAFF_ACTS),
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

    of_product = Q(content_type__app_label__in=ROOMS) | Q(codename__in=STAFF_ACTS)
    permissions = permission_model.objects.using(using).select_related("content_type")
    every = list(permissions.filter(of_product))
    given = {
        role.name: [row for row in every if role.has(row.content_type.app_label, row.codename)]
        for role in ROLES
    }
    for name, rows in {**given, ADMINISTRATOR: every}.items():
        group, _ = group_model.objects.using(using).get_or_create(name=name)
        # `set` also withdraws what the role no longer has.
        group.permissions.set(rows)
