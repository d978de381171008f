"""`growsoft audit`: the history of a database, sealed and verified."""

from __future__ import annotations

import sys
from typing import Final

import click
from msgspec import structs

from growsoft.cli.instance import open_instance
from growsoft.cli.output import print_json
from growsoft.cli.seals import keep_seal, known_seals
from growsoft.keeper.verbs import HistoryVerified

_BROKEN: Final = 1


@click.group()
def audit() -> None:
    """Verify the history of a database, and seal it."""


@audit.command()
@click.argument("db")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def verify(db: str, *, as_json: bool) -> None:
    """Compare every row of the history with its seal, and the seals with those that the backup sites keep."""
    with open_instance() as instance, instance.keeper() as keeper:
        where = instance.find(db)
        known = known_seals(instance, where.uuid)
        verdict = keeper.verify_history(where.pg_name, known.heads)
    if as_json:
        told = structs.asdict(verdict)
        print_json({"database": db, "whole": not verdict.findings, **told, "compared": len(known.heads),
                    "troubles": known.troubles})  # fmt: skip
    else:
        _tell(db, verdict, len(known.heads), known.troubles)
    if verdict.findings:
        sys.exit(_BROKEN)


@audit.command()
@click.argument("db")
@click.option("--json", "as_json", is_flag=True, help="Print what was sealed as JSON.")
def seal(db: str, *, as_json: bool) -> None:
    """Seal what is new in the history now, and let the backup sites remember it."""
    with open_instance() as instance, instance.keeper() as keeper:
        where = instance.find(db)
        done = keeper.seal_history(where.pg_name)
        troubles = keep_seal(instance, where.uuid, done.head) if done.head else []
    if as_json:
        print_json({"database": db, **structs.asdict(done), "troubles": troubles})
        return
    at = f"seal {done.head.number}" if done.head else "no seal yet"
    click.echo(f"{done.rows} rows were sealed; {at}.")
    for trouble in troubles:
        click.echo(f"Not remembered: {trouble}", err=True)


def _tell(db: str, verdict: HistoryVerified, compared: int, troubles: tuple[str, ...]) -> None:
    swept = f", {verdict.swept} of them swept" if verdict.swept else ""
    click.echo(
        f"{verdict.rows} rows under {verdict.seals} seals{swept}; {verdict.waiting} newer rows are not sealed yet."
    )
    click.echo(f"{compared} seals were compared with those on the backup sites.")
    for trouble in troubles:
        click.echo(f"Not compared: {trouble}", err=True)
    for finding in verdict.findings:
        where = f" ({finding.where})" if finding.where else ""
        click.echo(f"{finding.wrong.upper()}: {finding.text}{where}")
    if verdict.findings:
        click.echo(
            f"The history of {db} was tampered with, or damaged: keep the database as it is and compare backups."
        )
    else:
        click.echo(f"The history of {db} is whole.")
