"""`moportal.environment`: nothing wrong with a variable is passed over in silence."""

import ast
import os
import subprocess
import sys

import pytest

from demo.parts import ROOT
from moportal.brokers.connection import verified_broker_url
from moportal.environment import Environment, MailServer, is_origin
from tests.settings_for import production_environment

URL = "postgres://u:p@db.example/portal"


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", {}),
        ("?sslmode=verify-full", {"sslmode": "verify-full"}),
        (
            "?sslmode=verify-ca&sslrootcert=%2Fx.pem",
            {"sslmode": "verify-ca", "sslrootcert": "/x.pem"},
        ),
        ("?connect_timeout=5", {"connect_timeout": 5}),
    ],
)
def test_the_options_of_a_database_url_are_kept(query: str, options: dict[str, object]) -> None:
    env = Environment({"DATABASE_URL": URL + query})

    assert env.database("DATABASE_URL")["OPTIONS"] == options
    assert not env.problems


@pytest.mark.parametrize("url", ["postgres:/", "nosuch://db/portal", "postgres://db:5432"])
def test_a_database_url_that_names_no_database_is_a_problem(url: str) -> None:
    env = Environment({"DATABASE_URL": url})

    env.database("DATABASE_URL")

    assert len(env.problems) == 1
    assert "DATABASE_URL" in env.problems[0]


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("rediss://h:6379/0", "rediss://h:6379/0?ssl_cert_reqs=CERT_REQUIRED"),
        ("rediss://h/0?ssl_cert_reqs=CERT_NONE", "rediss://h/0?ssl_cert_reqs=CERT_NONE"),
    ],
)
def test_the_brokers_certificate_is_verified_unless_the_url_says_otherwise(
    given: str, used: str
) -> None:
    assert verified_broker_url(given) == used


def test_an_empty_variable_counts_as_missing() -> None:
    env = Environment({"DIGEST_KEY": "", "NUMBER": "", "NAMES": ""})

    assert env.key("DIGEST_KEY", default="other") == "other"
    assert env.int("NUMBER", default=3) == 3
    assert env.list("NAMES", default=["a"]) == ["a"]
    assert not env.problems


def test_spaces_around_commas_do_not_become_part_of_a_value() -> None:
    assert Environment({"NAMES": "a, b ,,c"}).list("NAMES") == ["a", "b", "c"]


def test_customers_may_choose_the_listed_languages_in_this_order() -> None:
    available = ["en", "de", "pt-br"]

    chosen = Environment({"LANGUAGES": "PT-BR, en"}).languages("LANGUAGES", available)

    assert chosen == [("pt-br", "Brazilian Portuguese"), ("en", "English")]
    assert len(Environment({}).languages("LANGUAGES", available)) == 3


def test_a_language_without_texts_is_a_problem() -> None:
    env = Environment({"LANGUAGES": "de,xx"})

    assert env.languages("LANGUAGES", ["en", "de"]) == [("de", "German")]
    assert env.problems == ["LANGUAGES: there are no texts in xx, only in en, de."]


def test_a_dollar_sign_is_part_of_a_secret() -> None:
    assert Environment({"TOKEN": "$tr0ng"}).str("TOKEN") == "$tr0ng"


def test_each_fallback_is_checked_as_the_secret_itself() -> None:
    variables = {"TOKEN": "a long enough token", "TOKEN_FALLBACKS": "another long token,short"}
    env = Environment(variables)

    assert env.secret("TOKEN") == "a long enough token"
    assert env.fallbacks("TOKEN", env.require_secret) == ["another long token", "short"]
    assert env.problems == [
        "TOKEN_FALLBACKS: value 2 is too weak: use at least 16 random characters."
    ]


def test_a_fallback_without_the_secret_itself_is_a_problem() -> None:
    env = Environment({"TOKEN_FALLBACKS": "another long token"})

    env.fallbacks("TOKEN", env.require_secret)

    assert env.problems == ["TOKEN_FALLBACKS has no effect, because TOKEN is not set."]


def test_a_secret_has_no_comma_because_its_fallbacks_are_separated_by_commas() -> None:
    env = Environment({"TOKEN": "a long enough, token", "PASSWORD": "user:a,b"})

    env.secret("TOKEN")
    env.credentials("PASSWORD")

    assert env.problems == [
        "TOKEN must not contain a comma.",
        "PASSWORD must not contain a comma.",
    ]


@pytest.mark.parametrize("value", ["ture", "2", "-"])
def test_a_misspelt_switch_is_a_problem_and_keeps_its_default(value: str) -> None:
    env = Environment({"SWITCH": value})

    assert env.bool("SWITCH", default=True) is True
    assert env.problems == [f"SWITCH must be 1 or 0, not {value!r}."]


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "x", "1e999"])
def test_a_number_is_never_negative_or_endless(value: str) -> None:
    env = Environment({"NUMBER": value})

    assert env.float("NUMBER", default=1.0) == 1.0
    assert len(env.problems) == 1


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        ("https://portal.example", True),
        ("https://portal.example/", True),
        ("https://portal.example:8443", True),
        ("https://portal.example/shop", False),
        ("https://portal.example?x", False),
        ("https://portal.example@other.example", False),
        ("http://portal.example", False),
        ("https://", False),
        ("https://portal.example:x", False),
    ],
)
def test_an_origin_is_https_and_nothing_but_a_host(url: str, *, is_right: bool) -> None:
    assert is_origin(url) is is_right


# Each variable is named by a problem of its own.
MISTAKES = {
    "ALLOWED_HOSTS": "*",
    "BALANCE_CA": "/nowhere/balance-ca.pem",
    "BALANCE_CREDENTIALS": "nocolon",
    "BALANCE_CREDENTIALS_FALLBACKS": "user:one,nocolon",
    "BALANCE_DATA_KEY": "dataRemaining",
    "BALANCE_RATE": "-1",
    "BILLING_ZONE": "Europe/Atlantis",
    "BROKER_URL": "filesystem://",
    "CLIENT_CERTIFICATE_HEADER": "X_Client_Certificate",
    "CHARGING": "no.such.module.Charging",
    "CHARGING_URL": "http://charging.example",
    "CODE_SERVICE": "no.such.module.Codes",
    "DATABASE_URL": "sqlite:///portal.sqlite3",
    "DEBUG": "1",
    "DIGEST_KEY": "short",
    "LOG_LEVEL": "loud",
    "MOPORTAL_FACE": "both",
    "NETWORK_URL": "ftp://network.example",
    "NUMBER_RECYCLING_URL": "https://api.kestrel.example/number-recycling/v0.2",
    "ONE_TIME_PASSWORD_URL": "http://api.kestrel.example",
    "OUTBOX_LEASE": "1",
    "PAYMENT_CARD_ENTRY": "fields",
    "PAYMENT_GATEWAY": "no.such.module.Gateway",
    "PAYMENT_OFFERED_EUROPE": "simulator",
    "PAYMENT_REFUSED_STATUS": "Refused",
    "PAYMENT_WEBHOOK_SECRET": "1234",
    "PAYMENT_WEBHOOK_SECRET_FALLBACKS": "1234",
    "PORTAL_URL": "http://portal.example",
    "PROXY_SECRET": "",
    "PROXY_SECRET_FALLBACKS": "between-proxy-and-portal",
    "SEAL_KEYS": "not-a-key",
    "SECRET_KEY": "django-insecure-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "SECRET_KEY_FALLBACKS": "short",
    "SECURE_SSL_REDIRECT": "maybe",
    "SIMULATORS": "1",
    "SIM_CHANGE_DAYS": "0",
    "SMDP_CLIENT_KEY": "/nowhere/smdp.key",
    "USAGE_TOKENS": "nocolon",
    "VISIT_IDENTIFIERS_DAYS": "many",
}


def run(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **production_environment(), "DEMO": "0", "SIMULATORS": "0"}
    # The tests of the browser set it.
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**environment, **variables},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.processes
def test_check_deploy_names_every_planted_mistake_in_one_run() -> None:
    answer = run("manage.py", "check", "--deploy", **MISTAKES)

    assert answer.returncode == 1
    assert [name for name in MISTAKES if name not in answer.stderr] == []
    assert "SAQ D instead of SAQ A" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.processes
@pytest.mark.parametrize(
    "code", ["import moportal.wsgi", "import moportal.celery as c; c.app.conf"]
)
def test_the_start_stops_and_names_all_that_is_missing(code: str) -> None:
    needed = ("SECRET_KEY", "SEAL_KEYS", "DATABASE_URL", "BROKER_URL", "PAYMENT_GATEWAY")
    script = f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'moportal.settings'; {code}; "

    answer = run(
        "-c",
        script + "from django.conf import settings; settings.DEBUG",
        **dict.fromkeys(needed, ""),
    )

    assert answer.returncode != 0
    assert [name for name in needed if f"- {name} is not set." not in answer.stderr] == []


@pytest.mark.processes
def test_the_example_environment_has_no_mistake() -> None:
    answer = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert answer.returncode == 0, answer.stderr


@pytest.mark.processes
def test_the_settings_add_their_options_to_those_of_the_database_url() -> None:
    script = "from moportal.settings import DATABASES; print(DATABASES['default'])"
    url = f"{URL}?sslmode=verify-full&conn_max_age=7"

    database = ast.literal_eval(run("-c", script, DATABASE_URL=url).stdout)

    ours = {"prepare_threshold": 5, "server_side_binding": True}
    assert database["OPTIONS"] == {"sslmode": "verify-full", **ours}
    assert database["CONN_MAX_AGE"] == 7


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.example", MailServer("mail.example", 465, is_tls=True)),
        ("smtp+tls://mail.example/", MailServer("mail.example", 587, starts_tls=True)),
        ("smtp://localhost:2525", MailServer("localhost", 2525)),
        (
            "smtps://portal%40kestrel.example:p%3Aw@mail.example:2465",
            MailServer("mail.example", 2465, "portal@kestrel.example", "p:w", is_tls=True),
        ),
    ],
)
def test_the_address_of_a_mail_server_names_all_that_it_needs(url: str, server: MailServer) -> None:
    env = Environment({"MAIL_URL": url})

    assert env.mail_server("MAIL_URL") == server
    assert not env.problems


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example",
        "mail.example",
        "smtps://",
        "smtps://h:port",
        "imaps://h",
        "smtps://h/x",
    ],
)
def test_mail_never_leaves_the_machine_in_clear(url: str) -> None:
    env = Environment({"MAIL_URL": url})

    assert env.mail_server("MAIL_URL") == MailServer()
    assert len(env.problems) == 1
    assert "MAIL_URL" in env.problems[0]


def test_without_an_address_the_mail_server_is_on_this_machine() -> None:
    assert Environment({}).mail_server("MAIL_URL") == MailServer("127.0.0.1", 25)


@pytest.mark.processes
def test_a_voucher_server_beside_the_simulator_leaves_the_card_fields_allowed() -> None:
    simulator, vouchers = "simulator.SimulatorGateway", "vouchers.VoucherServer"
    both = ",".join(f"payments.gateways.{name}" for name in (simulator, vouchers))
    code = "from django.conf import settings; print(settings.PAYMENT_CARD_ENTRY)"
    command = ("manage.py", "shell", "--no-imports", "--command", code)

    beside = run(*command, PAYMENT_GATEWAY=both, PAYMENT_CARD_ENTRY="fields")
    alone = run(
        *command, PAYMENT_GATEWAY=f"payments.gateways.{vouchers}", PAYMENT_CARD_ENTRY="fields"
    )

    assert (beside.returncode, beside.stdout.strip()) == (0, "fields")
    assert alone.returncode != 0
    assert "PAYMENT_CARD_ENTRY must be page" in alone.stderr


@pytest.mark.parametrize(
    ("value", "hours"), [("21-8", (21, 8)), ("01-7", (1, 7)), ("none", None), ("", (22, 6))]
)
def test_two_hours_name_a_part_of_the_day(value: str, hours: tuple[int, int] | None) -> None:
    env = Environment({"QUIET_HOURS": value})

    assert env.hours("QUIET_HOURS", default="22-6") == hours
    assert not env.problems


@pytest.mark.parametrize("value", ["21", "21-24", "8-8", "21-8-9", "night"])
def test_other_words_for_hours_are_a_problem(value: str) -> None:
    env = Environment({"QUIET_HOURS": value})

    assert env.hours("QUIET_HOURS", default="none") is None
    assert env.problems == ["QUIET_HOURS must be two hours, such as 21-8, or none."]
