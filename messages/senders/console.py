"""The sender of a copy without any gateway: it prints messages, codes included."""

import sys

from messages.senders.base import Letter


class Console:
    """Prints to the worker's output. Production refuses this sender."""

    def send(self, letter: Letter) -> str:
        """Print the message."""
        head = f"To: {letter.address}\nSubject: {letter.subject}"
        sys.stdout.write(f"--- message\n{head}\n\n{letter.text}\n---\n")
        sys.stdout.flush()
        return ""
