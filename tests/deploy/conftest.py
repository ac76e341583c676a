"""A real nginx with the deployed configuration, in front of the portal in this process."""

import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from demo.parts import LOOPBACK, ROOT
from tests.authority import SERVER, Authority, Issued
from tests.services import free_port

HOST = "api.portal.example"
SECRET = "between-proxy-and-portal"
NGINX = ROOT / "deploy" / "nginx"
START_WITHIN = 15.0
MAIN = """
daemon off; master_process off; worker_processes 1;
pid $folder/pid; error_log $folder/error.log;
events { worker_connections 256; }
http {
    client_body_temp_path $folder/body; proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi; uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
    $includes
}
"""


@dataclass(frozen=True)
class ApiProxy:
    """A running proxy of the API: its address, the authority of its certificate, and its folder."""

    address: str
    authority: Authority
    folder: Path

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    def client(
        self,
        certificate: Issued | None = None,
        *,
        trusting: Authority | None = None,
        **headers: str,
    ) -> httpx.Client:
        """Return a client of the proxy, with a client certificate or without one.

        `trusting` is the authority that the client trusts, by default the proxy's own.
        """
        trusted = (trusting or self.authority).own
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=trusted.pem.decode())
        if certificate:
            # Each client has its own files, because another thread may be reading them.
            context.load_cert_chain(*certificate.write(self.folder, f"client-{uuid4().hex}"))
        return httpx.Client(verify=context, trust_env=False, base_url=self.url, headers=headers)

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]


@contextmanager
def run_api_proxy(folder: Path, portal: str) -> Iterator[ApiProxy]:
    """Run the API's proxy in front of a portal, which is given as host and port."""
    authority = Authority("The portal's authority")
    served = authority.issue(HOST, usages=[SERVER], hosts=[HOST, LOOPBACK])
    certificate, key = served.write(folder, "proxy")
    values = {
        "API_HOST": HOST,
        "API_CERTIFICATE": str(certificate),
        "API_KEY": str(key),
        "API_LOG": str(folder / "access.log"),
        "API_SERVERS": f"server {portal};",
        "PROXY_SECRET": SECRET,
    }
    with run_nginx(folder, "api.conf.template", "API_LISTEN", **values) as address:
        yield ApiProxy(address, authority, folder)


@pytest.fixture(scope="session")
def running_proxy(
    django_db_setup: None, live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiProxy]:
    """Return one proxy for all tests. It stops before the test database is dropped."""
    folder = tmp_path_factory.mktemp("proxy")
    with run_api_proxy(folder, urlsplit(live_server.url).netloc) as proxy:
        yield proxy


@pytest.fixture
def proxy(running_proxy: ApiProxy, settings: Settings, transactional_db: None) -> ApiProxy:
    """Return the proxy, and let the portal behind it require certificates."""
    settings.API_WITHOUT_CERTIFICATE = False
    settings.PROXY_SECRET = SECRET
    settings.ALLOWED_HOSTS = [HOST, LOOPBACK]
    return running_proxy


@contextmanager
def run_nginx(folder: Path, template: str, listen: str, **values: str) -> Iterator[str]:
    """Run nginx with a rendered template on a free loopback port, and yield its host and port.

    `listen` is the template's variable for that address.
    """
    address = f"{LOOPBACK}:{free_port()}"
    text = (NGINX / template).read_text(encoding="utf-8")
    # Like envsubst with a list of names: nginx's own variables stay.
    filled = {"ERROR_LOG": str(folder / "error.log"), **values, listen: f"listen {address} ssl;"}
    for name, value in filled.items():
        text = text.replace(f"${{{name}}}", value)
    (folder / "site.conf").write_text(text, encoding="utf-8")
    with serve_configuration(folder, address, NGINX / "http.conf", folder / "site.conf"):
        yield address


@contextmanager
def serve_configuration(folder: Path, address: str, *files: Path) -> Iterator[None]:
    """Run nginx with these files, of which one listens on the address."""
    includes = "".join(f"include {file}; " for file in files)
    main = Template(MAIN).substitute(folder=folder, includes=includes)
    (folder / "nginx.conf").write_text(main, encoding="utf-8")

    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert nginx, "nginx is not installed: sh tests/install.sh"
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        _wait_for(address, process, folder)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            # Plain HTTP to a TLS port is answered with 400, which shows that nginx runs.
            httpx.get(f"http://{address}/", trust_env=False)
        except httpx.HTTPError:
            log = (folder / "error.log").read_text() if (folder / "error.log").exists() else ""
            assert process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.05)
        else:
            return
