"""The parts of one running copy of the product: `make run` and the tests start these."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
WEBHOOK_SECRET = "demo-webhook-secret"  # noqa: S105 -- only two parts of the demo use it
GATEWAYS = (
    "payments.gateways.simulator.SimulatorGateway",
    "payments.gateways.vouchers.VoucherServer",
    "payments.gateways.carrier_billing.CarrierBilling",
)
# The first voucher pays for any plan. The second one is worth too little for any.
VOUCHERS = ("KESTRELLARGE:1000000:USD", "KESTRELSMALL:1:USD")
# Celery's broker in files needs no server. The URL must have a host, which is not used.
FILES_BROKER = "filesystem://localhost"
_CELERY = (sys.executable, "-m", "celery", "-A", "moportal")


@dataclass(frozen=True)
class Part:
    """One process: its name in the output, and its command."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Copy:
    """One running copy of the product: its ports, its folder, its database and its broker."""

    folder: Path
    web_port: int
    smdp_port: int
    payment_port: int
    network_port: int
    message_port: int
    customer_port: int
    voucher_port: int
    billing_port: int
    database_url: str
    broker_url: str
    secrets: dict[str, str]

    @property
    def web_url(self) -> str:
        return f"http://{LOOPBACK}:{self.web_port}"

    @property
    def smdp_url(self) -> str:
        return f"http://{LOOPBACK}:{self.smdp_port}"

    @property
    def payment_url(self) -> str:
        return f"http://{LOOPBACK}:{self.payment_port}"

    @property
    def network_url(self) -> str:
        return f"http://{LOOPBACK}:{self.network_port}"

    @property
    def message_url(self) -> str:
        return f"http://{LOOPBACK}:{self.message_port}"

    @property
    def customer_url(self) -> str:
        return f"http://{LOOPBACK}:{self.customer_port}"

    @property
    def voucher_url(self) -> str:
        return f"http://{LOOPBACK}:{self.voucher_port}"

    @property
    def billing_url(self) -> str:
        return f"http://{LOOPBACK}:{self.billing_port}"


def environment(copy: Copy, *, outside: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return all environment variables that the settings read.

    `outside` may have SMDP_URL, PAYMENT_GATEWAY_URL and NETWORK_URL. The portal then uses these
    addresses, such as a real system or a proxy, and the simulators still run.
    """
    outside = outside or {}
    return {
        **os.environ,
        **copy.secrets,
        "DJANGO_SETTINGS_MODULE": "moportal.settings",
        "DEMO": "1",
        "SIMULATORS": "1",
        "PORTAL_URL": copy.web_url,
        "DATABASE_URL": copy.database_url,
        "BROKER_URL": copy.broker_url,
        "BROKER_DIR": str(copy.folder / "broker"),
        "SMDP_URL": outside.get("SMDP_URL") or copy.smdp_url,
        "SMDP_SIMULATOR_URL": copy.smdp_url,
        **_gateways(copy, outside),
        "MAIL_SENDER": "messages.senders.http.HttpGateway",
        "SMS_SENDER": "messages.senders.http.HttpGateway",
        "MESSAGE_GATEWAY_URL": outside.get("MESSAGE_GATEWAY_URL") or copy.message_url,
        "MESSAGE_SIMULATOR_URL": copy.message_url,
        **_questions_about_numbers(copy),
        "NETWORK": "subscriptions.networks.http.HttpNetwork",
        "NETWORK_URL": outside.get("NETWORK_URL") or copy.network_url,
        "NETWORK_SIMULATOR_URL": copy.network_url,
        "CHARGING": "subscriptions.charging.http.HttpCharging",
        "CHARGING_URL": copy.network_url,
        "CUSTOMER_SYSTEM": "subscriptions.customers.http.HttpCustomerSystem",
        "CUSTOMER_SYSTEM_URL": outside.get("CUSTOMER_SYSTEM_URL") or copy.customer_url,
        "PYTHONUNBUFFERED": "1",
    }


def _gateways(copy: Copy, outside: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the payment gateways."""
    return {
        "PAYMENT_GATEWAY": ",".join(GATEWAYS),
        "PAYMENT_GATEWAY_URL": outside.get("PAYMENT_GATEWAY_URL") or copy.payment_url,
        "PAYMENT_SIMULATOR_URL": copy.payment_url,
        "PAYMENT_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "PAYMENT_FEES": "simulator:USD=290+30,simulator:EUR=290+30",
        "VOUCHER_SERVER_URL": copy.voucher_url,
        "CARRIER_BILLING_URL": f"{copy.billing_url}/carrier-billing/v0",
        "CARRIER_BILLING_REFUND_URL": f"{copy.billing_url}/carrier-billing-refund/v0",
    }


def _questions_about_numbers(copy: Copy) -> dict[str, str]:
    """Return the variables of the operator's APIs, which the message simulator answers."""
    return {
        "NUMBER_CHECKS": "accounts.number_checks.camara.CamaraChecks",
        "SIM_SWAP_URL": f"{copy.message_url}/sim-swap/v2",
        "NUMBER_RECYCLING_URL": f"{copy.message_url}/number-recycling/v0.2",
        "CODE_SERVICE": "accounts.code_services.camara.OneTimePasswordSms",
        "ONE_TIME_PASSWORD_URL": f"{copy.message_url}/one-time-password-sms/v1",
    }


def preparation(summary: Path) -> Part:
    """Migrate, load the demo data, and write its accounts, cards and SIMs to `summary`."""
    return Part("setup", (sys.executable, "-m", "demo.prepare", str(summary)))


def parts(copy: Copy) -> list[Part]:
    return [
        _smdp(copy),
        _payment(copy),
        _network(copy),
        _messages(copy),
        _customers(copy),
        _vouchers(copy),
        _carrier_billing(copy),
        _worker(),
        _beat(copy),
        _web(copy),
    ]


def _web(copy: Copy) -> Part:
    options = ["--host", LOOPBACK, "--port", str(copy.web_port)]
    return Part("web", (sys.executable, "-m", "moportal.server", *options))


def _worker() -> Part:
    """Return a worker whose threads start quickly and share the loaded modules."""
    options = ["--pool", "threads", "--concurrency", "4", "--loglevel", "INFO"]
    return Part("worker", (*_CELERY, "worker", *options))


def _beat(copy: Copy) -> Part:
    """Return beat as a process of its own.

    A worker that includes beat (`--beat`) does not notice when its beat ends.
    """
    schedule = str(copy.folder / "beat")
    return Part("beat", (*_CELERY, "beat", "--schedule", schedule, "--loglevel", "INFO"))


def _smdp(copy: Copy) -> Part:
    return _simulator(copy, "smdp", copy.smdp_port, "--notify", copy.web_url)


def _payment(copy: Copy) -> Part:
    notify = f"{copy.web_url}/payments/webhook"
    # As in life, the bank's pages are on a host that the walled garden does not list.
    bank = f"http://localhost:{copy.payment_port}"
    options = ("--notify", notify, "--secret", WEBHOOK_SECRET, "--bank-url", bank)
    return _simulator(copy, "payment", copy.payment_port, *options)


def _network(copy: Copy) -> Part:
    return _simulator(copy, "network", copy.network_port)


def _messages(copy: Copy) -> Part:
    return _simulator(copy, "messages", copy.message_port)


def _customers(copy: Copy) -> Part:
    return _simulator(copy, "customers", copy.customer_port)


def _vouchers(copy: Copy) -> Part:
    issued = [word for voucher in VOUCHERS for word in ("--issue", voucher)]
    return _simulator(copy, "vouchers", copy.voucher_port, *issued)


def _carrier_billing(copy: Copy) -> Part:
    return _simulator(copy, "carrier_billing", copy.billing_port)


def _simulator(copy: Copy, name: str, port: int, *more: str) -> Part:
    store = copy.folder / f"{name}.sqlite3"
    options = ["--port", str(port), "--store", str(store), *more]
    return Part(name, (sys.executable, "-m", f"simulators.{name}", *options))
