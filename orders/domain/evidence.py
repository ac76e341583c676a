"""What orders know about a disputed sale: the order, the terms, the device and the download."""

from brand.models import LegalText
from orders.models import Order
from payments.domain.evidence import Lines, Section, shown
from payments.models import Payment


def _orders(payment: Payment) -> list[Order]:
    related = ("visit", "profile", "sim")
    return list(Order.objects.select_related(*related).filter(payment=payment))


def _order_lines(payment: Payment) -> Lines:
    lines: Lines = []
    for order in _orders(payment):
        lines += [
            ("Order", order.display_number),
            ("Plan", order.plan_name),
            ("Total", str(order.price.gross)),
            ("Submitted by the customer", shown(order.created_at)),
            ("Completed", shown(order.completed_at) or "no"),
            ("Result received by the customer", shown(order.handed_over_at) or "no"),
        ]
    return lines


def _terms_lines(payment: Payment) -> Lines:
    lines: Lines = []
    for order in _orders(payment):
        accepted = LegalText.objects.filter(
            kind=LegalText.Kind.TERMS,
            version=order.terms_version,
            market__in=[order.visit.market, ""],
            language__in=[order.language, "en"],
        )
        # As the customer was shown it: the market's text before the general one.
        best = sorted(accepted, key=lambda text: (not text.market, text.language == "en"))
        for text in best[:1]:
            lines += [
                ("Accepted by submitting the order", shown(order.created_at)),
                ("Version", f"{text.version} ({text.language})"),
                ("Title", text.title),
                ("Text", text.body),
            ]
    return lines


def _device_lines(payment: Payment) -> Lines:
    lines: Lines = []
    for order in _orders(payment):
        visit = order.visit
        numbers = [("EID", order.eid), ("IMEI", visit.imei)]
        lines += [(name, f"ending in {number[-4:]}") for name, number in numbers if number]
        lines += [
            ("Country of the device", visit.location),
            ("The device opened the portal", shown(visit.launched_at)),
        ]
    return lines


def _download_lines(payment: Payment) -> Lines:
    lines: Lines = []
    for order in _orders(payment):
        if order.profile:
            ending = order.profile.sim.iccid[-4:]
            lines += [
                ("eSIM", f"ending in {ending}, {order.profile.get_state_display()}"),
                ("Downloaded to the device", shown(order.profile.downloaded_at) or "not reported"),
            ]
        elif order.sim:
            lines.append(("SIM", f"ending in {order.sim.iccid[-4:]}, in the device already"))
    return lines


SECTIONS = (
    Section("order", "The order", _order_lines),
    Section("terms", "The terms that the customer accepted", _terms_lines),
    Section("device", "The device", _device_lines),
    Section("download", "The delivery", _download_lines),
)
