"""A real nginx with the configuration that is deployed, before the portal in this process."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

import httpx

from demo.parts import LOOPBACK, ROOT
from tests.services import free_port

START_WITHIN = 15.0
MAIN = """
daemon off; master_process off; worker_processes 1;
pid $folder/pid; error_log $folder/error.log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $folder/body; proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi; uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
    include $folder/site.conf;
}
"""


@contextmanager
def proxied(folder: Path, template: str, listen: str, **values: str) -> Iterator[str]:
    """Render a template, serve by it on a free port of the loopback, and give host and port.

    `listen` is the variable of the template that takes the address.
    """
    address = f"{LOOPBACK}:{free_port()}"
    written = (ROOT / "deploy" / "nginx" / template).read_text(encoding="utf-8")
    # Like envsubst with its list of names: nginx's own variables are left alone.
    for name, value in {**values, listen: address}.items():
        written = written.replace(f"${{{name}}}", value)
    (folder / "site.conf").write_text(written, encoding="utf-8")
    (folder / "nginx.conf").write_text(Template(MAIN).substitute(folder=folder), encoding="utf-8")
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert nginx, "nginx is not installed: sh tests/install.sh"
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        _wait_for(address, process, folder)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            # Plain HTTP to a port of TLS: an answer of 400 is one.
            httpx.get(f"http://{address}/", trust_env=False)
        except httpx.HTTPError:
            said = (folder / "error.log").read_text() if (folder / "error.log").exists() else ""
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        else:
            return
