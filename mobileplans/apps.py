from django.apps import AppConfig


class MobilePlansConfig(AppConfig):
    name = "mobileplans"
    verbose_name = "Mobile Plans"

    def ready(self) -> None:
        from mobileplans.domain.visits import listen  # noqa: PLC0415 -- models are not there at import

        listen()
