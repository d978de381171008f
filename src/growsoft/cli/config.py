"""`growsoft config`: what this instance is run with, and where each value comes from."""

from __future__ import annotations

import os
from dataclasses import fields

import click

from growsoft.cli.output import print_rows
from growsoft.config import load


@click.group()
def config() -> None:
    """Show the settings."""


@config.command()
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def show(*, origin: bool, as_json: bool) -> None:
    """Show every setting."""
    settings = load(os.environ)
    rows = [
        {"name": field.name, "value": str(getattr(settings, field.name)), "origin": settings.origin(field.name)}
        for field in fields(settings)
        if field.name not in ("origins", "runtime")
    ]
    print_rows(rows, ("name", "value", "origin") if origin else ("name", "value"), as_json=as_json)
