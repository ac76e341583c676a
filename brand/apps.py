from django.apps import AppConfig


class BrandConfig(AppConfig):
    name = "brand"
    verbose_name = "Brand"

    def ready(self) -> None:
        from brand import checks  # noqa: F401, PLC0415 -- registers its check; needs models
