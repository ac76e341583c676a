"""The states of a profile from Available to its end (SGP.22 v2.2, 3.1.6)."""

import signal
import threading
from pathlib import Path

import httpx
import pytest

from tests.simulators.es2plus import (
    EID,
    ICCID,
    cancel,
    confirm,
    download,
    order,
    profile,
    release,
    released,
)
from tests.simulators.process import running


def test_an_order_goes_from_available_to_installed(smdp: httpx.Client) -> None:
    released(smdp)

    answer = download(smdp)

    assert answer == {"result": "success", "iccid": ICCID, "profileType": "kestrel-esim"}
    assert profile(smdp) == {
        "iccid": ICCID,
        "state": "Installed",
        "eid": EID,
        "matchingId": "KESTREL-1",
        "profileType": "kestrel-esim",
    }


def test_a_release_can_be_repeated(smdp: httpx.Client) -> None:
    order(smdp)
    assert release(smdp) == "8.2.1/3.5"
    confirm(smdp, releaseFlag=False)

    assert (release(smdp), release(smdp)) == ("success", "success")
    assert profile(smdp)["state"] == "Released"


def test_a_cancelled_profile_is_never_used_again(smdp: httpx.Client) -> None:
    released(smdp)

    assert (cancel(smdp), cancel(smdp)) == ("success", "8.2.1/3.9")
    assert order(smdp) == "8.2.1/3.3"
    assert download(smdp) == {"result": "failed", "error": "InvalidMatchingId"}


@pytest.mark.parametrize("end", ["downloaded", "installed"])
def test_a_profile_that_a_device_has_cannot_be_cancelled(smdp: httpx.Client, end: str) -> None:
    released(smdp)
    download(smdp, end=end)

    assert cancel(smdp) == "8.2.1/3.3"


def test_a_profile_in_error_can_be_cancelled(smdp: httpx.Client) -> None:
    released(smdp)

    assert download(smdp, end="error")["error"] == "ProfileProcessingError"
    assert download(smdp)["error"] == "ProfileNotAvailableForNewBinding"
    assert cancel(smdp) == "success"


def test_a_profile_is_downloaded_after_its_release_and_installed_once(smdp: httpx.Client) -> None:
    order(smdp)
    confirm(smdp, releaseFlag=False)
    assert download(smdp)["error"] == "ProfileNotReleasedByOperator"
    release(smdp)

    assert download(smdp, end="downloaded")["result"] == "success"
    assert download(smdp)["result"] == "success"
    assert download(smdp)["error"] == "ProfileNotAvailableForNewBinding"


def test_one_of_twenty_simultaneous_orders_gets_the_profile(smdp: httpx.Client) -> None:
    codes: list[str] = []
    threads = [threading.Thread(target=lambda: codes.append(order(smdp))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == ["8.2.1/3.3"] * 19 + ["success"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_profiles_survive_a_restart(tmp_path: Path, number: int) -> None:
    store = ("--store", str(tmp_path / "new" / "smdp.sqlite3"))
    with running("simulators.smdp", *store) as simulator:
        released(simulator.http)
        assert simulator.stop(number) == 0
        assert simulator.process.stdout is not None
        assert simulator.process.stdout.read() == ""

    with running("simulators.smdp", *store) as simulator:
        assert download(simulator.http)["result"] == "success"
