from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        from orders.placing import KIND  # noqa: PLC0415 -- models are not there at import
        from orders.settling import settle  # noqa: PLC0415 -- the same
        from outbox.domain import register  # noqa: PLC0415 -- the same

        register(KIND, settle)
