"""Routes under `/v1/`; no redirect for a trailing slash.

They are written whole, for a resolver less on the way of every question.
"""

from django.urls import path

from balance_api.usage import UsageView
from balance_api.views import BalancesView

urlpatterns = [
    path("v1/sims/<str:sim>/balances", BalancesView.as_view(), name="balances"),
    path("v1/usage", UsageView.as_view(), name="usage"),
]
