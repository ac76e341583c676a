from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        from accounts.access import caller_facts  # noqa: PLC0415 -- models are not there yet
        from esim.signals import download_failed, profile_downloaded  # noqa: PLC0415 -- the same
        from mobileplans.signals import visit_wanted  # noqa: PLC0415 -- the same
        from orders.domain import (  # noqa: PLC0415 -- the same
            announcing,
            disputing,
            drafts,
            evidence,
            expiring,
            fraud,
            problems,
            repairing,
            returning,
        )
        from orders.domain.settling import end_with_authorisation, enqueue_order_of_payment, settle  # noqa: PLC0415 -- the same
        from orders.models import KIND  # noqa: PLC0415 -- the same
        from orders.queries.caller_facts import LAST_ORDER, LAST_RECEIPT  # noqa: PLC0415 -- the same
        from orders.queries.orders import unfinished_visit  # noqa: PLC0415 -- the same
        from outbox.domain import register  # noqa: PLC0415 -- the same
        from payments.domain import evidence as sale  # noqa: PLC0415 -- the same
        from payments.domain import webhooks  # noqa: PLC0415 -- the same
        from payments.signals import (  # noqa: PLC0415 -- the same
            authorisation_ended,
            card_taken,
            dispute_lost,
            dispute_opened,
            fraud_reported,
            method_removed,
            method_stopped,
            refund_ended,
        )

        caller_facts.register(LAST_ORDER, LAST_RECEIPT)
        register(KIND, settle)
        register(webhooks.KIND, enqueue_order_of_payment)
        register(repairing.KIND, repairing.advance_repair)
        register(returning.KIND, returning.take_back)
        register(expiring.KIND, expiring.expire)
        register(disputing.KIND, disputing.end_plan)
        sale.register(*evidence.SECTIONS)
        for announced in (dispute_opened, dispute_lost):
            announced.connect(disputing.react, dispatch_uid="orders.domain.disputing.react")
        fraud_reported.connect(fraud.stop_device, dispatch_uid="orders.domain.fraud.stop_device")
        profile_downloaded.connect(problems.resolve, dispatch_uid="orders.domain.problems.resolve")
        download_failed.connect(
            problems.note_failure, dispatch_uid="orders.domain.problems.note_failure"
        )
        card_taken.connect(drafts.take_card, dispatch_uid="orders.domain.drafts.take_card")
        refund_ended.connect(
            announcing.tell_part_refunded, dispatch_uid="orders.domain.announcing.part_refunded"
        )
        authorisation_ended.connect(
            end_with_authorisation, dispatch_uid="orders.domain.settling.end_with_authorisation"
        )
        for signal in (method_removed, method_stopped):
            signal.connect(drafts.drop_method, dispatch_uid="orders.domain.drafts.drop_method")
        visit_wanted.connect(unfinished_visit, dispatch_uid="orders.queries.unfinished_visit")
