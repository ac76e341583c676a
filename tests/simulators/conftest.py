from collections.abc import Iterator

import httpx
import pytest

from tests.simulators.process import Simulator, running


@pytest.fixture(scope="module")
def smdp_process() -> Iterator[Simulator]:
    with running("simulators.smdp", "--foreign-prefix", "8999") as simulator:
        yield simulator


@pytest.fixture
def smdp(smdp_process: Simulator) -> httpx.Client:
    smdp_process.http.post("/reset")
    return smdp_process.http
