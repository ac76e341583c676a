from django.apps import AppConfig


class EsimConfig(AppConfig):
    name = "esim"
    verbose_name = "eSIM"
