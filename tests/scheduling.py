"""Which tests start processes, which ones are measured, and in which order workers take them."""

import gc
import os
import re
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]  # it ships no types
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it ships no types

# Modules whose tests have copies of their own. Modules with the same name here share one.
WITH_COPIES_OF_THEIR_OWN = {
    "test_worker_killed": "worker",
    "test_card_page": "cards and codes elsewhere",
    "test_stripe_page": "cards and codes elsewhere",
    "test_code_service": "cards and codes elsewhere",
    "test_oidc": "provider",
    "test_accessible_oidc": "provider",
}
# What takes longest by itself.
TAKE_LONG = (
    *("_chaos", "test_promise", "test_schema", "test_random_launches", "test_moments"),
    *("test_make_run", "test_every_page", "test_access", "test_api_face", "test_process_logs"),
    *("test_desk_lists", "test_services", "test_faces", "test_months", "test_renewal_races"),
    *("test_lpa_errors", "test_outcome", "test_smdp_walk", "test_citations", "test_scripts"),
    *("test_operate", "test_by_hand_races", "test_cancel_races", "test_week"),
)
# Whole folders and files of tests that start processes of their own.
START_PROCESSES = (
    *("tests/e2e/", "tests/deploy/", "tests/simulators/test_network"),
    *("tests/simulators/test_payment", "tests/simulators/test_smdp"),
    *("tests/simulators/test_vouchers", "tests/simulators/test_carrier_billing"),
    "tests/simulators/test_stripe",
)
FIXTURES_WITH_PROCESSES = {
    *("stack", "sqlite_stack", "postgresql_stack", "browser"),
    *("smdp_simulator", "payment_simulator", "network_simulator", "message_simulator"),
    *("customer_simulator", "voucher_simulator", "billing_simulator"),
    "stripe_simulator",
}
# These tests reach the portal over HTTP, call Get Balance, or are about rooms that are not
# measured. None of the measured rooms needs them for its coverage.
WITHOUT_COVERAGE = (
    *("tests/e2e/", "tests/deploy/", "tests/simulators/", "tests/balance_api/"),
    *("tests/bench/", "tests/brand/", "tests/demo/", "tests/esim/", "tests/mobileplans/"),
    "tests/plans/",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import one worker's share of all test modules first.

    pytest rewrites a module at its first import and keeps the result, which takes longer than all
    else about collecting. Otherwise every worker would rewrite every module at the same time.
    """
    # Collected tests stay in memory until the run ends. A garbage collection would free nothing.
    gc.disable()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    collected = [Path(argument).name for argument in session.config.args]
    if not worker or collected != session.config.getini("testpaths"):
        return
    first, workers = int(worker.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    files = sorted((session.config.rootpath / "tests").rglob("test_*.py"))
    for file in files[first::workers]:
        # What is wrong with a module is reported when it is collected.
        with suppress(Exception):
            import_module(".".join(file.relative_to(session.config.rootpath).with_suffix("").parts))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a process of its own, and begin with what takes longest.

    Otherwise one worker would be busy when the others are done. The tests of a whole copy come
    first, then those that take long by themselves.
    """
    for item in items:
        if _needs_processes(item):
            item.add_marker(pytest.mark.processes)
        if _measures_single_rooms(config) and _needs_no_measuring(item):
            # Python runs half as long again while its branches are measured.
            item.add_marker(pytest.mark.no_cover)
    items.sort(key=lambda item: (_stack_kind(item.nodeid) is None, not _takes_long(item.nodeid)))


def pytest_collection_finish() -> None:
    """From now on, free what the tests leave behind, and never look at what was collected."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Keep the tests of one kind of copy on one worker, so that each copy starts once."""
    return StackScheduling(config, log)


class StackScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist leaves it untyped
    """Shares out by the kind of copy that a test's parameters name; other tests one by one.

    Tests whose copies are their own need not wait for those that share one.
    """

    def _split_scope(self, nodeid: str) -> str:
        kind = _stack_kind(nodeid)
        copies = WITH_COPIES_OF_THEIR_OWN.items()
        own = next((name for module, name in copies if module in nodeid), "")
        return f"{own}{kind}" if kind else nodeid


def _measures_single_rooms(config: pytest.Config) -> bool:
    """Return whether coverage is measured for named rooms, as `make test` does."""
    rooms = config.getoption("cov_source", default=[])
    # `--cov` without a name measures everything.
    return bool(rooms) and True not in rooms


def _needs_no_measuring(item: pytest.Item) -> bool:
    # The short forms reach all branches, so that `make test` can show it.
    return bool(item.get_closest_marker("long")) or item.nodeid.startswith(WITHOUT_COVERAGE)


def _needs_processes(item: pytest.Item) -> bool:
    used = set(item.fixturenames) if isinstance(item, pytest.Function) else set()
    return item.nodeid.startswith(START_PROCESSES) or bool(FIXTURES_WITH_PROCESSES & used)


def _takes_long(nodeid: str) -> bool:
    return any(module in nodeid for module in TAKE_LONG)


def _stack_kind(nodeid: str) -> str | None:
    found = re.search(r"\[(?:.*-)?(sqlite|postgresql)\b", nodeid)
    return found[1] if found else None
