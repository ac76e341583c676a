"""What `messages` announces to the rooms above it."""

from django.dispatch import Signal

# A message has ended: it was sent or refused, or nobody tries any longer. Argument: `message`.
message_ended = Signal()
