"""`moportal.brokers.redis`: a broker that stops does not end a worker that holds messages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Consumer, Producer, Queue

from demo.guard import Guard
from moportal.celery import app
from tests.services import Server, redis

pytestmark = pytest.mark.processes
QUEUE = Queue("bells", routing_key="bells")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    guard = Guard()
    with redis(tmp_path / "redis", guard) as server:
        yield server
    guard.dismiss()


def lose_the_broker(broker: Server, transport: str) -> None:
    """Receive three messages, stop the broker, and close the channel as a worker does late."""
    connection = Connection(broker.url, transport=transport)
    channel: Any = connection.default_channel
    received: list[object] = []
    producer = Producer(connection.channel())
    with Consumer(channel, [QUEUE], on_message=received.append):
        for number in range(3):
            producer.publish({"id": number}, routing_key="bells", declare=[QUEUE])
        while len(received) < 3:
            connection.drain_events(timeout=5)

    broker.stop()
    # The worker's clean-up has taken the connection from the transport by then.
    connection.transport.client = None
    channel.close()


def test_kombus_own_transport_raises_what_ends_a_worker(broker: Server) -> None:
    with pytest.raises(AttributeError, match="hostname"):
        lose_the_broker(broker, "kombu.transport.redis:Transport")


def test_the_portals_transport_leaves_the_messages_where_they_are(broker: Server) -> None:
    lose_the_broker(broker, "moportal.brokers.redis:Transport")


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_workers_use_the_portals_transport(scheme: str) -> None:
    with app.connection_for_read(f"{scheme}://127.0.0.1:1/0") as connection:
        assert connection.get_transport_cls().__module__ == "moportal.brokers.redis"
