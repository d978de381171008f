"""The records sales brings: the numbers of its orders."""

from __future__ import annotations

from growsoft.orm import Env


def load(env: Env) -> None:
    """Fill a new database."""
    env["ir.sequence"].create({"name": "Sales orders", "code": "sale.order", "prefix": "S", "padding": 5})
