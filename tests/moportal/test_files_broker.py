"""`moportal.brokers.files`: several processes use one file broker at the same time."""

import json
from pathlib import Path
from threading import Event, Thread

from kombu import Connection, Exchange, Queue

from moportal.brokers.files import Channel
from moportal.celery import app

MESSAGES = 300
THREADS = 8


def connection(folder: Path) -> Connection:
    (folder / "queue").mkdir(exist_ok=True)
    options = {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
    }
    return Connection("filesystem://localhost", transport_options=options)


def channel_of(opened: Connection) -> Channel:
    channel = opened.channel()
    assert isinstance(channel, Channel)
    return channel


def test_the_portal_uses_this_transport_for_the_file_broker(tmp_path: Path) -> None:
    with connection(tmp_path) as opened:
        assert isinstance(opened.channel(), Channel)
    assert app.main == "moportal"


def test_a_message_gets_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    """A reader that opens every message file at once never finds an empty one."""
    done, empty = Event(), []

    def watch() -> None:
        while not done.is_set():
            for seen in (tmp_path / "queue").glob("*.wake.msg"):
                empty.extend([seen] if not seen.read_text(encoding="utf-8") else [])

    with connection(tmp_path) as opened:
        channel = channel_of(opened)
        watcher = Thread(target=watch)
        watcher.start()
        for number in range(MESSAGES):
            channel._put("wake", {"number": number})  # noqa: SLF001 -- what kombu calls
        done.set()
        watcher.join()

    written = sorted((tmp_path / "queue").glob("*.wake.msg"))
    numbers = {json.loads(file.read_text(encoding="utf-8"))["number"] for file in written}
    assert empty == []
    assert numbers == set(range(MESSAGES))


def test_processes_that_start_together_all_find_the_queue(tmp_path: Path) -> None:
    """The first one writes the list of queues while the others read it."""
    failed: list[Exception] = []

    def declare() -> None:
        try:
            with connection(tmp_path) as opened:
                queue = Queue("wake", Exchange("wake", type="direct"), "wake")
                channel = channel_of(opened)
                queue(channel).declare()
                channel.get_table("wake")
        except Exception as error:  # noqa: BLE001 -- any error of a thread
            failed.append(error)

    threads = [Thread(target=declare) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with connection(tmp_path) as opened:
        assert len(channel_of(opened).get_table("wake")) == 1
