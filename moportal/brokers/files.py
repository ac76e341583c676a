"""The broker that needs no server: kombu's file transport, made safe for concurrent processes.

kombu creates a file under its final name and writes its content afterwards. A
process that reads it in between gets an empty message or an empty list of queues,
and crashes. Here a message file gets its final name only when it is complete, and a
lock guards the list of queues.
"""

import fcntl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """kombu's channel, except for how it writes files."""

    def _put(self, queue: str, payload: Any, **_kwargs: Any) -> None:  # type: ignore[override]  # kombu itself names the parameters differently
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        # kombu reads only files that end in ".msg", so it does not
        # see this one before the rename.
        unfinished = Path(self.data_folder_out, f"{name}.new")
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.replace(unfinished.with_suffix(""))

    def get_table(self, exchange: str) -> list[Any]:
        with self._queues_locked():
            table: list[Any] = super().get_table(exchange)
            return table

    def _queue_bind(self, *binding: Any) -> None:
        with self._queues_locked():
            super()._queue_bind(*binding)

    def _delete(self, *binding: Any, **kwargs: Any) -> None:
        with self._queues_locked():
            super()._delete(*binding, **kwargs)

    @contextmanager
    def _queues_locked(self) -> Iterator[None]:
        self.control_folder.mkdir(exist_ok=True)
        with Path(self.control_folder, "lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    """The transport that `filesystem://` selects in the portal."""

    Channel = Channel
