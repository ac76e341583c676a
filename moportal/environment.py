"""The parser of the environment variables for the settings. It collects all problems with them.

An empty variable counts as missing. Values are taken literally: a `$` at the beginning does not
name another variable, as it does in django-environ.
"""

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import get_language_info, to_language, to_locale

from moportal.http_client import check_address, is_loopback
from moportal.identifiers import Country, InvalidCountry

SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"
# Django's own limits for a SECRET_KEY (its check security.W009).
SHORTEST_KEY, FEWEST_CHARACTERS = 50, 5
SHORTEST_SECRET = 16
# `check` reports the problems itself. `compilemessages` repairs one of them.
COMMANDS_DESPITE_PROBLEMS = {"check", "compilemessages"}


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over. By default, this machine."""

    host: str = "127.0.0.1"
    port: int = 25
    user: str = ""
    password: str = ""
    # TLS begins with STARTTLS, or with the connection.
    starts_tls: bool = False
    is_tls: bool = False


class Environment(environ.Env):  # type: ignore[misc]  # it ships no types
    """The variables, and their problems: one sentence for each, which names the variable."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__()
        self.ENVIRON = {name: value for name, value in variables.items() if value}
        self.problems: list[str] = []

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, **_options: Any
    ) -> Any:
        """Return the value or the default, and add a problem if there is neither."""
        value = self.ENVIRON.get(var)
        if value is None:
            self.require(default is not self.NOTSET, f"{var} is not set.")
            return _EMPTY.get(cast, "") if default is self.NOTSET else default
        parse, rule = _PARSERS.get(cast, (str, ""))
        try:
            return parse(value)
        except ValueError:
            self.problems.append(f"{var} must be {rule}, not {value!r}.")
            return _EMPTY.get(cast, "") if default is self.NOTSET else default

    def require(self, is_right: bool, problem: str) -> None:  # noqa: FBT001 -- reads like an assertion
        """Add the problem unless `is_right`."""
        if not is_right:
            self.problems.append(problem)

    def positive(self, name: str, *, default: int) -> int:
        """Return a whole number that must be 1 or more."""
        value: int = self.int(name, default=default)
        self.require(value > 0, f"{name} must be 1 or more.")
        return value

    def require_catalogues(self, missing: Sequence[str]) -> None:
        """Add a problem for each language whose catalogue is missing."""
        for code in missing:
            self.problems.append(
                f"The catalogue for {code} is not compiled: run `manage.py compilemessages`."
            )

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Return one of the choices. The first one is the default."""
        value: str = self.str(name, default=choices[0])
        listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
        self.require(value in choices, f"{name} must be {listed}. It is {value!r}.")
        return value if value in choices else choices[0]

    def key(self, name: str, **default: str) -> str:
        """Return a key of the portal's own, which must be long and random."""
        value: str = self.str(name, **default)
        if name in self.ENVIRON:
            self.require_key(name, value)
        return value

    def secret(self, name: str) -> str:
        """Return a secret that another system knows too. It may be missing, but not weak."""
        value: str = self.str(name, default="")
        if value:
            self.require_secret(name, value)
        return value

    def credentials(self, name: str) -> str:
        """Return `user:password`. It may be missing."""
        value: str = self.str(name, default="")
        if value:
            self.require_credentials(name, value)
        return value

    def fallbacks(self, name: str, require: Callable[[str, str], None]) -> list[str]:
        """Return the other values of a secret, which are accepted while it is being changed.

        They come from the variable NAME_FALLBACKS. `require` is one of the next three methods.
        """
        variable = f"{name}_FALLBACKS"
        values: list[str] = self.list(variable, default=[])
        for number, value in enumerate(values, start=1):
            require(f"{variable}: value {number}", value)
        is_used = not values or name in self.ENVIRON
        self.require(is_used, f"{variable} has no effect, because {name} is not set.")
        return values

    def require_key(self, name: str, value: str) -> None:
        """Add a problem if this is too weak for a key of the portal's own."""
        is_placeholder = value.startswith("django-insecure-")
        self._require_random(name, "" if is_placeholder else value, SHORTEST_KEY)

    def require_secret(self, name: str, value: str) -> None:
        """Add a problem if this is too weak for a secret that another system knows too."""
        self._require_random(name, value, SHORTEST_SECRET)

    def require_credentials(self, name: str, value: str) -> None:
        """Add a problem if this is not `user:password`."""
        self.require(all(value.partition(":")), f"{name} must be user:password.")
        self._require_no_comma(name, value)

    def _require_random(self, name: str, value: str, shortest: int) -> None:
        self.require(
            len(value) >= shortest and len(set(value)) >= FEWEST_CHARACTERS,
            f"{name} is too weak: use at least {shortest} random characters.",
        )
        self._require_no_comma(name, value)

    def _require_no_comma(self, name: str, value: str) -> None:
        # A comma separates the fallbacks, and each value is a fallback while it is being replaced.
        self.require("," not in value, f"{name} must not contain a comma.")

    def fernet_keys(self, name: str) -> list[str]:
        """Return Fernet keys, of which there must be at least one."""
        keys: list[str] = self.list(name)
        for number, key in enumerate(keys, start=1):
            self.require(
                _is_fernet_key(key),
                f"{name}: key {number} must be 32 random bytes in URL-safe base64.",
            )
        return keys

    def address(self, name: str, *, default: str) -> str:
        """Return the address of another system. It may be missing."""
        value: str = self.str(name, default=default)
        if value:
            try:
                check_address(value, name=name)
            except ImproperlyConfigured as error:
                self.problems.append(str(error))
        return value

    def adapter(self, name: str, **default: str) -> str:
        """Return the path of a class, whose module must exist. It may be missing.

        The class itself can only be imported after the apps are loaded: a system check does that.
        """
        value: str = self.str(name, **default)
        if value:
            self._require_module(name, value)
        return value

    def adapters(self, name: str, **default: str) -> list[str]:
        """Return the paths of classes between commas, whose modules must exist."""
        paths = _parse_list(self.str(name, **default))
        for path in paths:
            self._require_module(name, path)
        return paths

    def _require_module(self, name: str, path: str) -> None:
        module = path.rpartition(".")[0]
        self.require(_module_exists(module), f"{name}: there is no module {module!r}.")

    def lists_by_country(self, name: str) -> dict[str, list[str]]:
        """Return the lists of NAME_DE, NAME_US and so on, by country."""
        found: dict[str, list[str]] = {}
        for variable in sorted(self.ENVIRON):
            start, _, code = variable.rpartition("_")
            if start != name:
                continue
            try:
                found[Country.parse(code)] = self.list(variable)
            except InvalidCountry:
                self.problems.append(f"{variable} must end with the code of a country.")
        return found

    def languages(self, name: str, available: Sequence[str]) -> list[tuple[str, str]]:
        """Return the languages between commas, each with its English name. By default all."""
        chosen = [code.lower() for code in self.list(name, default=[])]
        unknown = sorted({*chosen} - {*available})
        self.require(
            not unknown,
            f"{name}: there are no texts in {', '.join(unknown)}, only in {', '.join(available)}.",
        )
        codes = [code for code in dict.fromkeys(chosen) if code in available] or available
        return [(code, get_language_info(code)["name"]) for code in codes]

    def hours(self, name: str, *, default: str) -> tuple[int, int] | None:
        """Return the hours in which a part of the day begins and ends, such as 21-8, or None."""
        value: str = self.str(name, default=default)
        found = re.fullmatch(r"([01]?[0-9]|2[0-3])-([01]?[0-9]|2[0-3])", value, re.ASCII)
        hours = (int(found[1]), int(found[2])) if found else (0, 0)
        is_right = hours[0] != hours[1]
        self.require(
            is_right or value == "none", f"{name} must be two hours, such as 21-8, or none."
        )
        return hours if is_right else None

    def mail_server(self, name: str) -> MailServer:
        """Return the mail server of an address such as smtps://user:password@mail.example:465.

        `smtp+tls://` begins TLS with STARTTLS. Without TLS (`smtp://`) the server must be on
        loopback, where nobody else reads the mail. The address may be missing.
        """
        value: str = self.str(name, default="")
        server = parse_mail_server(value) if value else MailServer()
        self.require(
            server is not None,
            f"{name} must be smtps://… or smtp+tls://…, with a host (smtp://… only to loopback).",
        )
        return server or MailServer()

    def database(self, name: str, **default: str) -> dict[str, Any]:
        """Return the database that a URL names, with the options in the URL's query."""
        try:
            found: dict[str, Any] = self.db_url_config(self.str(name, **default))
        except (ValueError, ImproperlyConfigured) as error:
            self.problems.append(f"{name} cannot be read: {error}.")
            found = {}
        if not found.get("NAME"):
            self.require(name not in self.ENVIRON, f"{name} does not name a database.")
            # The settings that follow need a database. The portal does not start with this one.
            found = {"ENGINE": SQLITE, "NAME": ":memory:"}
        elif found["ENGINE"] not in {SQLITE, POSTGRESQL}:
            self.problems.append(f"{name} must begin with postgres://.")
            found = {"ENGINE": SQLITE, "NAME": ":memory:"}
        return {"OPTIONS": {}, **found}

    def stop_if_wrong(self) -> None:
        """Raise `ImproperlyConfigured` with all problems, unless the command works despite them."""
        is_exempt = any(sys.argv[1:2] == [name] for name in COMMANDS_DESPITE_PROBLEMS)
        if self.problems and not is_exempt:
            raise ImproperlyConfigured(
                "\n- ".join(["The portal does not start with this environment:", *self.problems])
            )


MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def parse_mail_server(url: str) -> MailServer | None:
    """Return the mail server of the address, or None if mail may not be sent there."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    is_known = parts.scheme in MAIL_PORTS and bool(host) and parts.path in {"", "/"}
    if not is_known or (parts.scheme == "smtp" and not is_loopback(host)):
        return None
    return MailServer(
        host=host,
        port=port or MAIL_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starts_tls=parts.scheme == "smtp+tls",
        is_tls=parts.scheme == "smtps",
    )


def translated(folder: Path) -> list[str]:
    """Return the codes of the languages with texts: English, then the folder's, such as `pt-br`."""
    return [
        "en",
        *sorted(to_language(texts.parts[-3]) for texts in folder.glob(f"*/{_CATALOGUE}.po")),
    ]


def missing_catalogues(folder: Path, languages: Sequence[tuple[str, Any]]) -> list[str]:
    """Return the languages without a compiled catalogue: their texts would be English."""
    codes = [code for code, _name in languages if code != "en"]
    return [code for code in codes if not (folder / to_locale(code) / f"{_CATALOGUE}.mo").is_file()]


def is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True


def is_origin(url: str) -> bool:
    """Return whether this is an https:// address without path, query or user."""
    try:
        parts = urlsplit(url)
        return url.rstrip("/") == f"https://{parts.netloc}" and parts.netloc in {
            parts.hostname,
            f"{parts.hostname}:{parts.port}",
        }
    except ValueError:
        return False


def is_header_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name) is not None


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return len(set(key)) >= FEWEST_CHARACTERS


def _module_exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _parse_list(text: str) -> list[str]:
    """Return the values between the commas, without the spaces around them."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _parse_bool(text: str) -> bool:
    """Return True or False. Raises `ValueError` for any other word."""
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


def _parse_int(text: str) -> int:
    _parse_number(text)
    return int(text)


def _parse_number(text: str) -> float:
    """Return the number. No setting may be negative or infinite."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


_CATALOGUE = "LC_MESSAGES/django"
_TRUE, _FALSE = {"1", "true", "yes", "on", "y", "ok"}, {"0", "false", "no", "off", "n"}
_EMPTY: dict[Any, Any] = {list: [], bool: False, int: 0, float: 0.0}
_PARSERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    list: (_parse_list, "a list"),
    bool: (_parse_bool, "1 or 0"),
    int: (_parse_int, "a whole number, 0 or more"),
    float: (_parse_number, "a number, 0 or more"),
}
