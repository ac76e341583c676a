"""The three names of an installation behind one nginx, with the files that operators render."""

import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from demo.parts import LOOPBACK
from tests.authority import SERVER, Authority
from tests.deploy.conftest import NGINX, SECRET, serve_configuration
from tests.services import free_port

# As in an address of the web.
LOOPBACK_6 = "[::1]"
NAMES = {name: f"{name}.kestrel.example" for name in ("portal", "desk", "api")}


@dataclass(frozen=True)
class Site:
    """A running nginx with the servers of portal, desk and API."""

    folder: Path
    authority: Authority
    tls_port: int
    plain_port: int
    probe_port: int

    def client(self, name: str, *, host: str = LOOPBACK, **headers: str) -> httpx.Client:
        """Return a client that calls the server with this name, at this address."""
        context = ssl.create_default_context(cadata=self.authority.own.pem.decode())
        return httpx.Client(
            verify=context,
            trust_env=False,
            base_url=f"https://{host}:{self.tls_port}",
            headers={"Host": name, "Referer": f"https://{name}/", **headers},
        )

    def get(self, name: str, path: str, **headers: str) -> httpx.Response:
        return self.request("GET", name, path, headers=headers)

    def request(self, method: str, name: str, path: str, **options: Any) -> httpx.Response:
        extensions = {"sni_hostname": name}
        with self.client(name) as client:
            return client.request(method, path, extensions=extensions, **options)

    def log_lines(self, name: str) -> list[dict[str, Any]]:
        text = (self.folder / f"{name}.log").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


@contextmanager
def run_site(folder: Path, servers: str) -> Iterator[Site]:
    """Run nginx with the rendered files, in front of these servers (host:port) for all names."""
    authority = Authority("The operator's authority")
    site = Site(folder, authority, free_port(), free_port(), free_port())
    values = {
        "HTTP_LISTEN": f"{LOOPBACK}:{site.plain_port} {LOOPBACK_6}:{site.plain_port}",
        "PROBE_LISTEN": f"{LOOPBACK}:{site.probe_port}",
        "PROXY_SECRET": SECRET,
        "STATIC_PARENT": str(folder),
        "ERROR_PAGES": str(folder / "error-pages"),
        "ERROR_LOG": str(folder / "error.log"),
    }
    for name, host in NAMES.items():
        issued = authority.issue(host, usages=[SERVER], hosts=[host])
        certificate, key = issued.write(folder, name)
        values |= {
            f"{name.upper()}_LISTEN": f"{LOOPBACK}:{site.tls_port} {LOOPBACK_6}:{site.tls_port}",
            f"{name.upper()}_HOST": host,
            f"{name.upper()}_CERTIFICATE": str(certificate),
            f"{name.upper()}_KEY": str(key),
            f"{name.upper()}_LOG": str(folder / f"{name}.log"),
            f"{name.upper()}_SERVERS": servers,
        }
    with serve_configuration(folder, f"{LOOPBACK}:{site.tls_port}", *render(folder, values)):
        yield site


def render(folder: Path, values: dict[str, str]) -> list[Path]:
    """Render the files as docs/operate.md does, and return them in nginx's order."""
    file = folder / "nginx.values"
    file.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))
    rendered = folder / "conf.d"
    rendered.mkdir()
    subprocess.run(["/bin/sh", str(NGINX / "render.sh"), str(file), str(rendered)], check=True)
    return sorted(rendered.iterdir())
