"""MOPORTAL_FACE chooses what a process serves (docs/architecture.md)."""

import json
import os
import subprocess
import sys

import pytest

from demo.parts import ROOT
from tests.settings_for import check_environment

pytestmark = pytest.mark.processes

PRINT_FACE = """
import json, django
django.setup()
from django.conf import settings
from django.test import Client
from django.urls import Resolver404, resolve
def is_served(path):
    try:
        return bool(resolve(path))
    except Resolver404:
        return False
paths = ["/sign-in/", "/account/", "/payments/webhook", "/admin/",
    "/v1/sims/1/balances", "/gsma/rsp2/es2plus/handleDownloadProgressInfo"]
print(json.dumps({
    "paths": [path for path in paths if is_served(path)],
    "has_sessions": any("SessionMiddleware" in name for name in settings.MIDDLEWARE),
    "livez": Client().get("/livez", headers={"host": "10.0.0.7"}).status_code,
    "largest_body": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    "files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
    "cookies": [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME],
}))
"""
CUSTOMERS = ["/sign-in/", "/account/", "/payments/webhook"]
STAFF = ["/admin/"]
API_CALLERS = ["/v1/sims/1/balances", "/gsma/rsp2/es2plus/handleDownloadProgressInfo"]


def start_face(face: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        **check_environment(),
        "DJANGO_SETTINGS_MODULE": "moportal.settings",
        "SIMULATORS": "0",
        "MOPORTAL_FACE": face,
    }
    command = [sys.executable, "-c", PRINT_FACE]
    return subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("face", "paths"),
    [
        ("all", [*CUSTOMERS, *STAFF, *API_CALLERS]),
        ("portal", CUSTOMERS),
        ("desk", STAFF),
        ("api", API_CALLERS),
    ],
)
def test_a_face_serves_only_its_own_addresses(face: str, paths: list[str]) -> None:
    printed = json.loads(start_face(face).stdout)

    assert printed["paths"] == paths
    assert printed["has_sessions"] == (face != "api")
    assert printed["livez"] == 200
    is_portal = face == "portal"
    assert printed["largest_body"] == (64 * 1024 if is_portal else 1024 * 1024)
    assert printed["files"] == (0 if is_portal else 10)


def test_the_desk_has_its_own_cookies() -> None:
    desk, portal = json.loads(start_face("desk").stdout), json.loads(start_face("portal").stdout)

    assert not set(desk["cookies"]) & set(portal["cookies"])


def test_an_unknown_face_does_not_start() -> None:
    stopped = start_face("both")

    assert stopped.returncode != 0
    assert "MOPORTAL_FACE must be all, portal, desk or api." in stopped.stderr
