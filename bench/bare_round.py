"""One round of the bare script, `bench.bare`: the portal's calls and writes, and nothing else."""

import json
import subprocess
from contextlib import ExitStack
from dataclasses import asdict
from typing import IO

from bench import order_data
from bench.meter import Meter, Round
from bench.product import PYTHON, Product
from bench.statements import Order
from brand.models import LegalText
from brand.queries import legal_text
from demo.parts import ROOT
from esim.models import Sim
from moportal.identifiers import new_matching_id
from moportal.sealed import digest, seal
from orders.models import Draft, new_number

# Orders for each process before the measurement: they open
# connections and prepare statements.
WARM_UP = 12


def run_bare_round(product: Product, *, processes: int, orders: int) -> Round:
    """Share the orders among `processes` processes, after each has warmed up."""
    prepared = _orders(orders + WARM_UP * processes)
    with ExitStack() as contexts:
        running = [
            contexts.enter_context(_script(product, n, prepared[n::processes]))
            for n in range(processes)
        ]
        for script in running:
            _expect(script, "ready")
        # Every process has warmed up and waits for "go", so that all begin together.
        meter = Meter.of(product)
        for script in running:
            _pipe(script.stdin).write("go\n")
            _pipe(script.stdin).flush()
        took = [json.loads(_pipe(script.stdout).readline()) for script in running]
        used = meter.used()
    seconds = max(one["ended"] for one in took) - min(one["began"] for one in took)
    return Round(orders, seconds, {**used, "bare": sum(one["cpu"] for one in took)})


def _script(product: Product, number: int, orders: list[Order]) -> "subprocess.Popen[str]":
    file = product.copy.folder / f"bare{number}.json"
    parameters = {
        "database_url": product.copy.database_url,
        "payment_url": product.copy.payment_url,
        "network_url": product.copy.network_url,
        "smdp_url": product.copy.smdp_url,
        "message_url": product.copy.message_url,
        "warm_up": WARM_UP,
        "orders": [asdict(order) for order in orders],
    }
    file.write_text(json.dumps(parameters), encoding="utf-8")
    return subprocess.Popen(
        [PYTHON, "-m", "bench.bare", str(file)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _expect(script: "subprocess.Popen[str]", word: str) -> None:
    line = _pipe(script.stdout).readline().strip()
    if line != word:
        raise RuntimeError(f"the bare script printed {line!r} instead of {word!r}")


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None  # noqa: S101 -- every script is started with pipes
    return pipe


def _orders(number: int) -> list[Order]:
    """Prepare what the product would look up or generate while it handles an order."""
    sims = order_data.create_sims(number)
    return [
        _order(draft, sim)
        for draft, sim in zip(order_data.create_drafts(number), sims, strict=True)
    ]


def _order(draft: Draft, sim: Sim) -> Order:
    assert draft.plan is not None and draft.method is not None and sim.provider is not None  # noqa: S101, PT018 -- `order_data` sets them
    terms = legal_text(LegalText.Kind.TERMS, market=order_data.MARKET, language=order_data.LANGUAGE)
    matching_id = new_matching_id()
    return Order(
        number=new_number(),
        draft=draft.pk,
        account=draft.account_id,
        visit=draft.visit_id,
        eid=draft.visit.eid,
        plan=draft.plan.pk,
        plan_code=draft.plan.code,
        plan_name=draft.plan_name,
        days=draft.plan.validity_days,
        data_bytes=draft.plan.data_bytes or 0,
        countries=list(draft.plan.countries.values_list("country", flat=True)),
        gross=draft.gross_minor_units or 0,
        tax=draft.tax_minor_units or 0,
        tax_rate=draft.tax_rate,
        currency=draft.currency,
        terms=terms.version if terms else "",
        method=draft.method.pk,
        token=draft.method.token,
        key=str(draft.key),
        sim=sim.pk,
        iccid=sim.iccid,
        provider=sim.provider.pk,
        smdp_host=sim.provider.smdp_host,
        requester=sim.provider.requester_identifier,
        matching_id=matching_id,
        sealed=seal(matching_id),
        digest=digest(matching_id),
        address=draft.account.username,
    )
