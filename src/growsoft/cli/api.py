"""`growsoft api`: what software can do from outside."""

from __future__ import annotations

import click

from growsoft.cli.instance import open_instance
from growsoft.cli.output import print_json


@click.group()
def api() -> None:
    """Describe the API for software."""


@api.command()
@click.argument("db")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as it always does.")
def openapi(db: str, *, as_json: bool) -> None:
    """Print the description of the API of a database, whatever anybody may do: OpenAPI 3.1 as JSON.

    What one key opens, its holder reads at /api/1/openapi.json.
    """
    del as_json
    from growsoft.web.api.openapi import description

    with open_instance() as instance, instance.env(instance.find(db), "the command line describes the API") as env:
        print_json(description(env))
