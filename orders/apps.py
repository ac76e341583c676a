from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        from orders import placing, repairing  # noqa: PLC0415 -- models are not there at import
        from orders.settling import settle  # noqa: PLC0415 -- the same
        from outbox.domain import register  # noqa: PLC0415 -- the same

        register(placing.KIND, settle)
        register(repairing.KIND, repairing.repair)
