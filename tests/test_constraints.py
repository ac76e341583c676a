"""The database refuses what must never happen: every named constraint is broken once."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.timezone import now

from accounts.models import (
    AccountMessage,
    Address,
    AttemptCount,
    Authenticator,
    CodeRequest,
    CodeServiceCall,
    Deletion,
    Export,
    ExportPart,
    NumberCheck,
    OidcIdentity,
    OidcLogout,
    OidcProvider,
    PasswordLink,
    Proof,
    SignIn,
    StaffRecovery,
    TypedCode,
    User,
)
from brand.models import LegalText, Logo, MarketRules, Notice, Operator
from esim.domain import pool
from esim.models import (
    DownloadProgress,
    IccidRange,
    PoolLevel,
    Profile,
    Sim,
    SmdpProvider,
    Source,
)
from messages.models import Message, SendingCall, SentCount
from mobileplans.models import Handoff, HostReport, LpaReport, Visit
from orders.domain.sales import sale_of
from orders.models import Declaration, Draft, Order, PayingCode, Repair, Return, SalesPause
from outbox.domain import enqueue
from outbox.models import Heartbeat, Task
from payments.domain.receipts import issue_credit_note, issue_receipt
from payments.models import (
    BookDay,
    BookDifference,
    BookEntry,
    CardPage,
    CreditNote,
    Dispute,
    DisputeAnswer,
    FraudWarning,
    Mandate,
    Payment,
    PaymentCode,
    PaymentMethod,
    Receipt,
    Refund,
    StoppedDevice,
    WebhookEvent,
)
from payments.states import RefundKind
from plans.models import Plan, PlanCountry, PlanPrice, PlanText
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.models import (
    Attempt,
    Bucket,
    CustomerCall,
    Line,
    LineLink,
    LiveSim,
    OperatorLine,
    Period,
    PlanChange,
    PlanMove,
    PriceChange,
    PriceNotice,
    SimOnLine,
    Subscription,
    UsagePull,
    UsageRecord,
    WayOut,
)
from support.models import CaseNote, CaseWork, Opening, StaffAction
from tests.builders import EID, make_card, make_operator, make_order, make_pool, payment_of
from tests.test_architecture import ROOMS


def again(model: type, **changes: object) -> object:
    """Write a new row with the same content."""
    row = model.objects.first()  # type: ignore[attr-defined]  # any model
    row.pk = None
    for name, value in changes.items():
        setattr(row, name, value)
    return row.save(force_insert=True)


def set_to(model: type, **values: object) -> Callable[[], object]:
    return lambda: model.objects.update(**values)  # type: ignore[attr-defined]  # any model


IN_2026 = datetime(2026, 11, 30, tzinfo=UTC)
# What makes a payment one that was charged.
CHARGED = {"state": "captured", "gateway_id": "x", "captured_at": now()}
# What makes a stored card a voucher.
VOUCHER = {"kind": "voucher", "brand": "", "expiry_month": None, "expiry_year": None}


def second_stay() -> None:
    stay = SimOnLine.objects.get(until=None)
    line = Line.objects.create(account=stay.line.account)
    SimOnLine.objects.create(line=line, sim=stay.sim, since=now())


def a_sim_that_no_move_leaves() -> None:
    Draft.objects.update(moves_from=SimOnLine.objects.earliest("pk"))


def another_move() -> None:
    stay = SimOnLine.objects.latest("pk")
    left = SimOnLine.objects.create(line=stay.line, sim=make_card(), since=now())
    again(PlanMove, new=left, reference="y")


def both_kinds_of_sim() -> None:
    Order.objects.update(sim=make_card(), profile=Profile.objects.get())


def mandate_of_another_method() -> None:
    again(PaymentMethod)
    again(Mandate, method=PaymentMethod.objects.latest("pk"))
    Payment.objects.update(initiator="operator", mandate=Mandate.objects.latest("pk"))


def other_order() -> Order:
    order = Order.objects.get()
    again(Draft, submitted_at=now(), key=uuid.uuid4())
    again(Payment, key=uuid.uuid4())
    again(
        Order,
        number="0123456789",
        draft=Draft.objects.latest("pk"),
        payment=Payment.objects.latest("pk"),
    )
    return Order.objects.exclude(pk=order.pk).get()


def other_refund() -> Refund:
    again(Refund, key=uuid.uuid4(), kind=RefundKind.SHORTENED)
    return Refund.objects.latest("pk")


def second_period(late: timedelta, *, after_hold: bool = False) -> None:
    """Write a period that begins this much after the end of the first."""
    first = Period.objects.get()
    starts_at, ends_at = now(), now() + timedelta(days=1)
    Period.objects.filter(pk=first.pk).update(starts_at=starts_at, ends_at=ends_at)
    again(
        Period,
        number=2,
        starts_at=ends_at + late,
        ends_at=ends_at + timedelta(days=1),
        follows=None if after_hold else first,
        after_hold=after_hold,
    )


def two_live_attempts() -> None:
    for _ in range(2):
        again(Payment, key=uuid.uuid4())
        Attempt.objects.create(period=Period.objects.get(), payment=Payment.objects.latest("pk"))


def progress_without_provider_again() -> None:
    DownloadProgress.objects.update(provider=None)
    again(DownloadProgress)


def kind_that_nobody_knows(model: type[Draft] | type[Order]) -> Callable[[], object]:
    """Write a kind that is not in the list, with a running plan as the known ones have it."""
    return lambda: model.objects.update(kind="other", running_plan=Subscription.objects.get())


def a_card_and_a_new_esim() -> None:
    Draft.objects.update(sim=make_card(), wants_new_esim=True)


def two_open_resends() -> None:
    first = Message.objects.get()
    for _ in range(2):
        again(Message, identifier=uuid.uuid4(), resend_of=first)


def an_address_of_two() -> None:
    Address.objects.update(proven_at=now())
    again(Address, account=User.objects.create(username="another@example.com"))


BROKEN: dict[str, Callable[[], object]] = {
    "one_count_per_subject": lambda: again(AttemptCount),
    "only_a_lock_has_no_end": set_to(AttemptCount, ends_at=None),
    "account_has_an_address_once": lambda: again(Address, proven_at=None),
    "address_is_proven_by_one_account": an_address_of_two,
    "lost_address_is_not_proven": set_to(Address, proven_at=now(), lost_at=now()),
    "code_purpose_known": set_to(CodeRequest, purpose="other"),
    "code_state_known": set_to(CodeRequest, state="other", ended_at=now()),
    "code_has_few_tries": set_to(CodeRequest, tries=6),
    "used_code_has_an_account": set_to(CodeRequest, state="used", ended_at=now(), account=None),
    "ended_code_request_has_a_time": set_to(CodeRequest, state="lapsed"),
    "number_question_known": set_to(NumberCheck, question="other"),
    "answered_number_check_has_its_answer": set_to(NumberCheck, outcome="answered"),
    "typed_verdict_known": set_to(TypedCode, verdict="other", code=""),
    "typed_code_is_deleted_with_its_verdict": set_to(TypedCode, verdict="right"),
    "one_unchecked_code_per_request": lambda: again(TypedCode),
    "code_service_call_has_its_subject": set_to(CodeServiceCall, operation="check"),
    "answered_sending_has_an_identifier": set_to(CodeServiceCall, outcome="answered"),
    "proof_kind_known": set_to(Proof, kind="other"),
    "one_open_proof_of_a_kind": lambda: again(Proof),
    "sign_in_once_a_session": lambda: again(SignIn),
    "an_oidc_subject_has_one_account": lambda: again(OidcIdentity),
    "an_oidc_logout_counts_once": lambda: again(OidcLogout),
    "one_operator": lambda: Operator.objects.create(pk=2, name="x"),
    "market_is_two_letters": set_to(MarketRules, market="xx"),
    "notice_has_a_text": set_to(Notice, text=" "),
    "notice_ends_after_it_starts": set_to(Notice, ends_at=F("starts_at")),
    "notice_tone_known": set_to(Notice, tone="loud"),
    "rule_of_repayment_known": set_to(MarketRules, repayment="other"),
    "legal_text_kind_known": set_to(LegalText, kind="other"),
    "one_legal_text_of_a_version": lambda: again(LegalText),
    "one_open_task_per_kind_and_subject": lambda: again(Task),
    "closed_task_has_no_lease": set_to(Task, closed_at=now(), lease_until=now()),
    "message_state_known": set_to(Message, state="other", ended_at=now(), code=""),
    "message_address_fits_its_channel": set_to(Message, address="+0"),
    "one_message_per_occasion_key_and_address": lambda: again(Message, identifier=uuid.uuid4()),
    "one_open_resend_per_message": two_open_resends,
    "message_with_a_code_lapses": set_to(Message, lapses_at=None),
    "ended_message_has_a_time_and_no_code": set_to(Message, state="sent", ended_at=now()),
    "one_count_per_limit_subject_and_hour": lambda: again(SentCount),
    "account_is_told_once_per_occasion_and_key": lambda: again(AccountMessage),
    "staff_recovery_state_known": set_to(StaffRecovery, state="other", ended_at=now()),
    "staff_recovery_is_approved_by_another_person": set_to(
        StaffRecovery, approved_by=F("asked_by")
    ),
    "staff_recovery_of_nobody_s_own_account": set_to(StaffRecovery, asked_by=F("account")),
    "staff_recovery_code_is_sent_or_approved": set_to(
        StaffRecovery, state="code_made", code_digest="x", code_mark="x"
    ),
    "staff_recovery_has_digests_while_its_code_works": set_to(StaffRecovery, code_digest="x"),
    "staff_recovery_has_few_tries": set_to(StaffRecovery, tries=6),
    "staff_recovery_has_a_reason": set_to(StaffRecovery, reason=""),
    "ended_staff_recovery_has_a_time": set_to(StaffRecovery, state="refused"),
    "one_open_staff_recovery_per_account": lambda: again(StaffRecovery),
    "opening_without_a_caller_has_a_reason": set_to(Opening, reason=""),
    "opening_closes_after_it_opened": set_to(Opening, closes_at=F("opened_at")),
    "logo_is_small": set_to(Logo, size=4097),
    "logo_is_a_known_picture": set_to(Logo, media_type="text/html"),
    "one_owner_of_a_case": lambda: again(CaseWork),
    "case_note_has_a_text": set_to(CaseNote, text=" "),
    "staff_action_has_a_reason": set_to(StaffAction, reason=" "),
    "staff_action_state_known": set_to(StaffAction, state="x", decided_at=now()),
    "staff_action_waits_or_was_decided": set_to(StaffAction, decided_at=now()),
    "nobody_approves_their_own_action": set_to(
        StaffAction, state="done", decided_by=F("asked_by"), decided_at=now()
    ),
    "one_action_waits_for_a_second_person": lambda: again(StaffAction),
    "erased_account_is_closed_and_has_no_name": set_to(User, erased_at=now(), name="x"),
    "one_export_per_account": lambda: again(Export, key=uuid.uuid4()),
    "export_that_is_ready_has_an_end": set_to(Export, ready_at=now()),
    "export_part_is_there_once": lambda: again(ExportPart),
    "deletion_state_known": set_to(Deletion, state="other", ended_at=now()),
    "one_open_deletion_per_account": lambda: again(Deletion),
    "deletion_leaves_time_to_undo_it": set_to(Deletion, due_at=F("asked_at")),
    "ended_deletion_has_a_time": set_to(Deletion, state="done"),
    "authenticator_has_a_key": set_to(Authenticator, key=""),
    "authenticator_is_confirmed_by_a_code": set_to(Authenticator, last_step=1),
    "password_link_state_known": set_to(PasswordLink, state="other", ended_at=now()),
    "password_link_is_issued_by_another_person": set_to(PasswordLink, issued_by=F("user")),
    "ended_password_link_has_a_time": set_to(PasswordLink, state="used"),
    "one_open_password_link_per_user": lambda: again(PasswordLink, digest="other"),
    "plan_category_known": set_to(Plan, category="other"),
    "plan_data_is_positive": set_to(Plan, data_bytes=0),
    "plan_lasts": set_to(Plan, validity_days=0),
    "plan_names_a_country_once": lambda: again(PlanCountry),
    "one_price_per_plan_and_market": lambda: again(PlanPrice),
    "plan_identity_known": set_to(PlanPrice, identity="other"),
    "tax_below_one_hundred_percent": set_to(PlanPrice, tax_rate=10_000),
    "one_text_per_plan_and_language": lambda: again(PlanText),
    "plan_has_a_name": set_to(PlanText, name=""),
    "sim_state_known": set_to(Sim, state="other"),
    "sim_kind_known": set_to(Sim, kind="other"),
    "profile_sim_has_a_provider": set_to(Sim, kind="profile", provider=None),
    "imsi_is_14_or_15_digits": set_to(Sim, imsi="2620112345678"),
    "msisdn_is_5_to_15_digits": set_to(Sim, msisdn="+4915150147"),
    "iccid_range_is_of_digits": set_to(IccidRange, first="894411000000000000F"),
    "iccid_range_goes_up": set_to(IccidRange, first="89441100000000000000"),
    "iccid_ranges_do_not_overlap": lambda: again(IccidRange, first="8944110000000000050"),
    "one_level_per_pool": lambda: again(PoolLevel),
    "pool_level_has_a_mark": set_to(PoolLevel, low_mark=0),
    "provider_is_a_source_once": lambda: again(Source),
    "source_market_is_a_country_or_any": set_to(Source, market="us"),
    "profile_state_known": set_to(Profile, state="other"),
    "sim_has_one_profile": lambda: again(Profile, matching_id_digest="other"),
    "matching_id_once_per_provider": lambda: again(Profile, sim=make_pool(1)[0]),
    "smdp_host_is_a_host_name": set_to(SmdpProvider, smdp_host="https://smdp.example/"),
    "host_named_for_a_profile_is_a_host_name": set_to(Profile, smdp_host="smdp.example/"),
    "downloaded_profile_has_a_time": set_to(Profile, state="downloaded"),
    "progress_is_stored_once": lambda: again(DownloadProgress),
    "progress_without_provider_is_stored_once": progress_without_provider_again,
    "progress_meaning_known": set_to(DownloadProgress, meaning="other"),
    "progress_of_another_device_decides_nothing": set_to(
        DownloadProgress, other_eid="1235", meaning="failed"
    ),
    "card_expires_in_a_month": set_to(PaymentMethod, expiry_month=13),
    "only_the_last_four_of_a_card": set_to(PaymentMethod, last4="42A2"),
    "only_the_last_four_of_a_code": set_to(PaymentMethod, **VOUCHER, last4="42a2"),
    "only_a_card_has_a_brand_and_an_expiry": set_to(PaymentMethod, **{**VOUCHER, "brand": "Visa"}),
    "nothing_is_known_before_the_page": set_to(PaymentMethod, **{**VOUCHER, "kind": "page"}),
    "method_kind_known": set_to(PaymentMethod, **{**VOUCHER, "kind": "other"}),
    "what_is_forgotten_was_removed_and_has_no_token": set_to(
        PaymentMethod, removed_at=now(), forgotten_at=now()
    ),
    "code_verdict_known": set_to(PaymentCode, verdict="other", code=""),
    "compared_code_is_deleted": set_to(PaymentCode, verdict="right"),
    "one_code_of_a_payment_is_compared_at_a_time": lambda: again(PaymentCode),
    "payment_method_has_a_gateway": set_to(PaymentMethod, gateway=""),
    "card_page_has_a_gateway": set_to(CardPage, gateway=""),
    "event_of_a_gateway_is_stored_once": lambda: again(WebhookEvent),
    "card_page_state_known": set_to(CardPage, state="other"),
    "open_card_page_has_an_address": set_to(CardPage, state="open"),
    "card_page_has_a_method_once_it_is_taken": set_to(
        CardPage, state="taken", gateway_id="x", url="https://gateway.example/"
    ),
    "payment_state_known": set_to(Payment, state="other"),
    "declined_payment_has_a_kind_and_a_time": set_to(Payment, state="declined"),
    "only_a_refusal_for_now_says_when_to_try_again": set_to(
        Payment, state="declined", refusal_kind="final", declined_at=now(), retry_at=now()
    ),
    "payment_of_the_operator_has_a_mandate": set_to(Payment, initiator="operator"),
    "the_mandate_is_of_the_payments_method": mandate_of_another_method,
    "payment_of_the_operator_waits_for_nobody": lambda: Payment.objects.update(
        initiator="operator", mandate=Mandate.objects.get(), state="pending"
    ),
    "mandate_says_what_was_agreed": set_to(Mandate, text=""),
    "mandate_limit_is_an_amount_in_a_currency": set_to(Mandate, highest_minor_units=1900),
    "ended_mandate_has_a_time_and_a_reason": set_to(Mandate, ended_at=now() + timedelta(days=1)),
    "staff_say_why_they_end_a_mandate": set_to(
        Mandate, ended_at=now() + timedelta(days=1), end_reason="staff"
    ),
    "one_live_mandate_per_method_and_purpose": lambda: again(Mandate),
    "charged_payment_has_a_time": set_to(Payment, state="captured", gateway_id="x"),
    "payment_has_an_amount": set_to(Payment, minor_units=0),
    "payment_at_the_gateway_has_its_id": set_to(Payment, state="captured", captured_at=now()),
    "captured_less_refunded_and_lost_is_never_negative": set_to(
        Payment, **CHARGED, refunding_minor_units=1000, lost_minor_units=901
    ),
    "no_refund_begins_while_a_dispute_is_open": set_to(
        Payment, **CHARGED, in_flight_minor_units=0, refunding_minor_units=1
    ),
    "dispute_of_a_gateway_is_stored_once": lambda: again(Dispute),
    "dispute_state_known": set_to(Dispute, state="other"),
    "dispute_kind_known": set_to(Dispute, kind="other"),
    "dispute_has_an_amount": set_to(Dispute, minor_units=0),
    "inquiry_and_won_dispute_have_taken_nothing": set_to(Dispute, kind="inquiry"),
    "no_more_is_lost_than_was_taken": set_to(Dispute, counted_minor_units=2),
    "ended_dispute_has_a_time": set_to(Dispute, state="lost"),
    "answer_kind_known": set_to(DisputeAnswer, kind="other"),
    "answer_state_known": set_to(DisputeAnswer, state="other", ended_at=now()),
    "one_open_answer_per_dispute": lambda: again(DisputeAnswer, key=uuid.uuid4()),
    "ended_answer_has_a_time": set_to(DisputeAnswer, state="done"),
    "fraud_warning_of_a_gateway_is_stored_once": lambda: again(FraudWarning),
    "stopped_device_kind_known": set_to(StoppedDevice, kind="x"),
    "one_stop_per_device": lambda: again(StoppedDevice),
    "who_lifts_a_stop_says_why": set_to(StoppedDevice, lifted_at=now()),
    "refunded_payment_is_given_back_whole": set_to(
        Payment, **{**CHARGED, "state": "refunded"}, refunded_minor_units=1899
    ),
    "refund_state_known": set_to(Refund, state="other", ended_at=now()),
    "refund_kind_known": set_to(Refund, kind="other"),
    "refund_has_an_amount": set_to(Refund, minor_units=0),
    "only_a_failed_refund_is_settled": set_to(Refund, settled_at=now()),
    "one_open_refund_of_a_kind_per_payment": lambda: again(Refund, key=uuid.uuid4()),
    "ended_refund_has_a_time": set_to(Refund, state="done"),
    "one_row_for_each_day_of_a_gateways_books": lambda: again(BookDay),
    "only_a_complete_day_is_compared": set_to(BookDay, compared_at=now()),
    "entry_of_a_gateway_is_stored_once": lambda: again(BookEntry),
    "entry_kind_known": set_to(BookEntry, kind="other"),
    "open_difference_is_found_once": lambda: again(BookDifference),
    "difference_kind_known": set_to(BookDifference, kind="other"),
    "settled_difference_has_a_reason": set_to(BookDifference, settled_at=now()),
    "sim_proof_known": set_to(SimOnLine, proof="other"),
    "sim_is_on_one_line_at_a_time": second_stay,
    "sim_leaves_a_line_after_it_came": set_to(SimOnLine, until=now() - timedelta(days=1)),
    "subscription_state_known": set_to(Subscription, state="other"),
    "period_numbers_of_a_subscription": lambda: again(Period),
    "lost_time_is_given_back_once": lambda: (
        set_to(Period, given_back=timedelta(1))(),
        again(Period, number=2),
    ),
    "a_fault_has_its_grace": set_to(Period, grace_by_fault=True),
    "new_price_is_a_price": set_to(PriceChange, minor_units=0),
    "new_price_has_a_market_and_a_currency": set_to(PriceChange, market=""),
    "plan_change_state_known": set_to(PlanChange, state="other", settled_at=now()),
    "one_chosen_plan_per_subscription": lambda: again(PlanChange),
    "settled_plan_change_has_its_time": set_to(PlanChange, settled_at=now()),
    "chosen_plan_has_its_consent": set_to(PlanChange, mandate=None),
    "chosen_plan_has_its_price": set_to(PlanChange, gross_minor_units=None),
    "one_notice_of_a_change_per_subscription": lambda: again(PriceNotice),
    "notice_that_reached_says_when_and_how": set_to(PriceNotice, reached_at=now()),
    "notice_has_its_text": set_to(PriceNotice, text=""),
    "only_a_charge_under_a_mandate_names_a_notice": set_to(Payment, notice="price-1"),
    "lost_time_is_positive": set_to(Subscription, lost_time=timedelta()),
    "period_state_known": set_to(Period, state="other"),
    "period_ends_after_it_starts": set_to(Period, starts_at=now(), ends_at=now() - timedelta(1)),
    "period_is_usable_within_its_bounds": set_to(
        Period, starts_at=now(), ends_at=now() + timedelta(1), usable_until=now() + timedelta(2)
    ),
    "paid_period_has_its_time": set_to(Period, state="paid"),
    "a_gap_comes_only_after_hold": set_to(
        Period, number=2, starts_at=now(), ends_at=now() + timedelta(1)
    ),
    "a_period_begins_where_the_one_before_ends": lambda: second_period(timedelta(hours=1)),
    "periods_of_a_subscription_do_not_overlap": lambda: second_period(
        timedelta(hours=-1), after_hold=True
    ),
    "one_open_or_captured_attempt_per_period": two_live_attempts,
    "park_reason_known": set_to(Subscription, parked_because="other"),
    "only_what_renews_is_changed": set_to(Subscription, changing="x"),
    "only_what_renews_is_due": set_to(Subscription, due_at=now()),
    "only_what_renews_is_overdue": set_to(Subscription, state="grace"),
    "cancelled_subscription_has_its_last_period": set_to(Subscription, cancelled_at=now()),
    "nothing_is_charged_after_the_last_period": set_to(
        Subscription, cancelled_at=now(), last_number=1, decided_number=2
    ),
    "what_has_ended_is_not_live": set_to(Subscription, ended_at=now(), live_sims=1),
    "plan_is_active_once_on_a_sim": lambda: again(LiveSim),
    "plan_is_inactive_after_it_was_active": set_to(LiveSim, until=now() - timedelta(days=1)),
    "plan_move_state_known": set_to(PlanMove, state="other", ended_at=now()),
    "one_open_move_per_line": another_move,
    "plan_moves_between_two_sims": lambda: PlanMove.objects.update(old=F("new")),
    "old_sim_leaves_at_a_known_time": set_to(PlanMove, state="live"),
    "ended_move_has_a_time": set_to(PlanMove, ended_at=now()),
    "bucket_kind_known": set_to(Bucket, kind="other"),
    "no_more_used_than_there_was": set_to(Bucket, used_bytes=10**13),
    "usage_record_counts_once": lambda: again(UsageRecord),
    "usage_record_is_not_negative": set_to(UsageRecord, bytes=-1, uncovered_bytes=-1),
    "no_more_uncovered_than_was_used": set_to(UsageRecord, uncovered_bytes=2),
    "visit_has_a_transaction_id": set_to(Visit, transaction_id=""),
    "visit_eid_comes_from_somewhere": set_to(Visit, eid_from=""),
    "what_was_paid_has_a_currency": set_to(Handoff, paid_minor_units=1),
    "lpa_report_state_known": set_to(LpaReport, state="other"),
    "lpa_report_source_known": set_to(LpaReport, source="other"),
    "one_lpa_error_of_a_launch_decides": lambda: again(LpaReport),
    "host_report_kind_known": set_to(HostReport, kind="other"),
    "host_report_is_stored_once": lambda: again(HostReport),
    "only_a_success_names_an_iccid": set_to(Handoff, iccid="8949449999999990023"),
    "one_open_draft_per_account": lambda: again(Draft, submitted_at=None, key=uuid.uuid4()),
    "draft_that_changes_a_plan_has_its_monthly_price": set_to(Draft, monthly_minor_units=1),
    "draft_kind_known": kind_that_nobody_knows(Draft),
    "draft_names_a_running_plan_unless_it_buys_one": set_to(Draft, kind="attach"),
    "only_a_move_names_the_sim_that_it_leaves": a_sim_that_no_move_leaves,
    "draft_with_a_plan_has_its_price": set_to(Draft, gross_minor_units=None),
    "draft_goes_on_one_thing": a_card_and_a_new_esim,
    "submitted_draft_is_complete": set_to(Draft, method=None),
    "order_that_changes_a_plan_has_its_monthly_price": set_to(Order, monthly_minor_units=1),
    "order_kind_known": kind_that_nobody_knows(Order),
    "order_names_a_running_plan_unless_it_buys_one": set_to(Order, kind="attach"),
    "order_has_a_payment_if_it_costs_something": set_to(Order, payment=None),
    "order_state_known": set_to(Order, state="other"),
    "order_is_cancelled_or_charged_never_both": set_to(
        Order, cancel_requested_at=now(), charge_decided_at=now()
    ),
    "completed_order_was_charged_and_has_its_plan": set_to(Order, state="completed"),
    "only_failed_or_cancelled_orders_are_undone": set_to(Order, undone_at=now()),
    "return_of_a_sum_has_its_refund": set_to(Return, minor_units=1),
    "return_state_known": set_to(Return, state="other", ended_at=now()),
    "ended_return_has_a_time": set_to(Return, state="done"),
    "order_of_a_plan_that_renews_has_its_consent": set_to(Order, renews=True),
    "wish_to_start_now_has_its_text_and_time": set_to(Order, start_now_text="x"),
    "only_what_was_decided_is_held": set_to(Order, state="held"),
    "failed_order_says_why": set_to(Order, state="failed"),
    "order_for_a_sim_orders_no_profile": both_kinds_of_sim,
    "declaration_kind_known": set_to(Declaration, kind="other"),
    "declaration_state_known": set_to(Declaration, state="other"),
    "declaration_outcome_known": set_to(Declaration, outcome="other"),
    "matched_declaration_has_an_order": set_to(Declaration, state="matched", order=None),
    "unmatched_declaration_has_no_order": set_to(Declaration, state="unmatched"),
    "done_declaration_has_a_time": set_to(Declaration, state="done"),
    "one_open_paying_code_per_order": lambda: again(PayingCode, code_digest="other"),
    "used_paying_code_has_ended": set_to(PayingCode, used_at=now()),
    "ended_paying_code_is_deleted": set_to(PayingCode, ended_at=now()),
    "receipt_number_is_given_once": lambda: again(Receipt, payment=other_order().payment),
    "receipt_is_of_the_year_of_its_day": set_to(Receipt, year=2027),
    "receipt_adds_up": set_to(Receipt, net_minor_units=1900),
    "receipt_is_over_what_was_paid": set_to(
        Receipt, minor_units=1899, net_minor_units=1899, tax_minor_units=0
    ),
    "receipt_has_both_days_of_a_period": set_to(Receipt, ends_on=None),
    "credit_note_number_is_given_once": lambda: again(CreditNote, refund=other_refund()),
    "credit_note_is_of_the_year_of_its_day": set_to(CreditNote, year=2027),
    "credit_note_adds_up": set_to(CreditNote, tax_minor_units=1),
    "credit_note_is_over_what_was_given_back": set_to(CreditNote, minor_units=2, net_minor_units=2),
    "repair_kind_known": set_to(Repair, kind="other"),
    "subscription_master_known": set_to(Subscription, master="other"),
    "line_link_state_known": set_to(LineLink, state="other", ended_at=now()),
    "one_open_link_per_number": lambda: again(LineLink, key=uuid.uuid4()),
    "ended_link_has_a_time_and_no_bill_code": set_to(LineLink, state="linked"),
    "customer_call_is_about_a_line_or_a_link": set_to(CustomerCall, line=None),
    "way_out_state_known": set_to(WayOut, state="other"),
    "way_out_refusal_known": set_to(WayOut, refusal="other"),
    "one_way_out_per_sim": lambda: again(WayOut),
    "open_way_out_has_its_end": set_to(WayOut, state="open"),
    "refused_way_out_says_why": set_to(WayOut, state="refused"),
    "closed_way_out_has_a_time": set_to(WayOut, state="closed"),
    "repair_state_known": set_to(Repair, state="other", ended_at=now()),
    "one_open_repair_per_order": lambda: again(Repair),
    "ended_repair_has_a_time": set_to(Repair, state="failed"),
    "reissue_that_is_done_has_a_new_profile": set_to(Repair, state="done", ended_at=now()),
    "salespause_has_a_text": set_to(SalesPause, text=""),
    "salespause_ends_after_it_starts": set_to(SalesPause, ends_at=F("starts_at")),
    "salespause_market_is_a_country_or_all": set_to(SalesPause, market="us"),
    "salespause_has_a_reason": set_to(SalesPause, because=" "),
}


@pytest.fixture(scope="module")
def house(shared_rows: None) -> None:
    """Fill every table with a row that is right."""
    make_operator()
    fill(User.objects.create_user("alice@example.com", "x", name="Alice"))


def fill(alice: User) -> None:
    order = make_order(alice)
    again(Draft, submitted_at=None, key=uuid.uuid4(), plan=None)
    make_pool(1)
    profile = pool.intend(eid=EID, profile_type="consumer")
    DownloadProgress.objects.create(
        iccid=profile.sim.iccid, profile=profile, provider=profile.provider
    )
    IccidRange.objects.create(first="8944110000000000000", last="8944110000000000099")
    at_provider = {"profile_type": "consumer", "provider": profile.provider}
    PoolLevel.objects.create(**at_provider, low_mark=1)
    Source.objects.create(**at_provider)
    card = make_card()
    sold = subscriptions.prepare(alice, sim=card, plan=order.plan, plan_name="x", reference="x")
    LiveSim.objects.create(subscription=sold, sim=card, since=now())
    old = SimOnLine.objects.get()
    # It has left, so that the line has one SIM now.
    new = SimOnLine.objects.create(line=old.line, sim=make_card(), since=now(), until=now())
    PlanMove.objects.create(subscription=sold, line=old.line, old=old, new=new, reference="x")
    change = PriceChange.objects.create(
        plan=order.plan,
        market="US",
        minor_units=1,
        currency="USD",
        starts_on=now().date(),
        notice_days=31,
        exit_days=0,
    )
    change.notices.create(subscription=sold, old_minor_units=2, text="x", language="en")
    UsageRecord.objects.create(
        source="x", record_id="1", day=now(), iccid="89", bytes=1, used_at=now(), received_at=now()
    )
    UsagePull.objects.create(source="x")
    line = Line.objects.get()
    OperatorLine.objects.create(line=line, reference="x", balances_at=now())
    LineLink.objects.create(account=alice, number="+12025550142", state="asking")
    CustomerCall.objects.create(line=line, operation="balance", key="x")
    way_out = WayOut.objects.create(sim=make_card(), minutes=1, megabytes=1)
    way_out.calls.create(operation="open")
    LegalText.objects.create(kind="terms", language="en", version="1", title="x", body="x")
    MarketRules.objects.create(market="DE")
    Notice.objects.create(text="x")
    handoff = Handoff.objects.create(
        visit=order.visit, token_hash="x", language="en", expires_at=now(), success=False
    )
    HostReport.objects.create(handoff=handoff, kind="activation", result="success")
    LpaReport.objects.create(visit=order.visit, code="Other", code_as_sent="x", decides=True)
    Repair.objects.create(
        order=order, kind="reissue", because="x", asked_by=alice, old_profile=profile
    )
    Return.objects.create(order=order, because="x", asked_by=alice)
    refund = Refund.objects.create(
        payment=payment_of(order), minor_units=1, kind=RefundKind.GOODWILL, reason="x"
    )
    receipt = issue_receipt(payment_of(order), sale_of(order, at=now()), at=IN_2026)
    assert receipt is not None
    issue_credit_note(refund, receipt, at=IN_2026)
    method = payment_of(order).method
    agreed = Mandate.objects.create(method=method, purpose="plan 1", text="I agree.", language="en")
    sold.plan_changes.create(
        plan=order.plan,
        after_number=1,
        mandate=agreed,
        chosen_at=now(),
        **order.price_columns,
    )
    BookDay.objects.create(gateway="x", day=now().date())
    BookEntry.objects.create(
        gateway="x",
        entry_id="x",
        kind="fee",
        booked_on=now().date(),
        minor_units=-1,
        currency="USD",
    )
    BookDifference.objects.create(gateway="x", day=now().date(), kind="doubled", subject="x")
    order.paying_codes.create(code="x", code_digest="x", expires_at=now())
    order.declarations.create(kind="cancel", declared_at=now(), due_at=now())
    order.changes.create(old="acknowledged", new="in_progress")
    _fill_payments_and_tasks(alice, order)
    _fill_messages(alice)
    _fill_desk(alice)
    _fill_leaving(alice)


def _fill_payments_and_tasks(alice: User, order: Order) -> None:
    payment_of(order).calls.create(operation="authorise", key="x")
    payment_of(order).typed_codes.create(code="123456")
    CardPage.objects.create(
        account=alice, gateway="simulator", return_url="https://portal.example/"
    )
    payment_of(order).events.create(identifier="x", gateway_id="x", status="authorised")
    dispute = payment_of(order).disputes.create(
        gateway="x", gateway_id="x", kind="dispute", minor_units=1, taken_minor_units=1
    )
    DisputeAnswer.objects.create(dispute=dispute, kind="accept", because="x", asked_by=alice)
    payment_of(order).fraud_warnings.create(gateway="x", gateway_id="x")
    payment_of(order).stopped_devices.create(kind="eid", digest="x", ending="0000", ends_at=now())
    AttemptCount.objects.create(limit="x", subject="sim:89", began_at=now(), ends_at=now())
    SignIn.objects.create(account=alice, session_key="k")
    asked = CodeRequest.objects.create(
        account=alice, purpose="prove", address="a@b.c", digest="x", expires_at=now()
    )
    asked.service_calls.create(operation="send")
    asked.typed_codes.create(code="123456")
    NumberCheck.objects.create(number="+12025550142", question="sim_swap", since=now())
    Proof.objects.create(account=alice, kind="code_to_line", subject="+12025550142", made_at=now())
    OidcProvider.objects.create(issuer="https://sign-in.example")
    OidcIdentity.objects.create(account=alice, issuer="https://sign-in.example", subject="1")
    OidcLogout.objects.create(issuer="https://sign-in.example", token_id="1", ends_at=now())
    Heartbeat.objects.create(name="worker", at=now())
    enqueue("test", 1)


def _fill_messages(alice: User) -> None:
    AccountMessage.objects.create(account=alice, occasion="code", key="x")
    message = Message.objects.create(
        occasion="code", key="x", channel="mail", address="a@b.c", code="1", lapses_at=now()
    )
    SendingCall.objects.create(message=message, sender="Mail")
    SentCount.objects.create(name="country", subject="US", ends_at=now(), used=1)


def _fill_leaving(alice: User) -> None:
    wanted = Export.objects.create(account=alice)
    ExportPart.objects.create(export=wanted, number=0, text="{}")
    at = now()
    Deletion.objects.create(
        account=alice, language="en", asked_at=at, due_at=at + timedelta(days=7)
    )


def _fill_desk(alice: User) -> None:
    first, second = (User.objects.create_user(name, None, is_staff=True) for name in ("a", "b"))
    StaffRecovery.objects.create(account=alice, asked_by=first, reason="x", expires_at=now())
    Opening.objects.create(
        account=alice,
        opened_by=first,
        passed_check=False,
        reason="x",
        opened_at=now(),
        closes_at=now() + timedelta(minutes=30),
    )
    Logo.objects.create(name="x.svg", media_type="image/svg+xml", content=b"x", size=1)
    CaseWork.objects.create(kind="lpa-errors", row=1)
    CaseNote.objects.create(kind="lpa-errors", row=1, text="x", written_by=first)
    alice.staff_actions.create(
        action="refund-part", row=1, label="x", reason="x", state="asked", asked_by=first
    )
    PasswordLink.objects.create(user=first, issued_by=second, digest="x", expires_at=now())
    Authenticator.objects.create(user=first, key="x")
    SalesPause.objects.create(text="x", because="x", asked_by=first)


@pytest.mark.django_db
def test_every_row_says_what_it_is(house: None) -> None:
    rows = [
        row
        for model in apps.get_models()
        if model._meta.app_label in ROOMS
        for row in model.objects.all()  # type: ignore[attr-defined]  # any model
    ]

    assert {type(row) for row in rows} >= {Refund, Return, Repair, Task, Heartbeat, Receipt}
    assert [row for row in rows if not str(row) or "object (" in str(row)] == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", BROKEN)
def test_the_database_refuses_what_must_never_be(house: None, name: str) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        BROKEN[name]()


def test_no_constraint_is_left_untried() -> None:
    named = {
        constraint.name
        for model in apps.get_models()
        if model._meta.app_label in ROOMS
        for constraint in model._meta.constraints
    }

    assert named == set(BROKEN)
