"""Environment variables that each SM-DP+ provider may have a value of its own for."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class PerProvider:
    """`NAME` for all of them, `NAME_<CODE>` for the one of this code (`-` written as `_`)."""

    name: str
    values: dict[str, str]

    @classmethod
    def read(cls, name: str) -> "PerProvider":
        """Read every variable of this name from the environment."""
        found = {key: value for key, value in os.environ.items() if key.startswith(name)}
        return cls(name, found)

    def of(self, code: str) -> str:
        """Return the provider's own value, else that for all; nothing where there is none."""
        own = f"{self.name}_{code.upper().replace('-', '_')}"
        return self.values.get(own) or self.values.get(self.name, "")
