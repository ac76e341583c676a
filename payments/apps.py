from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Payments"

    def ready(self) -> None:
        from accounts.domain import endings  # noqa: PLC0415 -- the same
        from accounts.signals import line_proven, number_lost  # noqa: PLC0415 -- the same
        from outbox.domain import register  # noqa: PLC0415 -- models are not there yet
        from payments import checks  # noqa: F401, PLC0415 -- registers its checks; needs models
        from payments.domain import (  # noqa: PLC0415 -- the same
            account_deletion,
            answers,
            authorisations,
            bills,
            cards,
            disputes,
            evidence,
            fetching,
            fraud,
            pages,
            refunds,
        )

        register(pages.KIND, pages.advance_page)
        register(cards.KIND, cards.forget)
        register(authorisations.KIND, authorisations.let_go)
        register(refunds.KIND, refunds.carry_out)
        register(disputes.KIND, disputes.update_dispute)
        register(fraud.KIND, fraud.update_warning)
        register(answers.KIND, answers.send_answer)
        evidence.register(evidence.PAYMENT, evidence.SIGN_INS)
        endings.register(*account_deletion.PARTS)
        register(fetching.KIND, fetching.fetch_day)
        line_proven.connect(bills.drop_of_others, dispatch_uid="payments.bills.drop_of_others")
        number_lost.connect(bills.drop_lost, dispatch_uid="payments.bills.drop_lost")
