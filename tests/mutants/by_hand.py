"""Mutants of code that mutmut skips: decorated functions, and tables at the top of a module.

Each change is made in a copy of the tree. Then its test is run and must fail.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from demo.parts import ROOT

IGNORED = shutil.ignore_patterns(".venv", ".git", "var", "mutants", ".*_cache", "__pycache__")
AT_THE_BANK = "tests/orders/test_at_the_bank.py"
HELD = "tests/orders/test_held.py"
NUMBERS = "tests/moportal/test_numbers.py"
PAYMENTS = "tests/payments/test_domain.py"
REPAIRING = "tests/orders/test_repairing.py"
SETTLING = "tests/orders/test_settling.py"
STATES = "tests/orders/test_states.py"
TASKS = "tests/outbox/test_domain.py"
TRYING_AGAIN = "tests/orders/test_trying_again.py"
TWO_WORKERS = "tests/orders/test_two_workers.py"


class Change(NamedTuple):
    """A text in a file, its replacement, and the test that must fail. The text occurs once."""

    file: str
    old: str
    new: str
    test: str


CHANGES = [
    Change(
        "orders/domain/moving.py",
        "if new not in NEXT_STATES[old]:",
        "if False:",
        f"{TWO_WORKERS}::test_a_move_that_the_table_does_not_allow_is_refused",
    ),
    Change(
        "orders/domain/moving.py",
        'order.pk, {"state": old}, state=new',
        "order.pk, {}, state=new",
        f"{TWO_WORKERS}::test_of_two_workers_one_moves_the_order",
    ),
    Change(
        "orders/domain/moving.py",
        "is_moved = compare_and_set(",
        "is_moved = True or compare_and_set(",
        f"{SETTLING}::test_the_charge_is_decided_for_this_order_alone",
    ),
    Change(
        "orders/domain/moving.py",
        "old=old, new=new, reason=reason[:200]",
        "old=new, new=old, reason=reason[:200]",
        f"{SETTLING}::test_every_move_is_recorded",
    ),
    Change(
        "orders/domain/moving.py",
        "reason=reason[:200], actor=actor",
        "reason=reason[:200]",
        f"{HELD}::test_staff_resume_a_held_order",
    ),
    Change(
        "orders/domain/moving.py",
        "new=new, reason=reason[:200], actor",
        "new=new, actor",
        f"{AT_THE_BANK}::test_waiting_for_the_bank_and_coming_back_are_recorded",
    ),
    Change(
        "orders/domain/moving.py",
        "reason=reason[:200], actor",
        "reason=reason, actor",
        f"{TRYING_AGAIN}::test_a_long_reason_is_cut_to_the_length_of_its_column",
    ),
    Change(
        "orders/domain/moving.py",
        '{"state": new.value, **fields}.items()',
        "fields.items()",
        f"{SETTLING}::test_an_order_is_charged_once_and_gets_one_profile",
    ),
    Change(
        "orders/domain/new_plans.py",
        "at=at, mandate=mandate)",
        "at=at)",
        "tests/orders/test_consent.py::test_the_consent_becomes_the_mandate_of_the_plan",
    ),
    Change(
        "orders/domain/new_plans.py",
        "subscriptions.start(order.subscription, at=at, mandate=mandate)",
        "pass",
        f"{SETTLING}::test_an_order_is_charged_once_and_gets_one_profile",
    ),
    Change(
        "orders/domain/settling.py",
        "issue_receipt(order.payment, sale_of(order, at=at), at=at) if order.payment else None",
        "None",
        f"{SETTLING}::test_a_completed_order_has_its_receipt",
    ),
    Change(
        "orders/domain/settling.py",
        "    announcing.tell_completed(order, receipt, mandate, at=at)\n",
        "",
        "tests/orders/test_announcing.py::test_an_order_is_confirmed_once",
    ),
    Change(
        "orders/domain/settling.py",
        "completed_at=at, last_error=",
        "completed_at=order.created_at, last_error=",
        f"{SETTLING}::test_the_charge_is_decided_for_this_order_alone",
    ),
    Change(
        "orders/domain/settling.py",
        ', completed_at=at, last_error="")',
        ", completed_at=at)",
        f"{SETTLING}::test_a_lost_answer_of_the_gateway_charges_once",
    ),
    Change(
        "outbox/retries.py",
        "RETRY_DELAYS = (0.5, 2, 4, 8, 12)",
        "RETRY_DELAYS = (0.5, 2, 4, 8)",
        f"{TRYING_AGAIN}::test_while_the_customer_waits_each_delay_is_followed_by_an_attempt",
    ),
    Change(
        "orders/domain/moving.py",
        '= {"tries": 0}',
        "= {}",
        f"{TRYING_AGAIN}::test_undoing_counts_its_attempts_from_zero",
    ),
    Change(
        "orders/domain/settling.py",
        "PaymentDeclined: Failure.PAYMENT_REFUSED",
        "PaymentDeclined: Failure.GIVEN_UP",
        f"{SETTLING}::test_a_refused_card_orders_no_profile",
    ),
    Change(
        "orders/domain/settling.py",
        "GatewayRefused: Failure.PAYMENT_REFUSED",
        "GatewayRefused: Failure.GIVEN_UP",
        f"{SETTLING}::test_a_capture_refused_for_good_ends_the_order",
    ),
    Change(
        "orders/domain/settling.py",
        "PoolEmpty: Failure.NO_PROFILE_LEFT",
        "PoolEmpty: Failure.GIVEN_UP",
        f"{SETTLING}::test_an_empty_pool_voids_what_was_authorised",
    ),
    Change(
        "orders/domain/settling.py",
        "ProfileRefused: Failure.PROFILE_REFUSED",
        "ProfileRefused: Failure.GIVEN_UP",
        f"{SETTLING}::test_a_profile_of_another_iccid_is_never_sold",
    ),
    Change(
        "orders/domain/settling.py",
        "SimOfAnother: Failure.SIM_OF_ANOTHER",
        "SimOfAnother: Failure.GIVEN_UP",
        f"{SETTLING}::test_a_plan_for_the_sim_of_another_customer_is_not_charged",
    ),
    Change(
        "outbox/domain.py",
        "enqueue_count = outbox_task.enqueue_count + 1, ",
        "",
        f"{TASKS}::test_enqueuing_a_task_twice_leaves_one_row",
    ),
    Change(
        "outbox/domain.py",
        ", not_before = EXCLUDED.not_before",
        "",
        f"{TASKS}::test_enqueuing_makes_a_waiting_task_due_now",
    ),
    Change(
        "outbox/domain.py",
        "attempts = attempts + 1",
        "attempts = attempts",
        f"{TASKS}::test_each_run_counts_as_an_attempt",
    ),
    Change(
        "outbox/domain.py",
        "AND closed_at IS NULL AND not_before",
        "AND not_before",
        f"{TASKS}::test_a_closed_task_is_not_processed_again",
    ),
    Change(
        "outbox/domain.py",
        "AND not_before <= %s",
        "AND not_before <> %s",
        f"{TASKS}::test_a_task_that_is_not_due_is_left_alone",
    ),
    Change(
        "outbox/domain.py",
        "lease_until < %s)",
        "lease_until <> %s)",
        f"{TASKS}::test_a_leased_task_is_left_alone",
    ),
    Change(
        "orders/domain/repairing.py",
        "eid=repair.eid, profile_type=profile_type",
        'eid="", profile_type=profile_type',
        f"{REPAIRING}::test_a_reissue_cancels_the_old_esim_and_a_new_one_takes_its_place",
    ),
    Change(
        "orders/domain/repairing.py",
        "filter(pk=repair.pk, state=RepairState.ASKED, new_profile=None)",
        "filter(pk=repair.pk)",
        f"{REPAIRING}::test_of_two_workers_one_takes_each_step",
    ),
    Change(
        "orders/domain/repairing.py",
        "pk=repair.order_id, profile=repair.old_profile)",
        "pk=repair.order_id)",
        f"{REPAIRING}::test_of_two_workers_one_takes_each_step",
    ),
    Change(
        "orders/domain/repairing.py",
        ", handed_over_at=None)",
        ")",
        f"{REPAIRING}::test_a_reissue_cancels_the_old_esim_and_a_new_one_takes_its_place",
    ),
    Change(
        "orders/domain/repairing.py",
        "subscriptions.replace_sim(repair.old_profile.sim, profile.sim)",
        "True",
        f"{REPAIRING}::test_the_plan_moves_to_the_new_esim",
    ),
    Change("moportal/money.py", "scaleb(-MINOR_UNIT", "scaleb(MINOR_UNIT", NUMBERS),
    Change(
        "moportal/money.py", "return self.gross - self.tax", "return self.gross + self.tax", NUMBERS
    ),
    Change(
        "payments/domain/refunds.py",
        "end_refund(row, RefundState.DONE, gateway_id",
        "end_refund(row, RefundState.FAILED, gateway_id",
        f"{PAYMENTS}::test_a_captured_payment_is_refunded",
    ),
    Change(
        "payments/domain/standing.py",
        '"void": VoidedOrRefunded',
        '"void": Captured',
        f"{PAYMENTS}::test_an_authorisation_in_doubt_is_asked_about_and_voided",
    ),
    Change(
        "orders/states.py",
        "frozenset({OrderState.IN_PROGRESS, OrderState.FAILED}),",
        "frozenset({OrderState.FAILED}),",
        STATES,
    ),
    Change(
        "orders/states.py",
        "OrderState.CANCELLED: frozenset(),",
        "OrderState.CANCELLED: frozenset({OrderState.FAILED}),",
        STATES,
    ),
    Change(
        "orders/states.py",
        "ENDED = frozenset({OrderState.COMPLETED, ",
        "ENDED = frozenset({",
        STATES,
    ),
    Change(
        "payments/states.py",
        "frozenset({PaymentState.CAPTURED, PaymentState.VOIDED})",
        "frozenset({PaymentState.CAPTURED})",
        STATES,
    ),
    Change(
        "payments/states.py",
        "PaymentState.VOIDED: frozenset(),",
        "PaymentState.VOIDED: frozenset({PaymentState.CAPTURED}),",
        STATES,
    ),
]


def survivors(folder: Path) -> list[Change]:
    """Make each change in a copy of the tree. Return those that no test noticed."""
    copy = folder / "tree"
    shutil.copytree(ROOT, copy, ignore=IGNORED)
    # IGNORED also skips this package, because mutmut's own tree has the same name.
    shutil.copytree(ROOT / "tests/mutants", copy / "tests/mutants", dirs_exist_ok=True)
    return [change for change in CHANGES if not _is_noticed(change, copy)]


def _is_noticed(change: Change, copy: Path) -> bool:
    file = copy / change.file
    original = file.read_text(encoding="utf-8")
    if original.count(change.old) != 1:
        sys.exit(f"{change.file}: {change.old!r} does not occur exactly once: update tests/mutants")
    file.write_text(original.replace(change.old, change.new), encoding="utf-8")
    options = ["-x", "-q", "-p", "tests.mutants.plugin", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, change.test]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    file.write_text(original, encoding="utf-8")
    if done.returncode not in (0, 1):
        sys.exit(f"{change.file}: {change.old!r}: the tests did not run\n{done.stdout}")
    print("." if done.returncode else "S", end="", flush=True)
    return done.returncode == 1
