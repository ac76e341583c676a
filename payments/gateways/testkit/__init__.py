"""Checks that any gateway adapter must pass, run against the gateway's own test system.

An adapter's author writes a `Bench` for that system, and runs every check that `checks_for`
returns: those of the protocol, and those of the abilities that the adapter declares. The kit is
part of the product and needs no test runner. So an installed product is enough to test an adapter
outside of this repository (docs/payments.md#a-gateway-of-ones-own).
"""

from collections.abc import Collection

from payments.gateways.base import Ability
from payments.gateways.testkit import (
    booking,
    cards,
    charging,
    codes,
    disputing,
    off_session,
    pages,
    refunding,
    reporting,
    searching,
)
from payments.gateways.testkit.bench import CHECKS, Bench, Check, KitFailure, Treated

__all__ = ["Bench", "Check", "KitFailure", "Treated", "checks_for"]
# Importing a module registers its checks.
MODULES = (
    booking,
    cards,
    charging,
    codes,
    disputing,
    off_session,
    pages,
    refunding,
    reporting,
    searching,
)


def checks_for(abilities: Collection[Ability]) -> list[Check]:
    """Return the checks of the protocol and of these abilities."""
    return [check for check in CHECKS if check.needs is None or check.needs in abilities]
