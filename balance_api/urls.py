"""Routes under `/v1/`; no redirect for a trailing slash."""

from django.urls import path

from balance_api.views import BalancesView

urlpatterns = [path("sims/<str:sim>/balances", BalancesView.as_view(), name="balances")]
