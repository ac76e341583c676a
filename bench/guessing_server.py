"""The portal's own server, which notes each password that it compares.

    python -m bench.guessing_server --port 8000

`BENCH_COMPARED` names a folder. Its file `guesses` grows by a byte for each guess that is compared
with a stored hash, and its file `others` for everything else that is compared.
"""

import os
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher

from moportal import server

# Each guess of the benchmark begins with this text.
GUESS = "guess "
FILES = ("guesses", "others")


def count_compared(folder: Path) -> tuple[int, ...]:
    """Return how many guesses, and how many other secrets, were compared so far."""
    return tuple(len((folder / name).read_bytes()) for name in FILES)


def main() -> None:
    """Serve, with a hasher that writes to the two files."""
    folder = Path(os.environ["BENCH_COMPARED"])
    verify = Argon2PasswordHasher.verify

    def verify_and_note(self: Any, password: str, encoded: str) -> bool:
        name = FILES[0] if password.startswith(GUESS) else FILES[1]
        with (folder / name).open("ab") as file:
            file.write(b".")
        return bool(verify(self, password, encoded))

    Argon2PasswordHasher.verify = verify_and_note  # type: ignore[method-assign]  # to count
    server.main()


if __name__ == "__main__":
    main()
