from django.apps import AppConfig


class MobilePlansConfig(AppConfig):
    name = "mobileplans"
    verbose_name = "Mobile Plans"

    def ready(self) -> None:
        from mobileplans.visits import listen  # noqa: PLC0415 -- models are not there at import

        listen()
