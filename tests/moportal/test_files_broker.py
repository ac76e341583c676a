"""A broker of files, two sides at work on it at once."""

import json
from pathlib import Path
from threading import Event, Thread

from kombu import Connection, Exchange, Queue

from moportal.celery import app
from moportal.files_broker import Channel

MESSAGES = 300
SIDES = 8


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


def test_the_portal_uses_it_for_files(tmp_path: Path) -> None:
    with connection(tmp_path) as opened:
        assert isinstance(opened.channel(), Channel)
    assert app.main == "moportal"


def test_a_message_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    """A reader that takes every file it sees by a message's name never meets an empty one."""
    done, torn = Event(), []

    def watch() -> None:
        while not done.is_set():
            for seen in (tmp_path / "queue").glob("*.bell.msg"):
                torn.extend([seen] if not seen.read_text(encoding="utf-8") else [])

    with connection(tmp_path) as opened:
        channel = channel_of(opened)
        watcher = Thread(target=watch)
        watcher.start()
        for number in range(MESSAGES):
            channel._put("bell", {"number": number})  # noqa: SLF001 -- what kombu calls
        done.set()
        watcher.join()

    written = sorted((tmp_path / "queue").glob("*.bell.msg"))
    numbers = {json.loads(file.read_text(encoding="utf-8"))["number"] for file in written}
    assert torn == []
    assert numbers == set(range(MESSAGES))


def test_sides_that_start_at_once_all_find_the_queue(tmp_path: Path) -> None:
    """The list of queues is made by whoever is first, while the others read it."""
    failed: list[Exception] = []

    def declare() -> None:
        try:
            with connection(tmp_path) as opened:
                queue = Queue("bell", Exchange("bell", type="direct"), "bell")
                channel = channel_of(opened)
                queue(channel).declare()
                channel.get_table("bell")
        except Exception as error:  # noqa: BLE001 -- whatever a side ended of
            failed.append(error)

    sides = [Thread(target=declare) for _ in range(SIDES)]
    for side in sides:
        side.start()
    for side in sides:
        side.join()

    assert failed == []
    with connection(tmp_path) as opened:
        assert len(channel_of(opened).get_table("bell")) == 1
