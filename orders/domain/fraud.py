"""Stop the device of a fraudulent payment, if it is proven which device it was."""

from typing import Any

from esim.states import ProfileState
from mobileplans.models import Visit
from orders.models import Order
from payments.domain import stop_list
from payments.models import Payment
from payments.states import DeviceId


class DeviceStopped(Exception):
    """Nothing is sold to this device at present. Only staff can lift the stop."""


def stop_device(payment: Payment, **_signal: Any) -> None:
    """Put the device of a payment that was fraud on the stop list: a signal receiver."""
    orders = Order.objects.select_related("visit", "profile").filter(payment=payment)
    for order in orders:
        stop_list.stop(payment, _proven_numbers(order))


def is_stopped(visit: Visit) -> bool:
    """Return whether nothing is sold to the device of this visit at present."""
    return stop_list.is_stopped({DeviceId.EID: visit.eid, DeviceId.IMEI: visit.imei})


def _proven_numbers(order: Order) -> stop_list.Devices:
    """Return the numbers of the order's device, without those that anybody may have typed.

    Otherwise a thief could type the number of somebody else's device, and stop that.
    """
    visit = order.visit
    is_launched = visit.eid_from == Visit.EidFrom.LAUNCH
    profile = order.profile
    # The SM-DP+ gives a profile to the device with this EID only.
    has_esim = profile is not None and profile.state == ProfileState.DOWNLOADED
    return {
        DeviceId.EID: order.eid if is_launched or has_esim else "",
        DeviceId.IMEI: visit.imei if is_launched else "",
    }
