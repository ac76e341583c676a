from django.apps import AppConfig


class EsimConfig(AppConfig):
    name = "esim"
    verbose_name = "eSIM"

    def ready(self) -> None:
        from esim import checks  # noqa: F401, PLC0415 -- registers itself; models are there now
        from esim.domain.progress import KIND, look_at_progress  # noqa: PLC0415 -- models are not there yet
        from outbox.domain import register  # noqa: PLC0415 -- the same

        register(KIND, look_at_progress)
