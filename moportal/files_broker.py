"""The broker that needs no server: kombu's folders of files, made safe for two sides at once.

kombu creates a file under its final name and fills it then. Who looks in between takes an empty
message, or an empty list of queues, and ends of it. Here a message gets its name when it is whole,
and the list of queues is read and written under one lock.
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
    """Differs in how files come into being, and in nothing else."""

    def _put(self, queue: str, payload: Any, **_kwargs: Any) -> None:  # type: ignore[override]  # its name differs within kombu itself
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        draft = Path(self.data_folder_out, f"{name}.new")
        draft.write_text(dumps(payload), encoding="utf-8")
        draft.replace(draft.with_suffix(""))

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
    """What `filesystem://` stands for here."""

    Channel = Channel
