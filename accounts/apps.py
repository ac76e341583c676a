from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts import checks  # noqa: F401, PLC0415 -- registers its check; models are not there at import
        from accounts.access import caller_facts, known_browsers, languages, sessions  # noqa: PLC0415 -- the same
        from accounts.domain import (  # noqa: PLC0415 -- the same
            announcing,
            code_sending,
            codes,
            deleting,
            exporting,
            recovery,
            reentry,
            staff_codes,
            typed_codes,
        )
        from accounts.oidc import fetching, provider  # noqa: PLC0415 -- the same
        from accounts.roles import write_groups  # noqa: PLC0415 -- the same
        from messages.signals import message_ended  # noqa: PLC0415 -- the same
        from outbox.domain import register  # noqa: PLC0415 -- the same

        post_migrate.connect(write_groups, dispatch_uid="accounts.roles.write_groups")
        # First: it must see which sign-ins there were before this one.
        announcing.connect()
        sessions.connect()
        register(provider.KIND, fetching.fetch)
        known_browsers.connect()
        languages.connect()
        reentry.connect()
        recovery.register_way(staff_codes.find)
        caller_facts.register(caller_facts.NAME)
        register(codes.KIND, code_sending.send)
        register(typed_codes.KIND, typed_codes.check)
        register(exporting.KIND, exporting.make)
        register(deleting.KIND, deleting.advance)
        message_ended.connect(
            code_sending.note_ended_message, dispatch_uid="accounts.note_ended_message"
        )
