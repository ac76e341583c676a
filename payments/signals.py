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
# Sent with `payment`, inside a transaction, once nothing is authorised any more, because the time
# for the charge is over. It may be sent twice.
authorisation_ended = Signal()
# Each is sent with `dispute`, inside the transaction that stores the move, once what is lost has
# been counted. A dispute that is first heard of when it has ended is opened and ended at once, so
# receivers read its stored state. `dispute_opened` is also sent when an inquiry becomes a dispute.
dispute_opened = Signal()
dispute_answered = Signal()
dispute_won = Signal()
dispute_lost = Signal()
# Sent with `payment`, inside the transaction that stores that the customer's bank takes it for
# fraud. It may be sent twice.
fraud_reported = Signal()
# Sent with `refund`, inside the transaction that ends it: the money is given back, or that failed.
refund_ended = Signal()
