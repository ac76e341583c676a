from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "outbox"
    verbose_name = "Outbox"

    def ready(self) -> None:
        from outbox import purging  # noqa: PLC0415 -- models are not there yet
        from outbox.domain import register  # noqa: PLC0415 -- the same

        register(purging.KIND, purging.purge)
