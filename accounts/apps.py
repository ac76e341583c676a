from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts import known_browsers, languages, sessions  # noqa: PLC0415 -- models are not there at import
        from accounts.roles import write_groups  # noqa: PLC0415 -- the same

        post_migrate.connect(write_groups, dispatch_uid="accounts.roles.write_groups")
        sessions.connect()
        known_browsers.connect()
        languages.connect()
