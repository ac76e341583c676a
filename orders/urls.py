"""The journey."""

from django.urls import path

from orders.views import leave, order, payment, plans, review

urlpatterns = [
    path("options/", plans.options, name="options"),
    path("plans/", plans.plans, name="plans"),
    path("payment/", payment.payment, name="payment"),
    path("review/", review.review, name="review"),
    path("orders/<slug:number>/", order.order, name="order"),
    path("orders/<slug:number>/continue/", order.proceed, name="order-continue"),
    path("orders/<slug:number>/again/", order.again, name="order-again"),
    path("leave/", leave.leave, name="leave"),
]
