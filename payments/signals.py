"""Signals for the rooms that build on payments."""

from django.dispatch import Signal

# Sent with `page`, inside the transaction that stores the page's card.
card_taken = Signal()
# Sent with `method`, inside the transaction that removes it.
method_removed = Signal()
# Sent with `method`, inside the transaction that stores the bank's refusal for good.
method_stopped = Signal()
# Sent with `mandate`, inside the transaction that ends it.
mandate_ended = Signal()
# Sent with `payment`, inside a transaction, once an authorisation has ended and nothing is
# authorised any more. It may be sent twice.
authorisation_ended = Signal()
# Each is sent with `dispute`, inside the transaction that stores the move, after the loss was
# computed. If the portal hears of a dispute only after its end, it sends the opening and the end at
# once. So receivers read the stored state. An inquiry that becomes a dispute also sends
# `dispute_opened`.
dispute_opened = Signal()
dispute_answered = Signal()
dispute_won = Signal()
dispute_lost = Signal()
# Sent with `payment`, inside the transaction that stores the report of fraud by the customer's
# bank. It may be sent twice.
fraud_reported = Signal()
# Sent with `refund`, inside the transaction that ends it: the money is given back, or that failed.
refund_ended = Signal()
