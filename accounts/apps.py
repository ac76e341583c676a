from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts.roles import write_groups  # noqa: PLC0415 -- settings are not there at import

        post_migrate.connect(write_groups, dispatch_uid="accounts.roles.write_groups")
