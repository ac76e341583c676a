from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    verbose_name = "Subscriptions"

    def ready(self) -> None:
        from outbox.domain import register  # noqa: PLC0415 -- models are not there yet
        from subscriptions.domain import claims, pulling  # noqa: PLC0415 -- the same

        register(claims.KIND, claims.end_old_plans)
        register(pulling.KIND, pulling.fetch_usage)
