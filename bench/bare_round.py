"""One round of a bare script: the portal's calls and writes, and nothing else."""

import json
import subprocess
from contextlib import ExitStack
from dataclasses import asdict
from typing import IO, Any

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
    prepared = [asdict(order) for order in _orders(orders + WARM_UP * processes)]
    urls = {**urls_of(product), "smdp_url": product.copy.smdp_url}
    return run_scripts(
        product, "bench.bare", urls, [prepared[n::processes] for n in range(processes)]
    )


def urls_of(product: Product) -> dict[str, str]:
    """Return the addresses that a bare order and a bare renewal call."""
    copy = product.copy
    return {
        "payment_url": copy.payment_url,
        "network_url": copy.network_url,
        "message_url": copy.message_url,
    }


def run_scripts(
    product: Product, module: str, urls: dict[str, str], shares: list[list[dict[str, Any]]]
) -> Round:
    """Run one process for each share of the sales. `WARM_UP` sales of a share are not measured."""
    with ExitStack() as contexts:
        running = [
            contexts.enter_context(_script(product, module, f"bare{n}", urls, share))
            for n, share in enumerate(shares)
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
    sales = sum(len(share) - WARM_UP for share in shares)
    return Round(sales, seconds, {**used, "bare": sum(one["cpu"] for one in took)})


def _script(
    product: Product, module: str, name: str, urls: dict[str, str], share: list[dict[str, Any]]
) -> "subprocess.Popen[str]":
    file = product.copy.folder / f"{name}.json"
    parameters = {
        "database_url": product.copy.database_url,
        "urls": urls,
        "warm_up": WARM_UP,
        "sales": share,
    }
    file.write_text(json.dumps(parameters), encoding="utf-8")
    return subprocess.Popen(
        [PYTHON, "-m", module, str(file)],
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
