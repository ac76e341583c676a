from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "support"

    def ready(self) -> None:
        from support import checks  # noqa: F401, PLC0415 -- registers its check; needs models
