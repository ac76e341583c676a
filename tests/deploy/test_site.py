"""Portal, desk and API behind one nginx with the files of deploy/nginx."""

import re
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from demo.parts import LOOPBACK
from tests.builders import EID, make_operator
from tests.deploy.site import LOOPBACK_6, NAMES, Site, render, run_site
from tests.moportal.test_headers import HEADERS, HSTS
from tests.services import free_port

PORTAL, DESK, API = NAMES.values()
ICCID = "8944110000002000014"
# A body of this size, sent to this address, and the status of the answer.
BODIES = {
    (PORTAL, "/sign-in/", 65_000): 403,
    (PORTAL, "/sign-in/", 66_000): 413,
    (PORTAL, "/payments/webhook", 66_000): 413,
    (DESK, "/admin/login/", 66_000): 413,
    (DESK, "/admin/esim/sim/import/", 5_000_000): 403,
    (DESK, "/admin/esim/sim/import/", 7_000_000): 413,
    (API, "/v1/usage", 1_000_000): 401,
    (API, "/v1/usage", 1_100_000): 413,
}
PAGE_TYPE = "text/html; charset=utf-8"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@pytest.fixture(scope="module")
def running_site(
    django_db_setup: None, live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    # Of the two servers one never answers: nginx asks the other one.
    servers = f"{LOOPBACK}:{free_port()} {urlsplit(live_server.url).netloc}"
    with run_site(folder, servers) as site:
        yield site


@pytest.fixture
def site(running_site: Site, settings: Settings, transactional_db: None) -> Site:
    """Return the running site, with the error pages of an operator."""
    settings.ALLOWED_HOSTS = [PORTAL, DESK, API]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.API_WITHOUT_CERTIFICATE = False
    write_pages(running_site)
    return running_site


@pytest.fixture
def site_without_portal(tmp_path: Path, transactional_db: None) -> Iterator[Site]:
    """Return a site behind which nothing runs."""
    with run_site(tmp_path, f"{LOOPBACK}:{free_port()}") as site:
        write_pages(site)
        yield site


def write_pages(site: Site) -> None:
    make_operator()
    call_command("write_error_pages", str(site.folder / "error-pages"), verbosity=0)


def test_each_name_leads_to_its_pages_although_one_of_two_processes_is_down(site: Site) -> None:
    for _ in range(4):
        assert site.get(PORTAL, "/sign-in/").status_code == 200
    assert site.get(DESK, "/admin/login/").status_code == 200
    assert site.get(API, f"/v1/sims/{ICCID}/balances").status_code == 401
    assert site.get(API, "/sign-in/").status_code == 404


@pytest.mark.parametrize("host", [LOOPBACK, LOOPBACK_6])
def test_each_name_answers_on_both_kinds_of_address(site: Site, host: str) -> None:
    pages = {PORTAL: "/sign-in/", DESK: "/admin/login/", API: f"/v1/sims/{ICCID}/balances"}
    answers = {}
    for name, page in pages.items():
        with site.client(name, host=host) as client:
            answer = client.get(page, extensions={"sni_hostname": name})
            answers[name] = answer.status_code

    assert answers == {PORTAL: 200, DESK: 200, API: 401}
    plain = {"headers": {"Host": PORTAL}, "trust_env": False}
    moved = httpx.get(f"http://{host}:{site.plain_port}/", **plain)  # type: ignore[arg-type]  # of many types
    assert moved.status_code == 301


PROBES = ["/livez", "/readyz", "/%6civez", "//readyz", "/support/../livez", "/readyz?a=b"]


@pytest.mark.parametrize("name", [PORTAL, DESK, API])
@pytest.mark.parametrize("path", PROBES)
def test_no_public_name_answers_a_probe(site: Site, name: str, path: str) -> None:
    raw = {"target": path.encode()}
    with site.client(name) as client:
        answer = client.get("/", extensions={"sni_hostname": name, **raw})

    assert answer.status_code == 404
    assert "figures" not in answer.text


def test_a_load_balancer_asks_whether_a_process_behind_a_name_is_ready(
    site: Site, settings: Settings
) -> None:
    # No static files are collected for the tests.
    settings.READINESS_CHECKS = ["moportal.health.database"]

    def ask(path: str) -> int:
        url = f"http://{LOOPBACK}:{site.probe_port}{path}"
        return httpx.get(url, trust_env=False).status_code

    assert [ask(path) for path in ("/portal", "/desk", "/api")] == [200, 200, 200]
    assert [ask(path) for path in ("/", "/readyz", "/sign-in/", "/portal/")] == [404] * 4
    settings.READINESS_CHECKS = ["moportal.health.static_files"]
    assert ask("/portal") == 503


def test_a_load_balancer_learns_that_nothing_runs_behind_a_name(
    site_without_portal: Site,
) -> None:
    url = f"http://{LOOPBACK}:{site_without_portal.probe_port}/portal"

    assert httpx.get(url, trust_env=False).status_code == 502


def test_an_unknown_name_gets_no_certificate(site: Site) -> None:
    with pytest.raises(httpx.ConnectError, match="UNRECOGNIZED_NAME"):
        site.get("other.example", "/")


def test_plain_http_is_sent_to_tls_except_for_machines(site: Site) -> None:
    def get(name: str) -> httpx.Response:
        return httpx.get(
            f"http://{LOOPBACK}:{site.plain_port}/support/?a=b",
            headers={"Host": name},
            trust_env=False,
        )

    assert get(PORTAL).headers["Location"] == f"https://{PORTAL}/support/?a=b"
    assert get(DESK).status_code == 301
    with pytest.raises(httpx.RemoteProtocolError):
        get(API)


def test_no_name_speaks_an_old_tls(site: Site) -> None:
    spoken = {
        (name, version): speaks(site, name, version)
        for name in NAMES.values()
        for version in ("1_1", "1_2", "1_3")
    }

    assert spoken == {(name, version): version != "1_1" for name, version in spoken}


def speaks(site: Site, name: str, version: str) -> bool:
    # OpenSSL itself refuses old versions at its usual level.
    options = ["-servername", name, f"-tls{version}", "-cipher", "DEFAULT:@SECLEVEL=0"]
    done = subprocess.run(
        ["/usr/bin/openssl", "s_client", "-connect", f"{LOOPBACK}:{site.tls_port}", *options],
        input=b"",
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def test_a_body_is_as_large_as_its_page_needs(site: Site) -> None:
    answers = {
        (name, path, size): site.request("POST", name, path, content=b"x" * size).status_code
        for name, path, size in BODIES
    }

    assert answers == BODIES


def test_the_proxys_own_pages_have_the_portals_headers(site: Site) -> None:
    policy = set(site.get(PORTAL, "/sign-in/").headers["Content-Security-Policy"].split("; "))

    for answer in (
        site.request("POST", PORTAL, "/sign-in/", content=b"x" * 66_000),
        site.get(PORTAL, "/sign-in/?" + "x" * 9_000),
        site.get(PORTAL, "/sign-in/", **{"X-Long": "x" * 9_000}),
    ):
        assert answer.status_code in {413, 414, 431}
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert set(answer.headers["Content-Security-Policy"].split("; ")) == policy
        assert answer.headers["Strict-Transport-Security"] == HSTS
        assert answer.headers["Content-Type"] == PAGE_TYPE
        assert "Retry-After" not in answer.headers
        assert "Invalid request" in answer.text


def test_slow_bodies_do_not_keep_others_waiting(site: Site) -> None:
    """More of them than the portal has threads."""
    context = ssl.create_default_context(cadata=site.authority.own.pem.decode())
    head = f"POST /sign-in/ HTTP/1.1\r\nHost: {PORTAL}\r\nContent-Length: 9999\r\n\r\nslow"
    lines = []
    for _ in range(40):
        line = context.wrap_socket(
            socket.create_connection((LOOPBACK, site.tls_port)), server_hostname=PORTAL
        )
        line.sendall(head.encode())
        lines.append(line)

    assert site.get(PORTAL, "/sign-in/").status_code == 200
    for line in lines:
        line.close()


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("it", "back in a moment"),
        ("de-DE,en", "gleich"),
        ("ar", 'dir="rtl"'),
        ("pt-PT,pt", 'lang="pt-br"'),
    ],
)
def test_without_the_portal_a_page_names_the_support_contact(
    site_without_portal: Site, language: str, expected: str
) -> None:
    answer = site_without_portal.get(PORTAL, "/plans/", **{"Accept-Language": language})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"] == PAGE_TYPE
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "+1 555 0142" in answer.text
    assert expected in answer.text


def test_without_the_portal_desk_and_api_answer_in_their_own_form(
    site_without_portal: Site,
) -> None:
    desk = site_without_portal.get(DESK, "/admin/")
    api = site_without_portal.get(API, f"/v1/sims/{ICCID}/balances")

    assert (desk.status_code, desk.headers["Content-Type"][:10]) == (503, "text/plain")
    assert (api.status_code, api.json()["status"]) == (503, 503)
    assert desk.headers["Retry-After"] == api.headers["Retry-After"] == "5"


def test_without_the_portal_static_files_come_from_the_disk(site_without_portal: Site) -> None:
    folder = site_without_portal.folder / "static" / "css"
    folder.mkdir(parents=True)
    (folder / "tokens.css").write_text(":root{}")

    answer = site_without_portal.get(PORTAL, "/static/css/tokens.css")

    assert (answer.status_code, answer.text) == (200, ":root{}")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert site_without_portal.get(PORTAL, "/static/css/nothing.css").status_code == 404


def test_without_the_portal_an_error_page_keeps_its_style(site_without_portal: Site) -> None:
    page = site_without_portal.get(PORTAL, "/plans/")
    [url] = re.findall(r'rel="stylesheet" href="([^"]+)"', page.text)

    answer = site_without_portal.get(PORTAL, url)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "--accent:#0b5c5f" in answer.text
    assert site_without_portal.get(PORTAL, "/styles/nothing.css").status_code == 404


def test_without_the_portal_an_error_page_keeps_its_logo(site_without_portal: Site) -> None:
    page = site_without_portal.get(PORTAL, "/plans/")
    [url] = re.findall(r'<img src="(/logo/[^"]+)"', page.text)

    answer = site_without_portal.get(PORTAL, url)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert site_without_portal.get(PORTAL, "/logo/nothing.svg").status_code == 404


def test_a_flood_of_forms_from_one_address_is_stopped(site_without_portal: Site) -> None:
    def send(_number: int) -> int:
        return site_without_portal.request("POST", PORTAL, "/sign-in/", content=b"a=b").status_code

    with ThreadPoolExecutor(8) as callers:
        statuses = Counter(callers.map(send, range(120)))
    refused = site_without_portal.request("POST", PORTAL, "/sign-in/", content=b"a=b")

    # 60 at once, and 20 a second.
    assert statuses[503] >= 60
    assert statuses[429] > 0
    assert statuses.total() == statuses[503] + statuses[429]
    if refused.status_code == 429:
        assert refused.headers["Retry-After"] == "5"
    # Pages are still answered, and webhooks are not limited.
    assert site_without_portal.get(PORTAL, "/support/").status_code == 503
    assert site_without_portal.request("POST", PORTAL, "/payments/webhook").status_code == 503


@pytest.mark.parametrize("kind", ["site", "site_without_portal"])
def test_no_log_has_a_query_or_the_number_of_a_sim(
    kind: str, request: pytest.FixtureRequest
) -> None:
    site: Site = request.getfixturevalue(kind)
    site.get(PORTAL, f"/?eid={EID}&iccid={ICCID}&transactionId=SECRET")
    site.get(PORTAL, f"/?eid={EID}&x=" + "y" * 9_000)
    site.get(PORTAL, f"/plans/{ICCID}/?token=SECRET", Referer=f"https://{PORTAL}/?eid={EID}")
    site.get(DESK, f"/admin/esim/sim/?q={ICCID}")
    site.get(API, f"/v1/sims/{ICCID}/balances?limit=SECRET")

    logs = "".join(file.read_text() for file in site.folder.glob("*.log"))

    for secret in (EID, ICCID, "SECRET", "token"):
        assert secret not in logs
    line = site.log_lines("portal")[-1]
    assert line["path"] == "/plans/...0014/"
    assert line["host"] == PORTAL
    assert re.search(rf"{LOOPBACK}:\d+", line["upstream"])


def test_a_missing_value_is_named_before_anything_is_written(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        render(tmp_path, {"PORTAL_LISTEN": "443"})

    said = capfd.readouterr().err
    assert "PROXY_SECRET" in said
    assert "PORTAL_LISTEN" not in said
    assert not list((tmp_path / "conf.d").iterdir())
