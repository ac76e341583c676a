from django.apps import AppConfig


class EsimConfig(AppConfig):
    name = "esim"
    verbose_name = "eSIM"

    def ready(self) -> None:
        from esim import checks  # noqa: F401, PLC0415 -- registers its checks; needs models
        from esim.domain.progress import KIND, process_progress  # noqa: PLC0415 -- needs models
        from outbox.domain import register  # noqa: PLC0415 -- the same

        register(KIND, process_progress)
