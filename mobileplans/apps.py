from django.apps import AppConfig


class MobilePlansConfig(AppConfig):
    name = "mobileplans"
    verbose_name = "Mobile Plans"

    def ready(self) -> None:
        from mobileplans.domain.visits import connect_signals  # noqa: PLC0415 -- models are not there at import

        connect_signals()
