"""A broker of files, two sides at work on it at once."""

from pathlib import Path
from threading import Thread

from kombu import Connection

from moportal.celery import app

MESSAGES = 300


def test_a_message_is_never_seen_before_it_is_whole(tmp_path: Path) -> None:
    sender = Thread(target=_send_all, args=(tmp_path,))
    sender.start()

    received = []
    with _connection(tmp_path) as connection, connection.SimpleQueue("bell") as queue:
        for _ in range(MESSAGES):
            message = queue.get(timeout=10)
            message.ack()
            received.append(message.payload)

    sender.join()
    assert sorted(received) == list(range(MESSAGES))


def test_the_portal_uses_it_for_files(tmp_path: Path) -> None:
    with _connection(tmp_path) as connection:
        assert type(connection.transport).__module__ == "moportal.files_broker"
    assert app.main == "moportal"


def _send_all(folder: Path) -> None:
    with _connection(folder) as connection, connection.SimpleQueue("bell") as queue:
        for number in range(MESSAGES):
            queue.put(number)


def _connection(folder: Path) -> Connection:
    (folder / "queue").mkdir(exist_ok=True)
    options = {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.001,
    }
    return Connection("filesystem://localhost", transport_options=options)
