"""A simulator of a message gateway: the customer's phone and mailbox."""
