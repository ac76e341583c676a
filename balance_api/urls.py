"""Routes under `/v1/`. A trailing slash is not redirected."""

from django.urls import path

from balance_api.usage import UsageView
from balance_api.views import BalancesView

urlpatterns = [
    path("v1/sims/<str:sim>/balances", BalancesView.as_view(), name="balances"),
    path("v1/usage", UsageView.as_view(), name="usage"),
]
