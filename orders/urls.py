"""The journey."""

from django.urls import path

from orders.views import (
    bank,
    card,
    code,
    device,
    install,
    leave,
    order,
    other_device,
    payment,
    plans,
    problem,
    review,
    sim,
)

urlpatterns = [
    path("options/", plans.options, name="options"),
    path("plans/", plans.plans, name="plans"),
    path("device/", device.device, name="device"),
    path("device/shared/", device.receive_shared_device, name="device-shared"),
    path("device/told/<slug:what>/", device.show_sharing_result, name="device-told"),
    path("sim/", sim.sim, name="sim"),
    path("payment/", payment.payment, name="payment"),
    path("payment/card/<uuid:key>/", card.card, name="card"),
    path("payment/card/<uuid:key>/open/", card.open_gateway, name="card-opened"),
    path("payment/card/<uuid:key>/returned/", card.return_from_gateway, name="card-returned"),
    path("review/", review.review, name="review"),
    path("orders/<slug:number>/", order.order, name="order"),
    path("orders/<slug:number>/continue/", order.continue_to_host, name="order-continue"),
    path("orders/<slug:number>/returned/", bank.return_from_bank, name="order-returned"),
    path("orders/<slug:number>/bank/", bank.order_bank, name="order-bank"),
    path(
        "orders/<slug:number>/other-device/",
        other_device.order_other_device,
        name="order-other-device",
    ),
    path("orders/<slug:number>/other-way/", bank.pay_another_way, name="order-other-way"),
    path("orders/<slug:number>/code/", code.code, name="order-code"),
    path("orders/<slug:number>/again/", order.order_again, name="order-again"),
    path("orders/<slug:number>/install/", install.install, name="install"),
    path("pay/", other_device.pay, name="pay"),
    path("pay/order/", other_device.pay_order, name="pay-order"),
    path("pay/<slug:code>/", other_device.pay, name="pay-with-code"),
    path("esim-problem/", problem.problem, name="problem"),
    path("leave/", leave.leave, name="leave"),
]
