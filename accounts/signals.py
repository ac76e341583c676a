"""What `accounts` announces to the rooms above it."""

from django.dispatch import Signal

# A customer has proven a number; sent in the transaction of the proof. Arguments: `proof`, an
# `accounts.models.codes.Proof`, and `before`, the accounts that had proven the number until now.
line_proven = Signal()
# A number has changed hands, so nobody's proof of it counts any more. Sent in the transaction that
# ends the proofs. Argument: `number`, in E.164.
number_lost = Signal()
