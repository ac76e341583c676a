"""Redis as the broker: kombu's transport, without the return of messages to the broker.

When its connection breaks, kombu writes the messages that are not acknowledged yet back to Redis.
If Redis is still down, that raises an `AttributeError`, which ends the worker. The portal needs no
message back: the reconciler finds each row that is due.
"""

from kombu.transport import redis


class Channel(redis.Channel):
    """kombu's channel, except that it leaves unacknowledged messages where they are."""

    do_restore = False


class Transport(redis.Transport):
    """The transport that `redis://` and `rediss://` select in the portal."""

    Channel = Channel
