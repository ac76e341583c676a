from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "messages"
    # Django's own app of one-time notices has the label `messages`.
    label = "customer_messages"
    verbose_name = "Messages"

    def ready(self) -> None:
        from messages.domain import sending, writing  # noqa: PLC0415 -- models are not there yet
        from outbox.domain import register  # noqa: PLC0415 -- the same

        register(writing.KIND, sending.send)
