"""Redis as the broker: kombu's transport, without two of its errors that end a worker.

Both come when the connection breaks while messages are not acknowledged yet. kombu writes them back
to Redis, and raises an `AttributeError` if Redis is still down. Later the worker acknowledges them
to the channel that was closed, and that raises an `AttributeError` too. The portal needs neither:
the reconciler finds each row that is due.
"""

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """kombu's channel, except that it leaves unacknowledged messages where they are."""

    do_restore = False

    def basic_ack(self, delivery_tag: str, *args: Any, **kwargs: Any) -> None:
        """Acknowledge a message, or do nothing if the channel has been closed."""
        if not self.closed:
            super().basic_ack(delivery_tag, *args, **kwargs)

    def basic_reject(self, delivery_tag: str, *args: Any, **kwargs: Any) -> None:
        """Reject a message, or do nothing if the channel has been closed."""
        if not self.closed:
            super().basic_reject(delivery_tag, *args, **kwargs)


class Transport(redis.Transport):
    """The transport that `redis://` and `rediss://` select in the portal."""

    Channel = Channel
