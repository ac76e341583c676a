"""The journey."""

from django.urls import path

from orders.views import draft, leave, order

urlpatterns = [
    path("options/", draft.options, name="options"),
    path("plans/", draft.plans, name="plans"),
    path("payment/", draft.payment, name="payment"),
    path("review/", draft.review, name="review"),
    path("orders/<slug:number>/", order.order, name="order"),
    path("orders/<slug:number>/continue/", order.proceed, name="order-continue"),
    path("orders/<slug:number>/again/", order.again, name="order-again"),
    path("leave/", leave.leave, name="leave"),
]
