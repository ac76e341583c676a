from django.apps import AppConfig


class BalanceApiConfig(AppConfig):
    name = "balance_api"
    verbose_name = "Balance API"
