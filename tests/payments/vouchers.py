"""Vouchers of the simulator for the tests."""

import itertools
from typing import Any

import httpx

_numbers = itertools.count(1)


def issue(address: str, *, code: str = "", amount: int = 5000, **more: Any) -> str:
    """Let the voucher server issue a voucher of this many minor units, and return its code."""
    code = code or f"KESTREL{next(_numbers):05d}"
    voucher = {"code": code, "amount": amount, "currency": "USD", **more}
    httpx.post(f"{address}/vouchers", json=voucher, trust_env=False).raise_for_status()
    return code
