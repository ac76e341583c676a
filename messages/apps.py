from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "messages"
    # Django's own app of one-time notices has the label `messages`.
    label = "customer_messages"
    verbose_name = "Messages"
