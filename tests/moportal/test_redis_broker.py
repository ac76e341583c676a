"""`moportal.brokers.redis`: a broker that stops does not end a worker that holds messages."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Consumer, Producer, Queue
from redis import Redis

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


def receive(broker: Server, transport: str) -> tuple[Connection, list[Any]]:
    """Return a connection and three messages that it has received and not acknowledged."""
    connection = Connection(broker.url, transport=transport)
    received: list[Any] = []
    producer = Producer(connection.channel())
    with Consumer(connection.default_channel, [QUEUE], on_message=received.append):
        for number in range(3):
            producer.publish({"id": number}, routing_key="bells", declare=[QUEUE])
        while len(received) < 3:
            connection.drain_events(timeout=5)
    return connection, received


def lose_the_broker(broker: Server, transport: str) -> None:
    """Stop the broker, and close the channel as late as a worker may."""
    connection, _received = receive(broker, transport)
    channel: Any = connection.default_channel

    broker.stop()
    # The worker's clean-up has taken the connection from the transport by then.
    connection.transport.client = None
    channel.close()


def acknowledge_late(broker: Server, transport: str) -> None:
    """Acknowledge and reject messages to a channel that has been closed."""
    connection, (first, second, _third) = receive(broker, transport)
    channel: Any = connection.default_channel
    # The worker has another connection by then.
    channel.qos.restore_at_shutdown = False
    channel.close()

    first.ack()
    second.reject()


@pytest.mark.parametrize("course", [lose_the_broker, acknowledge_late])
def test_kombus_own_transport_raises_what_ends_a_worker(
    broker: Server, course: Callable[[Server, str], None]
) -> None:
    with pytest.raises(AttributeError):
        course(broker, "kombu.transport.redis:Transport")


@pytest.mark.parametrize("course", [lose_the_broker, acknowledge_late])
def test_the_portals_transport_needs_no_message_back(
    broker: Server, course: Callable[[Server, str], None]
) -> None:
    course(broker, "moportal.brokers.redis:Transport")


def test_an_acknowledged_message_is_removed_from_the_broker(broker: Server) -> None:
    connection, (first, second, third) = receive(broker, "moportal.brokers.redis:Transport")

    first.ack()
    second.reject()

    with Redis.from_url(broker.url) as books:
        assert books.hkeys("unacked") == [third.delivery_tag.encode()]
    connection.close()


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_workers_use_the_portals_transport(scheme: str) -> None:
    with app.connection_for_read(f"{scheme}://127.0.0.1:1/0") as connection:
        assert connection.get_transport_cls().__module__ == "moportal.brokers.redis"
