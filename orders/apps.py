# The models are not there yet when this module is imported, so each function imports what it needs.
# ruff: noqa: PLC0415

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        _register_tasks()
        _register_facts()
        _follow_payments()
        _follow_devices()


def _register_tasks() -> None:
    """Name the function that carries out each kind of task."""
    from orders.domain import disputing, expiring, matching, repairing, returning
    from orders.domain.settling import enqueue_of_payment, settle
    from orders.models import KIND
    from outbox.domain import register
    from payments.domain import webhooks

    register(KIND, settle)
    register(webhooks.KIND, enqueue_of_payment)
    register(repairing.KIND, repairing.advance_repair)
    register(returning.KIND, returning.take_back)
    register(expiring.KIND, expiring.expire)
    register(disputing.KIND, disputing.end_plan)
    register(matching.KIND, matching.match)


def _register_facts() -> None:
    """Tell other rooms what orders know of a caller, a disputed sale, and an account to delete."""
    from accounts.access import caller_facts
    from accounts.domain import endings
    from orders.domain import account_deletion, evidence
    from orders.queries.caller_facts import LAST_ORDER, LAST_RECEIPT
    from payments.domain import evidence as sale

    caller_facts.register(LAST_ORDER, LAST_RECEIPT)
    sale.register(*evidence.SECTIONS)
    endings.register(*account_deletion.OBSTACLES)


def _follow_payments() -> None:
    """Listen to what `payments` announces."""
    from orders.domain import announcing, disputing, drafts, fraud
    from orders.domain.settling import end_with_authorisation
    from payments import signals

    for announced in (signals.dispute_opened, signals.dispute_lost):
        announced.connect(disputing.react, dispatch_uid="orders.domain.disputing.react")
    signals.fraud_reported.connect(
        fraud.stop_device, dispatch_uid="orders.domain.fraud.stop_device"
    )
    signals.card_taken.connect(drafts.take_card, dispatch_uid="orders.domain.drafts.take_card")
    signals.refund_ended.connect(
        announcing.tell_part_refunded, dispatch_uid="orders.domain.announcing.part_refunded"
    )
    signals.authorisation_ended.connect(
        end_with_authorisation, dispatch_uid="orders.domain.settling.end_with_authorisation"
    )
    for signal in (signals.method_removed, signals.method_stopped):
        signal.connect(drafts.drop_method, dispatch_uid="orders.domain.drafts.drop_method")


def _follow_devices() -> None:
    """Listen to what `esim` and `mobileplans` announce about a customer's device."""
    from esim.signals import download_failed, profile_downloaded
    from mobileplans.signals import visit_wanted
    from orders.domain import lost_time, problems
    from orders.queries.orders import unfinished_visit

    profile_downloaded.connect(problems.resolve, dispatch_uid="orders.domain.problems.resolve")
    profile_downloaded.connect(
        lost_time.give_back, dispatch_uid="orders.domain.lost_time.give_back"
    )
    download_failed.connect(
        problems.note_failure, dispatch_uid="orders.domain.problems.note_failure"
    )
    visit_wanted.connect(unfinished_visit, dispatch_uid="orders.queries.unfinished_visit")
