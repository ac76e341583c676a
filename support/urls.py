from django.urls import path

from support.views.actions import act, decide
from support.views.cases import cases, one_case
from support.views.customer import customer
from support.views.dashboard import dashboard
from support.views.finding import find

urlpatterns = [
    # Customer systems open these addresses, so they must not change.
    path("find", find, name="find"),
    path("customers/<int:account>/", customer, name="customer"),
    path("customers/<int:account>/actions/<slug:name>/<int:row>/", act, name="act"),
    path("cases/", cases, name="cases"),
    path("cases/<slug:kind>/<int:row>/", one_case, name="case"),
    path("dashboard/", dashboard, name="dashboard"),
    path("decisions/<int:asked>/", decide, name="decide"),
]
