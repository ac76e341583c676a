"""The journey."""

from django.urls import path

from orders.views import card, device, install, leave, order, payment, plans, problem, review

urlpatterns = [
    path("options/", plans.options, name="options"),
    path("plans/", plans.plans, name="plans"),
    path("device/", device.device, name="device"),
    path("device/shared/", device.shared, name="device-shared"),
    path("device/told/<slug:what>/", device.told, name="device-told"),
    path("payment/", payment.payment, name="payment"),
    path("payment/card/<uuid:key>/", card.card, name="card"),
    path("payment/card/<uuid:key>/open/", card.opened, name="card-opened"),
    path("payment/card/<uuid:key>/returned/", card.returned, name="card-returned"),
    path("review/", review.review, name="review"),
    path("orders/<slug:number>/", order.order, name="order"),
    path("orders/<slug:number>/continue/", order.proceed, name="order-continue"),
    path("orders/<slug:number>/returned/", order.returned, name="order-returned"),
    path("orders/<slug:number>/again/", order.again, name="order-again"),
    path("orders/<slug:number>/install/", install.install, name="install"),
    path("esim-problem/", problem.problem, name="problem"),
    path("leave/", leave.leave, name="leave"),
]
