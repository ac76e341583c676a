from django.urls import path

from support.views.customer import customer
from support.views.finding import find

urlpatterns = [
    # Customer systems open these addresses, so they must not change.
    path("find", find, name="find"),
    path("customers/<int:account>/", customer, name="customer"),
]
