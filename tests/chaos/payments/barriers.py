"""The moments at which a worker is killed: before and after each statement that counts.

A killed worker loses what it has not committed. "Before" is also the moment after everything that
came before it: before the answer of a call is stored, the gateway has done the work.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OPERATIONS = ("authorise", "fetch", "capture", "void", "find", "refund", "find_refund")
# Where a worker may die at a call: before its row is stored, before it is made, before its answer
# is stored, and before the payment moves.
OF_CALL = ("before the row", "after the row", "before the answer", "after the answer")
# The statements that count beside those of calls.
STATEMENTS = (
    ('UPDATE "payments_payment"', '"state"', "the payment's state"),
    ('INSERT INTO "payments_receipt"', "", "the receipt"),
    ('INSERT INTO "payments_creditnote"', "", "the credit note"),
    ('INSERT INTO "payments_refund"', "", "the refund's row"),
    ('UPDATE "payments_refund"', '"state"', "the refund's end"),
    ('UPDATE "orders_order"', '"charge_decided_at"', "the decision to charge"),
    ('UPDATE "orders_order"', '"completed_at"', "the order's completion"),
    ('UPDATE "orders_order"', '"failure"', "the order's failure"),
    ('UPDATE "orders_order"', '"undone_at"', "the order's undoing"),
    ('UPDATE "outbox_task"', '"closed_at"', "the task's end"),
)


@dataclass(frozen=True)
class Moments:
    """The statements that count: those of calls, by the calls' table, and others."""

    # A table of calls, and the operations that it may name.
    calls: Mapping[str, tuple[str, ...]]
    # What begins a statement, a column of it, and a name.
    statements: tuple[tuple[str, str, str], ...]
    # Words of the barriers that few workers come to.
    rare: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return all barriers."""
        operations = (one for several in self.calls.values() for one in several)
        of_calls = (f"{operation}: {moment}" for operation in operations for moment in OF_CALL)
        others = (
            f"{when} {name}" for _, _, name in self.statements for when in ("before", "after")
        )
        return (*of_calls, *others)


PAYMENTS = Moments(
    calls={"payments_gatewaycall": OPERATIONS},
    statements=STATEMENTS,
    rare=("fetch", "void", "find", "refund", "credit note", "receipt"),
)
BARRIERS = PAYMENTS.names
# One strike out of this many stalls the worker for longer than its lease. Then it goes on.
STALLS_IN = 12
# A worker claims a task with this statement. Its second value is the token of the lease.
CLAIM = "UPDATE outbox_task SET lease_until"
Execute = Callable[..., Any]


class Striker:
    """Kills its own process at a barrier, with the barrier's chance. Django runs it as a wrapper.

    `chances` has one number for each barrier. It may change meanwhile.

    The barrier's name is written to `pipe` first, with this process and the token of its lease.
    """

    def __init__(
        self, moments: Moments, chances: Sequence[float], pipe: int, *, stall: float
    ) -> None:
        self._moments, self._chances, self._pipe, self._stall = moments, chances, pipe, stall
        self._numbers = {name: number for number, name in enumerate(moments.names)}
        self._operation = self._token = ""
        # Each process has its own moments, and a stalled worker is no use to a repeated run.
        self._random = random.Random()  # noqa: S311 -- chance is no secret

    def __call__(self, execute: Execute, sql: str, params: Any, *rest: Any) -> Any:
        if sql.startswith(CLAIM):
            self._token = params[1]
        before, after = self._barriers(sql, params)
        self._strike(before)
        answer = execute(sql, params, *rest)
        self._strike(after)
        return answer

    def _barriers(self, sql: str, params: Any) -> tuple[str, str]:
        """Return the barriers before and after a statement, or empty texts."""
        for table, operations in self._moments.calls.items():
            if sql.startswith(f'INSERT INTO "{table}"'):
                texts = [text for text in params if isinstance(text, str)]
                self._operation = next((text for text in texts if text in operations), "")
                return f"{self._operation}: before the row", f"{self._operation}: after the row"
            if sql.startswith(f'UPDATE "{table}"'):
                name = self._operation
                return f"{name}: before the answer", f"{name}: after the answer"
        for start, column, name in self._moments.statements:
            if sql.startswith(start) and column in sql.partition(" WHERE ")[0]:
                return f"before {name}", f"after {name}"
        return "", ""

    def _strike(self, barrier: str) -> None:
        number = self._numbers.get(barrier)
        if number is None or self._random.random() >= self._chances[number]:
            return
        stalls = not self._random.randrange(STALLS_IN)
        # One write of less than a pipe's page is never mixed with another worker's.
        words = ("stalled" if stalls else "killed", barrier, str(os.getpid()), self._token)
        os.write(self._pipe, ("\t".join(words) + "\n").encode())
        if stalls:
            time.sleep(self._stall)
        else:
            os.kill(os.getpid(), signal.SIGKILL)
