"""The stop list: devices to which nothing is sold for a while, because a payment was fraud.

The reasons are in docs/decisions/014-disputes-take-their-money-at-once.md.
"""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import User
from moportal.database.statements import compare_and_set
from moportal.sealed import digest
from payments.models import Payment, StoppedDevice
from payments.states import DeviceId

log = structlog.get_logger(__name__)
Devices = Mapping[DeviceId, str]


def stop(payment: Payment, devices: Devices) -> None:
    """Put this payment's devices on the list, or extend their time there.

    `devices` maps each kind of number to the number. Empty numbers are left out. If
    DEVICE_STOP_DAYS is 0, nothing is stopped.
    """
    if not settings.DEVICE_STOP_DAYS:
        return
    ends_at = now() + timedelta(days=settings.DEVICE_STOP_DAYS)
    for kind, number in devices.items():
        if number:
            _, is_new = StoppedDevice.objects.update_or_create(
                digest=_mark(kind, number),
                lifted_at=None,
                defaults={"ends_at": ends_at},
                create_defaults={
                    "kind": kind,
                    "ending": number[-4:],
                    "payment": payment,
                    "ends_at": ends_at,
                },
            )
            log.info("device stopped", payment=payment.reference, kind=kind, is_new=is_new)


def is_stopped(devices: Devices) -> bool:
    """Return whether nothing is sold to one of these devices at present."""
    return _stops(devices).filter(lifted_at=None, ends_at__gt=now()).exists()


def find_stops(number: str) -> QuerySet[StoppedDevice]:
    """Return the rows of the device with this number, an EID or an IMEI."""
    return _stops(dict.fromkeys(DeviceId, number))


def lift(row: StoppedDevice, *, because: str, actor: User) -> bool:
    """Let the device buy again, and return whether this call has done that."""
    lifted = {"lifted_at": now(), "lifted_by": actor, "lifted_because": because[:200]}
    is_lifted = compare_and_set(StoppedDevice, row.pk, {"lifted_at": None}, **lifted)
    log.info("stop lifted", row=row.pk, actor=actor.pk, is_lifted=is_lifted)
    return is_lifted


def _stops(devices: Devices) -> QuerySet[StoppedDevice]:
    marks = [_mark(kind, number) for kind, number in devices.items() if number]
    return StoppedDevice.objects.filter(digest__in=marks)


def _mark(kind: DeviceId, number: str) -> str:
    return digest(f"{kind}:{number}")
