from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    verbose_name = "Subscriptions"

    def ready(self) -> None:
        from accounts.access import caller_facts  # noqa: PLC0415 -- models are not there yet
        from accounts.domain import endings  # noqa: PLC0415 -- the same
        from outbox.domain import register  # noqa: PLC0415 -- the same
        from payments.domain import bills  # noqa: PLC0415 -- the same
        from payments.domain import evidence as sale  # noqa: PLC0415 -- the same
        from subscriptions import checks  # noqa: F401, PLC0415 -- registers its checks
        from subscriptions.domain import (  # noqa: PLC0415 -- the same
            account_deletion,
            claims,
            evidence,
            linking,
            moves,
            operator_lines,
            price_changes,
            pulling,
            renewing,
            sharing,
            standing,
            thresholds,
            ways_out,
        )
        from subscriptions.domain.caller_facts import ICCID_ENDING, PLAN  # noqa: PLC0415 -- the same
        from subscriptions.models import KIND, PRICE_CHANGE_KIND  # noqa: PLC0415 -- the same

        caller_facts.register(ICCID_ENDING, PLAN)
        sale.register(evidence.USAGE, evidence.NOTICE)
        endings.register(*account_deletion.PARTS)
        register(account_deletion.KIND, account_deletion.end_plan)
        register(claims.KIND, claims.end_old_plans)
        register(pulling.KIND, pulling.fetch_usage)
        register(linking.KIND, linking.find_line)
        register(operator_lines.KIND, operator_lines.refresh)
        register(KIND, renewing.process)
        register(sharing.KIND, sharing.take_off)
        register(moves.KIND, moves.advance)
        register(PRICE_CHANGE_KIND, price_changes.tell_some)
        register(thresholds.KIND, thresholds.tell)
        register(ways_out.KIND, ways_out.advance)
        bills.register_veto(standing.forbids_bill)
        _listen()


def _listen() -> None:
    """Listen to what `accounts`, `esim`, `messages` and `payments` announce."""
    from accounts.signals import line_proven  # noqa: PLC0415 -- models are not there yet
    from esim.signals import profile_downloaded  # noqa: PLC0415 -- the same
    from messages.signals import message_ended  # noqa: PLC0415 -- the same
    from payments import signals  # noqa: PLC0415 -- the same
    from subscriptions.domain import (  # noqa: PLC0415 -- the same
        announcing,
        linking,
        lost_methods,
        moves,
        parking,
        price_changes,
    )

    message_ended.connect(price_changes.note_delivered, dispatch_uid="subscriptions.note_delivered")

    profile_downloaded.connect(moves.note_download, dispatch_uid="subscriptions.moves")
    line_proven.connect(linking.note_proof, dispatch_uid="subscriptions.note_proof")
    signals.refund_ended.connect(
        announcing.tell_refunded, dispatch_uid="subscriptions.domain.announcing.refunded"
    )
    signals.mandate_ended.connect(
        lost_methods.ask_for_another, dispatch_uid="subscriptions.ask_for_another"
    )
    for signal in (signals.dispute_opened, signals.dispute_won, signals.dispute_lost):
        signal.connect(parking.react, dispatch_uid="subscriptions.domain.parking.react")
